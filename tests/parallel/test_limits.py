"""Time, memory, attempts, and what each slot gets."""

import os
import signal
import sys
import time

import pytest
from processes import is_gone, until

from kohakuengine import Config, ConfigGenerator, Script
from kohakuengine.errors import FlowFailed, RunFailed, RunLost, RunTimeout, WorkflowError
from kohakuengine.flow.runs import RunStatus

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

SLEEPS = "import time\ndef main():\n    time.sleep(60)"


# -- time ------------------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_is_a_timeout(mode, write, flow):
    scripts = [write(SLEEPS), write("def main(): return 1", "quick.py")]
    slow, quick = flow(scripts, mode, timeout_s=0.8).results()
    assert slow.status is RunStatus.TIMEOUT
    assert isinstance(slow.error, RunTimeout)
    assert isinstance(slow.error, TimeoutError)
    assert "not over after 0.8 s" in str(slow.error)
    assert 0.8 <= slow.duration_s < 5
    assert quick.value == 1


def test_a_timeout_of_the_scripts_own_is_a_failure(mode, write, run):
    result = run(write("def main(): raise TimeoutError('mine')"), mode, timeout_s=60)
    assert isinstance(result.error, RunFailed)


STUBBORN = """
    import os, pathlib, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    def main():
        child = subprocess.Popen(sleeping)
        grandchild = subprocess.Popen(sleeping, process_group=0)
        text = f"{os.getpid()} {child.pid} {grandchild.pid}"
        pathlib.Path(__file__).with_name("pids").write_text(text)
        time.sleep(60)
"""


@linux
def test_a_run_that_ignores_sigterm_is_killed_with_all_it_started(mode, write, run, mark):
    script = write(STUBBORN)
    started = time.monotonic()
    result = run(script, mode, timeout_s=1.0, grace_s=0.3)
    assert result.status is RunStatus.TIMEOUT
    assert 1.3 <= result.duration_s < 10
    assert time.monotonic() - started < 15
    pids = map(int, script.path.with_name("pids").read_text().split())
    until(lambda: all(is_gone(pid) for pid in pids), 2, "the end of the run's processes")
    until(lambda: not mark.pids(), 2, "the end of all processes")


@linux
def test_no_grace_at_all(mode, write, run, mark):
    started = time.monotonic()
    result = run(write(STUBBORN), mode, timeout_s=1.0, grace_s=0)
    assert result.status is RunStatus.TIMEOUT
    assert time.monotonic() - started < 10
    until(lambda: not mark.pids(), 2, "the end of all processes")


@linux
def test_what_a_run_started_ends_with_it_when_it_heeds_sigterm(isolated, write, run, mark):
    script = write("""
        import subprocess, sys, time
        def main():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            time.sleep(60)
    """)
    assert run(script, isolated, timeout_s=1.0, grace_s=30).status is RunStatus.TIMEOUT
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_a_value_returned_after_the_time_was_over_is_a_timeout(mode, write, run):
    script = write("""
        import signal, time
        class Over(Exception): pass
        def over(*_): raise Over
        signal.signal(signal.SIGTERM, over)
        def main():
            try:
                time.sleep(60)
            except Over:
                return "late"
    """)
    result = run(script, mode, timeout_s=0.8, grace_s=20)
    assert (result.status, result.value) == (RunStatus.TIMEOUT, None)
    assert result.duration_s < 15


