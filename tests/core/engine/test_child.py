import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from kohakuengine import Config, Script
from kohakuengine.engine.child import run_in_child
from kohakuengine.engine.exchange import Unpicklable
from kohakuengine.errors import (
    EntrypointNotFound,
    RunFailed,
    RunLost,
    TransportError,
)


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    """A folder for temporary files, empty again after each test."""
    folder = tmp_path_factory.mktemp("private")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def until():
    import time

    def wait(condition, deadline_s=30):
        deadline = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    return wait


class TestValue:
    def test_crosses_whole(self, script):
        made = script(
            "from pathlib import Path\nx = 1\ndef main(*a, **k): return x, a, k, Path('p')"
        )
        config = Config({"x": float("inf")}, args=[1], kwargs={"k": None})
        assert run_in_child(made, config) == (float("inf"), (1,), {"k": None}, Path("p"))

    def test_the_scripts_own_config_serves(self, script):
        assert run_in_child(script("x = 1\ndef main(): return x", Config({"x": 2}))) == 2

    def test_command_line_and_environment(self, script):
        made = script(
            "import os, sys\ndef main(): return sys.argv[1:], os.environ['NEW'], os.environ['OLD']"
        )
        os.environ["OLD"] = "old"
        try:
            value = run_in_child(made, argv=["--a", "b c"], environment={"NEW": "new"})
        finally:
            del os.environ["OLD"]
        assert value == (["--a", "b c"], "new", "old")

    def test_one_that_cannot_be_pickled_stays(self, script):
        with pytest.warns(UserWarning, match="stayed in its process"):
            value = run_in_child(script("def main(): return (x for x in 'ab')"))
        assert isinstance(value, Unpicklable)

    def test_of_a_guard_that_exits_with_it(self, script):
        made = script(
            "import sys\ndef main(): return {'a': 1}\nif __name__ == '__main__': sys.exit(main())"
        )
        assert run_in_child(made) == {"a": 1}


class TestProcess:
    def test_what_a_script_sees_is_what_python_shows_it(self, script):
        source = """
            import sys
            def main():
                return sys.argv, sys.path[0], __name__, sys.modules["__main__"].__dict__ is globals()
        """
        made = script(source)
        folder = str(made.path.parent)
        assert run_in_child(made) == ([made.location], folder, "__main__", True)

    def test_the_current_folder_is_not_searched_for_our_own_imports(
        self, script, tmp_path, monkeypatch
    ):
        for name in ("pickle", "random", "kohakuengine", "typing"):
            (tmp_path / f"{name}.py").write_text("1/0")
        monkeypatch.chdir(tmp_path)
        assert run_in_child(script("def main(): return 1", name="elsewhere/s.py")) == 1

    def test_the_interpreters_flags_are_passed_on(self, script, python):
        made = script(
            "import sys\ndef main(): return sys.flags.optimize, sys.warnoptions, sys._xoptions, sys.flags.safe_path"
        )
        code = "import sys, kohakuengine; print(kohakuengine.Script(sys.argv[1]).run(use_subprocess=True))"
        said = python(code, "-O", "-Wignore::FutureWarning", "-Xdev", "-P", argv=[made.location])
        assert said == "(1, ['default', 'ignore::FutureWarning'], {'dev': True}, True)\n"

    def test_output_is_its_own(self, script, capfd):
        run_in_child(script("import sys\nprint('out')\nprint('err', file=sys.stderr)"))
        assert capfd.readouterr() == ("out\n", "err\n")

    def test_a_failure_is_shown_and_ends_it_as_python_does(self, script, capfd):
        made = script(
            "def main():\n    raise ValueError('deep')\nif __name__ == '__main__':\n    main()\n"
        )
        with pytest.raises(RunFailed, match="exit code 1"):
            run_in_child(made)
        ours = capfd.readouterr()
        subprocess.run([sys.executable, made.location], check=False)
        assert ours == capfd.readouterr()
        assert "ValueError: deep" in ours.err

    def test_warnings_of_ours_are_one_line(self, script, capfd):
        run_in_child(script("def main(lr=1): pass"), Config(kwargs={"lrr": 1}))
        said = capfd.readouterr().err
        assert re.fullmatch(r"Warning: main\(\) does not take the argument lrr; .*\n", said)

    def test_warnings_of_the_scripts_are_pythons(self, script, capfd):
        made = script("import warnings\nwarnings.warn('own')")
        run_in_child(made)
        ours = capfd.readouterr()
        subprocess.run([sys.executable, made.location], check=False)
        assert ours == capfd.readouterr()
        assert "UserWarning: own" in ours.err


