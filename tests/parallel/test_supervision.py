"""Executors by themselves: their end, their interruption, and what is wrong with them."""

import gc
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import pytest
from processes import start_program, until

from kohakuengine import Config, Script
from kohakuengine.flow.executors import executor_named
from kohakuengine.flow.runs import RunSpec, RunStatus
from kohakuengine.testing.belongings import belongings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

SLEEPS = """
    import pathlib, signal, sys, time
    number, ignores = 0, False
    def main():
        if ignores:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(__file__).with_name(f"begun-{number}").touch()
        time.sleep(60)
"""


@pytest.fixture
def executor(mode, tmp_path, mark, scratch):
    """An executor, of which nothing may be left."""
    made = executor_named(mode)(2, log_dir=tmp_path / "logs", grace_s=0.3)
    yield made
    made.shutdown(cancel=True)
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def sleeping(write, count=2, **values):
    script = write(SLEEPS)
    return [
        RunSpec(number, Script(script.location, Config({"number": number, **values})), slot=number)
        for number in range(count)
    ]


def with_config(spec):
    return replace(spec, config=spec.script.config)


def begun(spec):
    path = spec.script.path.with_name(f"begun-{spec.index}")
    return path.exists()


def interrupt_main_thread(until_what):
    """From another thread, when something has happened."""

    def interrupt():
        until(until_what)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


def test_an_interrupt_of_a_waiting_shutdown_stops_the_runs(executor, write):
    specs = sleeping(write)
    futures = [executor.submit(with_config(spec)) for spec in specs]
    thread = interrupt_main_thread(lambda: all(map(begun, specs)))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        executor.shutdown()
    thread.join()
    assert time.monotonic() - started < 15
    assert [future.result(0).status for future in futures] == [RunStatus.CANCELLED] * 2


def test_a_second_interrupt_of_a_shutdown_kills_the_runs(mode, write, tmp_path, mark, scratch):
    executor = executor_named(mode)(2, log_dir=tmp_path / "logs", grace_s=60)
    specs = sleeping(write, ignores=True)
    futures = [executor.submit(with_config(spec)) for spec in specs]
    until(lambda: all(map(begun, specs)))
    # The first is taken for granted: it was that of whoever says `cancel`.
    begin = time.monotonic()
    thread = interrupt_main_thread(lambda: time.monotonic() > begin + 0.2)
    executor.shutdown(cancel=True)
    thread.join()
    assert time.monotonic() - begin < 15
    assert [future.result(0).status for future in futures] == [RunStatus.CANCELLED] * 2
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def test_what_is_submitted_while_all_is_stopped_never_starts(executor, write):
    specs = sleeping(write, 1, ignores=True)
    first = executor.submit(with_config(specs[0]))
    until(lambda: begun(specs[0]))
    thread = threading.Thread(target=executor.shutdown, kwargs={"cancel": True})
    thread.start()
    until(lambda: executor._stopping)
    late = write("import pathlib\npathlib.Path(__file__).with_name('late').touch()", "late.py")
    second = executor.submit(RunSpec(1, late, slot=1))
    thread.join()
    assert first.result(30).status is RunStatus.CANCELLED
    assert not second.done() or second.result().status is RunStatus.CANCELLED
    assert not late.path.with_name("late").exists()


def test_an_error_of_our_own_leaves_nobody_waiting(executor, write, mark):
    [spec] = sleeping(write, 1)
    future = executor.submit(with_config(spec))
    until(lambda: begun(spec))

    def wrong():
        raise ZeroDivisionError

    executor.supervisor.call(wrong)
    with pytest.raises(ZeroDivisionError):
        future.result(30)
    with pytest.raises(RuntimeError, match="the supervisor of the runs has failed"):
        executor.submit(with_config(spec))
    until(lambda: not mark.pids(), 5, "the end of all processes")


def test_an_executor_that_nobody_used_ends(executor):
    gc.collect()  # what other tests left might go in between
    before = belongings()
    executor.shutdown()
    executor.shutdown(cancel=True)
    assert belongings() == before


def test_an_executor_that_is_forgotten_ends_with_the_program(mode, write, tmp_path, mark, scratch):
    script = write(SLEEPS)
    program = """
import sys
from kohakuengine import Script
from kohakuengine.flow.executors import executor_named
from kohakuengine.flow.runs import RunSpec
executor = executor_named(sys.argv[2])(1)
executor.submit(RunSpec(0, Script(sys.argv[1])))
input()
"""
    words = (script.location, mode)
    with start_program(program, tmp_path, *words, stdin=-1) as started:
        until(script.path.with_name("begun-0").exists)
        out, err = started.communicate("\n", timeout=30)
    assert (out, err, started.returncode) == ("", "", 0)
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def test_a_stream_that_is_left_ends_with_the_program(mode, write, tmp_path, mark, scratch):
    script = write("import time\ndef main():\n    time.sleep(0.01)\n    return 'done'")
    source = f"""
from kohakuengine import Parallel, Script
scripts = [Script({script.location!r})] * 200
stream = Parallel(scripts, max_workers=2, executor={mode!r}).stream()
print(next(stream).value)
"""
    with start_program(source, tmp_path) as program:
        out, err = program.communicate(timeout=30)
    assert (out, err, program.returncode) == ("done\n", "", 0)
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def test_a_program_that_forks_while_runs_are_under_way(mode, write, tmp_path, mark):
    """A child of the caller's, which has all of its files, keeps nothing alive."""
    script = write(SLEEPS)
    program = """
import os, pathlib, sys, time
from kohakuengine import Script
from kohakuengine.flow.executors import executor_named
from kohakuengine.flow.runs import RunSpec
executor = executor_named(sys.argv[2])(1)
executor.submit(RunSpec(0, Script(sys.argv[1])))
while not pathlib.Path(sys.argv[1]).with_name("begun-0").exists():
    time.sleep(0.01)
if os.fork() == 0:
    time.sleep(60)
os.kill(os.getpid(), 9)
"""
    words = (script.location, mode)
    with start_program(program, tmp_path, *words) as started:
        started.wait(30)
        left = lambda: [pid for pid in mark.pids() if os.getpgid(pid) != started.pid]  # noqa: E731
        until(lambda: not left(), 2, "the end of all processes")
        assert len(mark.pids()) == 1  # that child
        mark.kill()


def test_orders_that_do_not_fit_into_the_socket_wait(write, tmp_path, mark):
    """A zygote that is slow, here by being stopped, is not waited for."""
    executor = executor_named("fork")(400, log_dir=tmp_path / "logs")
    script = write("number, data = 0, b''\ndef main(): return number, len(data)")
    first = executor.submit(RunSpec(0, script))
    assert first.result(30).value == (0, 0)
    [zygote] = mark.children_of(os.getpid())
    os.kill(zygote, signal.SIGSTOP)
    futures = []
    for number in range(1, 400):
        config = Config({"number": number, "data": bytes(20_000)})
        futures.append(executor.submit(RunSpec(number, script, config, slot=number)))
    os.kill(zygote, signal.SIGCONT)
    values = [future.result(60).value for future in futures]
    assert values == [(number, 20_000) for number in range(1, 400)]
    executor.shutdown()
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_a_value_that_only_cloudpickle_can_carry_makes_it_held(write, flow):
    script = write("""
        import sys
        class Mine: pass
        def main():
            held = "cloudpickle" in sys.modules
            one = Mine()
            one.held = held
            return one
    """)
    values = flow([script] * 4, "fork", max_workers=1).run()
    assert [value.held for value in values] == [False, True, True, True]