def test_an_import_that_hangs_is_a_timeout_too(mode, write, run, tmp_path, monkeypatch):
    (tmp_path / "hangs_at_import.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = time.monotonic()
    result = run(write("import hangs_at_import\ndef main(): pass"), mode, timeout_s=1, grace_s=0.2)
    assert result.status is RunStatus.TIMEOUT
    assert time.monotonic() - started < 10


def test_many_runs_that_take_too_long(mode, write, flow):
    script = write("import time\nlong = 0\ndef main(): time.sleep(60 * long)")
    scripts = [Script(script.location, Config({"long": number % 2})) for number in range(8)]
    results = flow(scripts, mode, timeout_s=2, grace_s=0.1).results()
    assert [result.status.value for result in results] == ["success", "timeout"] * 4


@pytest.mark.parametrize("seconds", [10.0**12, float("inf"), 0.001 + 10**9])
def test_more_time_than_there_is(mode, seconds, write, run):
    assert run(write("def main(): return 1"), mode, timeout_s=seconds).value == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"timeout_s": 0}, "timeout_s must be more than 0, got 0"),
        ({"timeout_s": -1}, "timeout_s must be more than 0, got -1"),
        ({"grace_s": -1}, "grace_s cannot be negative, got -1"),
        ({"memory_limit_mb": 0}, "memory_limit_mb must be a number of at least 1, got 0"),
        ({"threads_per_run": 0}, "threads_per_run must be at least 1, got 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(mode, option, message, write, flow):
    with pytest.raises(WorkflowError, match=message):
        flow([write(SLEEPS)], mode, **option).run()


# -- memory ----------------------------------------------------------------------------------------


@linux
def test_more_memory_than_allowed_is_a_memory_error(mode, write, flow):
    greedy = write("def main(): return len(bytes(2 * 2**30))")
    modest = write("def main(): return len(bytes(2**20))", "modest.py")
    failed, fine = flow([greedy, modest], mode, memory_limit_mb=1024).results()
    assert isinstance(failed.error, RunFailed)
    assert failed.error.kinds[0] == "MemoryError"
    assert fine.value == 2**20


@linux
def test_the_limit_holds_for_what_the_run_starts(mode, write, run):
    script = write("""
        import subprocess, sys
        def main():
            command = [sys.executable, "-c", "bytes(2 * 2**30)"]
            return subprocess.run(command, stderr=-1).stderr.splitlines()[-1]
    """)
    assert run(script, mode, memory_limit_mb=1024).value == b"MemoryError"


# -- attempts --------------------------------------------------------------------------------------

# Fails in as many ways as there are attempts before the last.
FLAKY = """
    import os, time
    ways = []
    def main():
        attempt = int(os.environ["KOGINE_ATTEMPT"])
        if attempt <= len(ways):
            exec(ways[attempt - 1])
        return attempt
"""


def test_retries_of_all_that_may_differ(mode, write, flow):
    script = write(FLAKY, ways=["raise OSError", "os._exit(3)", "time.sleep(60)", "1 / 0"])
    [result] = flow(script, mode, retries=4, timeout_s=0.8).results()
    assert (result.status, result.value, result.attempt) == (RunStatus.SUCCESS, 5, 5)


@pytest.mark.parametrize(
    ("retry_on", "way", "attempts"),
    [
        (["lost"], "os._exit(3)", 2),
        (["lost"], "raise OSError", 1),
        (["timeout"], "time.sleep(60)", 2),
        (["timeout"], "raise TimeoutError", 1),
        ([OSError], "raise ConnectionError", 2),
        (["OSError"], "raise ConnectionError", 2),
        ([ValueError], "raise OSError", 1),
        ([RunLost], "os._exit(1)", 2),
        ([RunTimeout, ValueError], "time.sleep(60)", 2),
    ],
)
def test_retries_of_what_is_asked_for(retry_on, way, attempts, write, flow):
    script = write(FLAKY, ways=[way] * 5)
    options = {"retries": 1, "retry_on": retry_on, "timeout_s": 0.8, "grace_s": 0.1}
    [result] = flow(script, "fork", **options).results()
    assert (result.ok, result.attempt) == (False, attempts)


def test_retries_of_a_class_of_the_scripts_own(mode, write, flow):
    script = write("""
        import os
        class Flaky(ValueError): pass
        def main():
            if os.environ["KOGINE_ATTEMPT"] == "1": raise Flaky
            return "second"
    """)
    assert flow(script, mode, retries=1, retry_on=["Flaky"]).run() == ["second"]


def test_a_flow_stops_at_its_bound_of_failures(mode, write, flow):
    script = write("number = 0\ndef main(): raise ValueError(number)")
    configs = ConfigGenerator(Config({"number": number}) for number in range(1000))
    scripts = Script(script.location, configs)
    with pytest.raises(FlowFailed, match="the flow stopped at max_failures=3") as caught:
        flow(scripts, mode, max_failures=3).run()
    assert 3 <= len(caught.value.results) <= 4
    configs = ConfigGenerator(Config({"number": number}) for number in range(1000))
    scripts = Script(script.location, configs)
    with pytest.raises(FlowFailed, match="max_identical_failures=2"):
        flow(scripts, mode, max_identical_failures=2).run()


def test_stopping_at_a_failure_lets_the_others_end(mode, write, flow, tmp_path):
    script = write("""
        import pathlib, time
        number = 0
        folder = pathlib.Path(__file__).parent
        def main():
            if number == 1:
                deadline = time.monotonic() + 30
                while not (folder / "here").exists() and time.monotonic() < deadline:
                    time.sleep(0.005)
                raise ValueError
            (folder / "here").touch()
            time.sleep(0.3)
            (folder / "ended").touch()
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in range(5)]
    with pytest.raises(FlowFailed) as caught:
        flow(scripts, mode, on_error="stop").run()
    assert [str(result.status) for result in caught.value.results] == ["success", "failed"]
    assert (script.path.parent / "ended").exists()


def test_raising_at_a_failure_ends_the_others(mode, write, flow, mark):
    script = write("""
        import pathlib, time
        number = 0
        here = pathlib.Path(__file__).with_name("here")
        def main():
            if number == 0:
                here.touch()
                time.sleep(60)
            deadline = time.monotonic() + 30
            while not here.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            raise ValueError
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in range(5)]
    started = time.monotonic()
    with pytest.raises(FlowFailed) as caught:
        flow(scripts, mode, on_error="raise").run()
    assert time.monotonic() - started < 20
    assert [str(result.status) for result in caught.value.results] == ["cancelled", "failed"]


# -- what a slot gets ------------------------------------------------------------------------------

ASKS = """
    import os, time
    names = []
    def main():
        time.sleep(0.02)
        return tuple(os.environ.get(name) for name in names)
"""


def asking(write, *names, count=1):
    script = write(ASKS)
    return [Script(script.location, Config({"names": list(names)})) for _ in range(count)]


def test_runs_know_their_slot_and_their_number(mode, write, flow):
    names = ("KOGINE_WORKER_ID", "KOGINE_RUN_INDEX", "KOGINE_ATTEMPT")
    results = flow(asking(write, *names, count=6), mode).results()
    for number, result in enumerate(results):
        assert result.value == (str(result.slot), str(number), "1")
    assert {result.slot for result in results} == {0, 1}


def test_each_slot_has_gpus_of_its_own(mode, write, flow, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    names = ("KOGINE_WORKER_ID", "CUDA_VISIBLE_DEVICES")
    scripts = asking(write, *names, count=6)
    values = flow(scripts, mode, gpus="0,1,2,3", gpus_per_run=2).run()
    assert set(values) == {("0", "0,1"), ("1", "2,3")}


def test_two_slots_share_a_gpu(mode, write, flow, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    scripts = asking(write, "CUDA_VISIBLE_DEVICES", count=4)
    values = flow(scripts, mode, gpus=["GPU-a"], gpus_per_run=0.5).run()
    assert values == [("GPU-a",)] * 4


def test_gpus_of_this_process_are_divided(mode, write, flow, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    scripts = asking(write, "KOGINE_WORKER_ID", "CUDA_VISIBLE_DEVICES", count=6)
    assert set(flow(scripts, mode, gpus="auto").run()) == {("0", "5"), ("1", "7")}


def test_threads_of_libraries_are_bounded(mode, write, flow, monkeypatch):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert flow(asking(write, *names), mode, threads_per_run=3).run() == [("3",) * 4]
    assert flow(asking(write, *names), mode, max_workers=512).run() == [("1",) * 4]


@linux
def test_a_library_held_by_a_zygote_keeps_to_its_threads(write, run, monkeypatch):
    pytest.importorskip("numpy")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    script = write("""
        import numpy, os
        def main():
            numpy.ones((300, 300)) @ numpy.ones((300, 300))
            return len(os.listdir("/proc/self/task"))
    """)
    assert run(script, "fork", threads_per_run=1).value == 1


def test_a_variable_of_the_caller_is_seen_as_it_is_when_the_flow_begins(
    mode, write, flow, monkeypatch
):
    monkeypatch.setenv("MINE", "before")
    made = flow(asking(write, "MINE"), mode)
    monkeypatch.setenv("MINE", "now")
    assert made.run() == [("now",)]


def test_a_config_file_is_evaluated_for_the_slot(mode, write, flow, tmp_path):
    (tmp_path / "conf.py").write_text(
        "from kohakuengine import Config\n"
        "def config_gen(worker_id=None):\n"
        "    return Config({'device': f'cuda:{worker_id}'})\n"
    )
    script = write("""
        import os, time
        device = ""
        def main():
            time.sleep(0.02)
            return device, os.environ["KOGINE_WORKER_ID"]
    """)
    scripts = [
        Script(script.location, Config.from_file(str(tmp_path / "conf.py"))) for _ in range(6)
    ]
    values = flow(scripts, mode).run()
    assert set(values) == {("cuda:0", "0"), ("cuda:1", "1")}


@linux
def test_workers_are_as_many_as_the_cpus_of_this_process(write, flow):
    made = flow([write(SLEEPS)], "fork", max_workers=None).make_executor()
    made.shutdown()
    assert made.capacity <= len(os.sched_getaffinity(0))


def test_a_signal_of_the_callers_is_not_ours(mode, write, run):
    """The caller's own handlers stay as they are."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    assert run(write("def main(): pass"), mode).ok
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == handlers