class TestFailure:
    def test_carries_the_childs_traceback(self, script):
        made = script("def main():\n    raise KeyError('k')")
        with pytest.raises(RunFailed, match=r"failed with exit code 1: KeyError: 'k'$") as caught:
            run_in_child(made, Config())
        assert f'File "{made.filename}", line 2, in main' in caught.value.traceback
        assert "kohakuengine" not in caught.value.traceback
        assert caught.value.script is made
        assert caught.value.config == Config()

    def test_exit_codes(self, script):
        for code, status in (("3", 3), ("'text'", 1)):
            with pytest.raises(RunFailed, match=f"exited with exit code {status}") as caught:
                run_in_child(script(f"import sys\nsys.exit({code})"))
            assert caught.value.exit_code == status

    def test_refusals_are_what_they_are(self, script):
        with pytest.raises(EntrypointNotFound):
            run_in_child(script("x = 1"), Config())

    def test_a_config_that_cannot_cross_starts_nothing(self, script, monkeypatch):
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(TransportError, match=r"the config of script: globals\['the_lock'\]"):
            run_in_child(script("print()"), Config({"the_lock": threading.Lock()}))


class TestLost:
    def test_by_os_exit(self, script):
        message = r"script\.py: its process ended with exit code 7 before the run was over"
        with pytest.raises(RunLost, match=message) as caught:
            run_in_child(script("import os\nos._exit(7)"))
        assert caught.value.exit_code == 7

    def test_by_a_signal(self, script):
        made = script("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        with pytest.raises(RunLost, match=r"was killed by SIGKILL \(exit code -9\)") as caught:
            run_in_child(made)
        assert caught.value.exit_code == -9

    def test_not_by_what_comes_after_the_report(self, script):
        assert (
            run_in_child(
                script("import atexit, os\natexit.register(os._exit, 5)\ndef main(): return 1")
            )
            == 1
        )


INTERRUPTED = """
    import signal, sys, time
    import kohakuengine.engine.child as child
    child._GRACE_S = 0.2
    try:
        child.run_in_child(child.Script(sys.argv[1]))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


class TestInterruption:
    def start(self, made, code=INTERRUPTED):
        from textwrap import dedent

        command = [sys.executable, "-c", dedent(code), made.location]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def test_ctrl_c_reaches_the_child_which_may_clean_up(self, script, tmp_path, until):
        source = """
            import pathlib, time
            here = pathlib.Path(__file__).parent
            try:
                (here / "started").touch()
                time.sleep(60)
            finally:
                (here / "cleaned").touch()
        """
        with self.start(script(source)) as process:
            until((tmp_path / "started").exists)
            os.killpg(process.pid, signal.SIGINT)
            assert process.communicate(timeout=30)[0] == "interrupted\n"
        assert (tmp_path / "cleaned").exists()

    def test_a_child_that_does_not_end_is_killed(self, script, tmp_path, until):
        source = """
            import os, pathlib, signal, time
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            here = pathlib.Path(__file__).parent
            (here / "part").write_text(str(os.getpid()))
            (here / "part").rename(here / "pid")
            time.sleep(60)
        """
        with self.start(script(source)) as process:
            until((tmp_path / "pid").exists)
            os.killpg(process.pid, signal.SIGINT)
            assert process.communicate(timeout=30)[0] == "interrupted\n"
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)

    def test_another_error_in_the_caller_ends_the_child(self, script, tmp_path, until):
        source = """
            import pathlib, time
            (pathlib.Path(__file__).parent / "started").touch()
            time.sleep(60)
        """
        code = INTERRUPTED.replace("KeyboardInterrupt", "TimeoutError")
        handler = "\n    def on_alarm(*_): raise TimeoutError\n    signal.signal(signal.SIGUSR1, on_alarm)\n    try:"
        with self.start(script(source), code.replace("\n    try:", handler)) as process:
            until((tmp_path / "started").exists)
            process.send_signal(signal.SIGUSR1)
            assert process.communicate(timeout=30)[0] == "interrupted\n"


def test_a_module_by_name(script, monkeypatch):
    script("", name="pkg/__init__.py")
    monkeypatch.chdir(script("def main(): return __package__", name="pkg/mod.py").path.parents[1])
    assert run_in_child(Script("pkg.mod")) == "pkg"
