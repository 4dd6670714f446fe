"""What every executor promises, as tests: inherit them, say how one is made, and they are run.

    class TestClusterExecutor(ExecutorContract):
        elsewhere = isolated = waits = True

        def make_executor(self):
            return ClusterExecutor(nodes=2)

They use pytest's ``tmp_path`` and ``monkeypatch``, by name: pytest itself is not imported here.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import SkipTest
from warnings import catch_warnings, simplefilter

from kohakuengine.config.base import Config
from kohakuengine.engine.script import Script
from kohakuengine.errors import EntrypointArgumentError, RunFailed, RunLost, TransportError
from kohakuengine.flow.base import ScriptWorkflow
from kohakuengine.flow.executors import Executor
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine.testing.belongings import belongings
from kohakuengine.testing.scripts import MEETING, REVERSED, TICKING, with_values, write_script

__all__ = ["ExecutorContract"]


class Colour(Enum):
    """A class that configs and scripts can import."""

    RED = "red"


class _Flow(ScriptWorkflow):
    def __init__(
        self, scripts: Sequence[Script], make: Callable[[], Executor], **options: Any
    ) -> None:
        super().__init__(scripts, **options)
        self._make = make

    def make_executor(self) -> Executor:
        return self._make()


class ExecutorContract:
    """The tests. A subclass says how an executor is made, and which kind it is.

    Attributes:
        elsewhere: Whether runs happen in other processes than the caller's.
        isolated: Whether each of them has a process of its own.
        waits: Whether `submit` returns before the run is over.
        deadline_s: After how long something that should happen is taken for not happening.
    """

    elsewhere = False
    isolated = False
    waits = False
    deadline_s = 60.0

    def make_executor(self) -> Executor:
        """A new executor, with the capacity to be tested."""
        raise NotImplementedError

    # -- order and values --------------------------------------------------------------------------

    def test_holds_at_least_one_run(self) -> None:
        """``capacity`` is 1 or more."""
        executor = self.make_executor()
        executor.shutdown()
        assert executor.capacity >= 1

    def test_holds_as_many_runs_at_once_as_it_says(self, tmp_path: Path) -> None:
        """Runs up to ``capacity`` are under way together: each can wait for all the others."""
        count = self._window()
        script = write_script(tmp_path, MEETING)
        values = self._values(
            script.location, [{"me": number, "count": count} for number in range(count)]
        )
        assert values == list(range(count))

    def test_values_are_in_the_order_given(self, tmp_path: Path) -> None:
        """Also when later runs end before earlier ones."""
        count = self._window()
        script = write_script(tmp_path, REVERSED)
        values = self._values(
            script.location, [{"me": number, "last": count - 1} for number in range(count)]
        )
        assert values == list(range(count))

    def test_plain_values_arrive_whole(self, tmp_path: Path) -> None:
        """None, booleans, numbers, texts, bytes, and all containers of them."""
        value = [None, True, -1, 2**70, 1.5, 1j, "é\n\0", b"\0", (1, [2]), {3}, frozenset({4}), ...]
        assert self._returned(tmp_path, repr(value)) == value
        assert self._returned(tmp_path, "{'a': {'b': ({'c': None},)}, (1, 2): []}") == {
            "a": {"b": ({"c": None},)},
            (1, 2): [],
        }

    def test_nan_and_infinity_arrive_whole(self, tmp_path: Path) -> None:
        """What has no literal does not get lost on the way."""
        nan, infinity = self._returned(tmp_path, "float('nan'), float('-inf')")
        assert math.isnan(nan)
        assert infinity == -math.inf

    def test_objects_of_importable_classes_arrive_whole(self, tmp_path: Path) -> None:
        """Paths, Enums and the like are what they were."""
        source = "import pathlib, kohakuengine.testing.contract as c\ndef main(): return "
        value = self._value(write_script(tmp_path, source + "pathlib.Path('a/b'), c.Colour.RED"))
        assert value == (Path("a/b"), Colour.RED)

    def test_objects_of_the_scripts_classes_arrive(self, tmp_path: Path) -> None:
        """Across processes that takes cloudpickle: the classes are those of a main script."""
        self._needs_cloudpickle()
        source = """
            class Point:
                def __init__(self, x): self.x = x
                def doubled(self): return self.x * 2
            def main(): return {"point": Point(21)}
        """
        assert self._value(write_script(tmp_path, source))["point"].doubled() == 42

    def test_big_values_arrive_whole(self, tmp_path: Path) -> None:
        """More than fits into a pipe or a socket's buffer."""
        value = self._returned(tmp_path, "bytes(range(256)) * 40_000")
        assert value == bytes(range(256)) * 40_000

    def test_a_value_that_cannot_cross_is_described(self, tmp_path: Path) -> None:
        """Across processes: the run has succeeded, and a warning names it."""
        if not self.elsewhere:
            raise SkipTest("runs are in the caller's process")
        source = "import threading\ndef main(): return threading.Lock()"
        with catch_warnings(record=True) as caught:
            simplefilter("always")
            result = self._result(write_script(tmp_path, source))
        assert result.ok
        assert repr(result.value) == "<unpicklable: a _thread.lock>"
        assert any("script.py in run 1 stayed" in str(warning.message) for warning in caught)

    # -- configs -----------------------------------------------------------------------------------

    def test_config_values_arrive_whole(self, tmp_path: Path) -> None:
        """Globals keep their types; arguments and ``argv`` arrive as well."""
        given = {"a": (1, {2}), "b": Path("x"), "c": Colour.RED, "d": None, "e": b"\0" * 10**6}
        source = "import sys\ndef main(*args, **kwargs): return a, b, c, d, e, args, kwargs"
        config = Config(given, args=[1, "two"], kwargs={"k": [3]})
        value = self._value(write_script(tmp_path, source, config))
        assert value == (*given.values(), (1, "two"), {"k": [3]})

    def test_functions_and_local_classes_arrive(self, tmp_path: Path) -> None:
        """What pickle can only name arrives too, where cloudpickle is installed."""
        self._needs_cloudpickle()

        class Local:
            attribute = 1

        given = {"f": lambda x: x + Local.attribute, "C": Local}
        source = "def main(): return f(1), C.attribute"
        assert self._value(write_script(tmp_path, source, Config(given))) == (2, 1)

    def test_what_cannot_cross_is_refused_by_name(self, tmp_path: Path) -> None:
        """Across processes: the run's result is a `TransportError` that names the key."""
        if not self.elsewhere:
            raise SkipTest("runs are in the caller's process")
        config = Config({"fine": 1, "the_lock": threading.Lock()})
        result = self._result(write_script(tmp_path, "def main(): pass", config))
        assert isinstance(result.error, TransportError)
        assert "the_lock" in str(result.error)

    def test_command_line_arguments_arrive(self, tmp_path: Path) -> None:
        """``spec.argv`` is the script's ``sys.argv[1:]``."""
        script = write_script(tmp_path, "import sys\ndef main(): return sys.argv")
        value = self._value(script, argv=["--flag", "two words"])
        assert value == [script.location, "--flag", "two words"]

    def test_overrides_hold_where_the_script_assigns(self, tmp_path: Path) -> None:
        """What is derived from an overridden global follows it."""
        source = "lr = 0.1\ndecay = lr / 10\ndef main(): return decay"
        assert self._value(write_script(tmp_path, source, Config({"lr": 10.0}))) == 1.0

    def test_scripts_with_helpers_of_one_name_get_their_own(self, tmp_path: Path) -> None:
        """Two folders, each with a ``helper.py``."""
        scripts = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "helper.py").write_text(f"name = {name!r}\n")
            scripts.append(write_script(folder, "import helper\ndef main(): return helper.name"))
        assert self._flow(scripts).run() == ["one", "two"]

    # -- failures ----------------------------------------------------------------------------------

    def test_a_failure_is_a_result(self, tmp_path: Path) -> None:
        """Not an exception of the future; it says which error, and what it said."""
        result = self._result(write_script(tmp_path, "def main(): raise KeyError('the message')"))
        assert result.status is RunStatus.FAILED
        assert isinstance(result.error, RunFailed)
        assert "KeyError: 'the message'" in str(result.error)
        assert result.error.exit_code == 1

    def test_a_failure_has_the_scripts_traceback(self, tmp_path: Path) -> None:
        """With the script's own lines, and no frame above the script's."""
        source = "\ndef inner():\n    raise ValueError('deep')\ndef main():\n    inner()  # here\n"
        script = write_script(tmp_path, source)
        lines = self._result(script).traceback.splitlines()
        assert lines[:3] == [
            "Traceback (most recent call last):",
            f'  File "{script.filename}", line 5, in main',
            "    inner()  # here",
        ]
        assert lines[-1] == "ValueError: deep"

    def test_a_failure_has_kinds_and_a_place(self, tmp_path: Path) -> None:
        """By which failures are grouped, and chosen to be tried again."""
        source = "class Mine(KeyError): pass\ndef main():\n    raise Mine('x')"
        error = self._result(write_script(tmp_path, source)).error
        assert isinstance(error, RunFailed)
        assert error.kinds == ("Mine", "KeyError", "LookupError", "Exception")
        assert error.where == "script.py:3"

    def test_what_is_no_python_is_a_failure(self, tmp_path: Path) -> None:
        """A `SyntaxError` that only the executor meets is one run's failure."""
        script = write_script(tmp_path, "def main(): pass")
        spec = RunSpec(0, script)
        script.path.write_text("def main(:")
        result = self._run(spec)
        assert result.status is RunStatus.FAILED
        assert "SyntaxError" in str(result.error)

    def test_exit_codes_are_the_scripts(self, tmp_path: Path) -> None:
        """``sys.exit`` with a status other than 0, or with a text, is a failure."""
        for code, status in (("3", 3), ("'text'", 1)):
            result = self._result(write_script(tmp_path, f"import sys\nsys.exit({code})"))
            assert isinstance(result.error, RunFailed)
            assert result.error.exit_code == status
            assert f"exit code {status}" in str(result.error)
            assert result.traceback == ""

    def test_exit_with_status_0_is_success(self, tmp_path: Path) -> None:
        """As it is for ``python script.py``."""
        for code in ("", "0", "None"):
            assert self._result(write_script(tmp_path, f"import sys\nsys.exit({code})")).ok

    def test_an_argument_that_nothing_takes_is_refused_if_strict(self, tmp_path: Path) -> None:
        """``spec.strict`` arrives; the engine's own errors arrive as what they are."""
        script = write_script(tmp_path, "def main(lr): pass", Config(kwargs={"lrr": 1}))
        result = self._result(script, strict=True)
        assert isinstance(result.error, EntrypointArgumentError)

    def test_goes_on_after_a_failure(self, tmp_path: Path) -> None:
        """The next run in the same slot is not affected."""
        script = write_script(tmp_path, "n = 0\ndef main(): return 1 // n")
        results = self._flow(
            [with_values(script, n) for n in (0, 1)], on_error="continue"
        ).results()
        assert [result.ok for result in results] == [False, True]

    def test_a_process_that_dies_is_a_lost_run(self, tmp_path: Path) -> None:
        """``os._exit`` and signals; the runs after it are not affected."""
        if not self.elsewhere:
            raise SkipTest("a process that dies is the caller's")
        source = "import os, signal\nhow = ''\ndef main(): exec(how); return 'alive'"
        script = write_script(tmp_path, source)
        ways = ["os._exit(7)", "os.kill(os.getpid(), signal.SIGKILL)", ""]
        scripts = [with_values(script, how=how) for how in ways]
        exited, killed, fine = self._flow(scripts, on_error="continue").results()
        assert isinstance(exited.error, RunLost)
        assert exited.status is RunStatus.LOST
        assert "exit code 7" in str(exited.error)
        assert "SIGKILL" in str(killed.error)
        assert fine.value == "alive"

    # -- what a result tells -----------------------------------------------------------------------

    def test_results_tell_which_run_they_are_of(self, tmp_path: Path) -> None:
        """Index, attempt, slot, when it started and how long it took."""
        script = write_script(tmp_path, "def main(): return 1")
        spec = RunSpec(5, script, attempt=2, slot=0)
        before = time.time()
        result = self._run(spec)
        assert (result.index, result.attempt, result.slot) == (5, 2, 0)
        assert before - 1 <= result.started <= time.time() + 1  # clocks of two machines may differ
        assert 0 < result.duration_s < self.deadline_s

    def test_the_environment_tells_which_run_it_is(self, tmp_path: Path) -> None:
        """Across processes: ``KOGINE_WORKER_ID``, ``KOGINE_RUN_INDEX``, ``KOGINE_ATTEMPT``."""
        if not self.elsewhere:
            raise SkipTest("the environment is the caller's")
        names = ("KOGINE_WORKER_ID", "KOGINE_RUN_INDEX", "KOGINE_ATTEMPT")
        source = f"import os\ndef main(): return [os.environ[name] for name in {names}]"
        spec = RunSpec(5, write_script(tmp_path, source), attempt=2, slot=0)
        assert self._run(spec).value == ["0", "5", "2"]

    # -- what one run does to another, and to the caller -------------------------------------------

    def test_the_current_folder_is_put_back(self, tmp_path: Path) -> None:
        """A script that goes elsewhere takes neither the caller nor the next run with it."""
        script = write_script(tmp_path, "import os\nos.chdir('/')\ndef main(): pass")
        asking = write_script(
            tmp_path, "import os\ndef main(): return os.getcwd()", name="asking.py"
        )
        here = os.getcwd()
        assert self._flow([asking, script, asking]).run() == [here, None, here]
        assert os.getcwd() == here

    def test_a_closed_stdout_is_the_runs_own(self, tmp_path: Path) -> None:
        """Where each run has a process."""
        if not self.isolated:
            raise SkipTest("runs share their processes' streams")
        closing = write_script(tmp_path, "import sys\nsys.stdout.close()\ndef main(): pass")
        printing = write_script(tmp_path, "print('fine')\ndef main(): return 1", name="printing.py")
        assert self._flow([closing, printing]).run() == [None, 1]

    def test_the_insides_of_modules_are_the_runs_own(self, tmp_path: Path) -> None:
        """Where each run has a process: nothing that a script changes is seen by another."""
        if not self.isolated:
            raise SkipTest("runs share their processes' modules")
        source = "import math, os\nold = math.pi\nmath.pi = 3\nos.environ['X'] = 'x'\n"
        script = write_script(tmp_path, source + "def main(): return old")
        assert self._flow([script, script]).run() == [math.pi, math.pi]
        assert "X" not in os.environ

    # -- the end -----------------------------------------------------------------------------------

    def test_shutdown_waits_for_what_is_under_way(self, tmp_path: Path) -> None:
        """Unless it is told to cancel."""
        script = write_script(tmp_path, "import time\ntime.sleep(0.2)\ndef main(): return 1")
        executor = self.make_executor()
        future = executor.submit(RunSpec(0, script))
        executor.shutdown()
        assert future.done()
        assert future.result().value == 1

    def test_shutdown_may_come_twice(self, tmp_path: Path) -> None:
        """The second changes nothing."""
        executor = self.make_executor()
        executor.submit(RunSpec(0, write_script(tmp_path, "def main(): pass"))).result(
            self.deadline_s
        )
        executor.shutdown()
        executor.shutdown(cancel=True)

    def test_cancel_stops_what_is_under_way(self, tmp_path: Path) -> None:
        """`shutdown` returns soon, the futures are done, and nothing goes on."""
        self._check_cancel(write_script(tmp_path, TICKING), tmp_path / "ticks")

    def test_cancel_stops_what_scripts_have_started(self, tmp_path: Path) -> None:
        """Also the processes that a script has started do not go on."""
        ticking = write_script(tmp_path, TICKING, name="ticking.py")
        source = f"import subprocess, sys\nsubprocess.run([sys.executable, {ticking.filename!r}])"
        self._check_cancel(write_script(tmp_path, source), tmp_path / "ticks")

    def test_nothing_is_left_behind(self, tmp_path: Path, monkeypatch: Any) -> None:
        """No process, thread, file descriptor or temporary file of a flow that is over."""
        script = write_script(tmp_path, "n = 0\ndef main(): return 1 // n")
        flow = [with_values(script, n) for n in (1, 0, 1)]
        private = tmp_path / "tmp"
        private.mkdir()
        # The first may start what serves all later ones, such as multiprocessing's tracker.
        self._flow(flow, on_error="continue").results()
        monkeypatch.setenv("TMPDIR", str(private))
        monkeypatch.setattr(tempfile, "tempdir", None)
        before = belongings()
        self._flow(flow, on_error="continue").results()
        self._until(lambda: not belongings() - before)
        assert list(private.iterdir()) == []

    # -- the means ---------------------------------------------------------------------------------

    def _window(self) -> int:
        """How many runs at once are tried: the capacity, but not a whole cluster's."""
        executor = self.make_executor()
        executor.shutdown()
        return min(executor.capacity, 3)

    def _run(self, spec: RunSpec) -> RunResult:
        executor = self.make_executor()
        try:
            return executor.submit(spec).result(self.deadline_s)
        finally:
            executor.shutdown()

    def _flow(self, scripts: Sequence[Script], **options: Any) -> _Flow:
        return _Flow(scripts, self.make_executor, **options)

    def _value(self, script: Script, **options: Any) -> Any:
        return self._flow([script], **options).run()[0]

    def _values(self, location: str, each: Sequence[dict[str, Any]]) -> list[Any]:
        return self._flow([Script(location, Config(values)) for values in each]).run()

    def _result(self, script: Script, **options: Any) -> RunResult:
        return self._flow([script], on_error="continue", **options).results()[0]

    def _returned(self, folder: Path, expression: str) -> Any:
        return self._value(write_script(folder, f"def main(): return {expression}"))

    def _needs_cloudpickle(self) -> None:
        if self.elsewhere and find_spec("cloudpickle") is None:
            raise SkipTest("cloudpickle is not installed")

    def _check_cancel(self, script: Script, ticks: Path) -> None:
        if not self.waits:
            raise SkipTest("a run is over when submit returns")
        executor = self.make_executor()
        future: Future[RunResult] = executor.submit(RunSpec(0, script))
        self._until(lambda: ticks.exists() and ticks.stat().st_size > 2)
        started = time.monotonic()
        executor.shutdown(cancel=True)
        assert time.monotonic() - started < self.deadline_s / 2
        assert future.done()
        assert future.cancelled() or not future.result().ok
        assert _stands_still(ticks)

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.deadline_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)


def _stands_still(file: Path, quiet_s: float = 0.3) -> bool:
    """Whether a file that was written every few milliseconds is not written any more."""
    size = file.stat().st_size
    time.sleep(quiet_s)
    return file.stat().st_size == size
