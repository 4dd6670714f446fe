import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from wflo_steps import Importing, attempt, until

from wflo.models import CostLine, StatePatch, StepStatus
from wflo.runtime import channel, isolation
from wflo.sdk.loading import load_workflow

pytestmark = pytest.mark.skipif(os.name != "posix", reason="they need POSIX")


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    importing = Importing(tmp_path)
    yield importing
    importing.forget()


@pytest.fixture
def step(files):
    """The code of a step from the source of its function, which is called ``work``."""

    def make(source, **options):
        text = ", ".join(f"{name}={value!r}" for name, value in options.items())
        body = textwrap.dedent(source)
        marker = "async def work" if "async def work" in body else "def work"
        body = body.replace(marker, f"@wf.step(isolation='process', {text})\n{marker}", 1)
        files.write(f"from wflo import Workflow\nwf = Workflow('w')\n{body}")
        return load_workflow("flow.py").code.steps["work"]

    return make


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_function_runs_in_another_process(step):
    code = step("def work(n: int) -> list[int]:\n    import os\n    return [n, os.getpid()]")
    outcome = await attempt(code, inputs={"n": "3"})
    assert outcome.status is StepStatus.COMPLETED
    assert outcome.size == 2
    n, pid = json.loads(outcome.result)
    assert n == 3
    assert pid != os.getpid()
    assert not is_alive(pid)


async def test_an_async_one_too(step):
    code = step("""
        import asyncio
        async def work(n):
            await asyncio.sleep(0)
            return n
    """)
    assert (await attempt(code, inputs={"n": [1]})).result == "[1]"


async def test_numbers_that_python_does_not_write_are_the_results_fault(step):
    outcome = await attempt(step("def work(): return {'n': 10**5000}"))
    assert outcome.failure.kind == "wflo.errors.StepResultError"
    text = "the result of step 'work': ['n'] is an integer of more than 4300 digits"
    assert (outcome.failure.message, outcome.failure.traceback) == (text, "")


async def test_failures_of_an_async_one_have_its_frames_only(step):
    outcome = await attempt(step("async def work(): raise ValueError"))
    frames = [line for line in outcome.failure.traceback.splitlines() if "File " in line]
    assert [frame.rpartition("/")[2] for frame in frames] == ['flow.py", line 4, in work']


async def test_from_a_module(files):
    files.write("", "pkg/__init__.py")
    files.write(
        """
        from wflo import Workflow
        wf = Workflow("w")
        @wf.step(isolation="process")
        def work():
            return __name__
        """,
        "pkg/flows.py",
    )
    code = load_workflow("pkg.flows").code.steps["work"]
    assert (await attempt(code)).result == '"pkg.flows"'


async def test_its_context_crosses(step):
    code = step("""
        def work(ctx):
            ctx.log.info("hello", n=1)
            ctx.add_cost(micro_usd=5, label="x")
            ctx.state["a"] = ctx.state["b"] + 1
            del ctx.state["b"]
            assert not ctx.cancelled
            return [ctx.idempotency_key, ctx.attempt, ctx.iteration, dict(ctx.inputs)]
    """)
    told = []
    given = {"inputs": {"x": 1}, "state": {"b": 1}, "attempt": 3, "iteration": 2}
    outcome = await attempt(code, on_log=told.append, **given)
    assert json.loads(outcome.result) == ["run-1/work/2", 3, 2, {"x": 1}]
    (line,) = outcome.logs
    assert told == [line]
    assert line[1:] == ("info", "hello", {"n": 1})
    assert outcome.costs == (CostLine(micro_usd=5, label="x"),)
    assert outcome.patches == (
        StatePatch(op="set", key="a", value=2),
        StatePatch(op="delete", key="b"),
    )


async def test_it_has_no_transaction(step):
    code = step("def work(ctx):\n    ctx.tx()")
    outcome = await attempt(code)
    assert outcome.failure.kind == "wflo.errors.NotSupported"
    assert outcome.failure.message.endswith("the step runs in a process of its own")


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("raise Mine('x')", "flow.Mine", "x"),
        ("raise SystemExit('bye')", "SystemExit", "bye"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        (
            "return object()",
            "wflo.errors.StepResultError",
            "the result of step 'work': it is of ty",
        ),
    ],
)
async def test_a_failure_is_told_as_it_was(step, statement, kind, message):
    code = step(f"""
        class Mine(LookupError): pass
        def work(ctx):
            ctx.state["a"] = 1
            ctx.add_cost(micro_usd=1)
            {statement}
    """)
    outcome = await attempt(code, attempt=2)
    failure = outcome.failure
    assert (failure.kind, failure.attempt) == (kind, 2)
    assert failure.message.startswith(message)
    assert (outcome.patches, len(outcome.costs)) == ((), 1)
    if "raise" in statement:
        frames = [line for line in failure.traceback.splitlines() if "File " in line]
        assert [frame.rpartition("/")[2] for frame in frames] == ['flow.py", line 9, in work']


async def test_arguments_are_checked(step):
    outcome = await attempt(step("def work(n: int): return n"), inputs={"n": "many"})
    assert outcome.failure.kind == "wflo.errors.StepInputError"
    assert "its parameter 'n': Input should be a valid integer" in outcome.failure.message


@pytest.mark.parametrize(
    ("statement", "how"),
    [
        ("os._exit(3)", "ended with exit code 3"),
        ("os._exit(0)", "ended with exit code 0"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("os.kill(os.getpid(), 15)", "was killed by SIGTERM"),
        ("import signal; os.kill(os.getpid(), signal.SIGRTMIN + 5)", "was killed by signal 39"),
    ],
)
async def test_a_death_without_an_answer_fails_the_step(step, statement, how):
    outcome = await attempt(step(f"def work():\n    import os\n    {statement}"))
    assert outcome.failure.kind == "wflo.errors.StepProcessDied"
    assert outcome.failure.message == f"the process of step 'work' {how} without an answer"


@pytest.mark.parametrize(
    ("what", "now"), [("changed", "def work(): return 2"), ("gone", "def other(): return 1")]
)
async def test_code_that_has_changed_since_is_not_run(files, step, what, now):
    code = step("def work(): return 1")
    files.write(now)
    outcome = await attempt(code)
    assert outcome.failure.kind == "wflo.errors.CodeChanged"
    assert "step 'work': work in " in outcome.failure.message
    assert "has changed since the worker imported it" in outcome.failure.message


def test_a_file_that_runs_its_workflow_when_imported_runs_it_once(files):
    files.write("""
        from wflo import Workflow
        import sys
        wf = Workflow("w")
        @wf.step(isolation="process")
        def work():
            return 1
        if "again" in sys.argv or "wflo.runtime.child" in sys.argv[0] or len(sys.argv) == 2:
            wf.run_sync()
    """)
    done = subprocess.run(
        [sys.executable, "flow.py", "again"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "flow.py calls a run of a workflow while it is imported" in done.stderr


def test_what_it_prints_is_on_the_standard_error(files):
    files.write("""
        from wflo import Workflow
        wf = Workflow("w")
        @wf.step(isolation="process")
        def work():
            import sys
            print("out", sys.stdin.read() == "")
            print("err", file=sys.stderr)
            sys.stdout = None
        if __name__ == "__main__":
            wf.run_sync()
    """)
    done = subprocess.run(
        [sys.executable, "flow.py"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == ""
    assert sorted(done.stderr.split()) == ["True", "err", "out"]


CHILDREN = """
    import os, subprocess, sys, time
    def work(path):
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        with open(path + ".part", "w") as file:
            print(os.getpid(), other.pid, file=file)
        os.rename(path + ".part", path)
        {then}
"""


def pids(path):
    return [int(word) for word in path.read_text().split()]


async def test_it_is_killed_with_its_children_when_its_time_is_over(step, tmp_path):
    code = step(CHILDREN.format(then="time.sleep(60)"), timeout_s=3.0)
    outcome = await attempt(code, inputs={"path": str(tmp_path / "pids")})
    assert outcome.failure.kind == "wflo.errors.StepTimeout"
    for pid in pids(tmp_path / "pids"):
        await until(lambda pid=pid: not is_alive(pid))


async def test_it_is_killed_when_the_task_is_cancelled(step, tmp_path):
    code = step(CHILDREN.format(then="time.sleep(60)"))
    path = tmp_path / "pids"
    task = asyncio.create_task(attempt(code, inputs={"path": str(path)}))
    await until(path.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for pid in pids(path):
        await until(lambda pid=pid: not is_alive(pid))


async def test_it_may_be_cancelled_before_it_has_begun(step):
    task = asyncio.create_task(attempt(step("def work(): return 1")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_it_leaves_behind_is_killed(step, tmp_path):
    outcome = await attempt(
        step(CHILDREN.format(then="return 1")), inputs={"path": str(tmp_path / "pids")}
    )
    assert outcome.result == "1"
    for pid in pids(tmp_path / "pids"):
        await until(lambda pid=pid: not is_alive(pid))


async def test_it_dies_with_its_worker(files, tmp_path):
    files.write(
        "import os, subprocess, sys, time\nfrom wflo import Workflow\nwf = Workflow('w')\n"
        "@wf.step(isolation='process')\n"
        + textwrap.dedent(CHILDREN.format(then="time.sleep(60)")).partition("time\n")[2]
        + f"if __name__ == '__main__':\n    wf.run_sync(path={str(tmp_path / 'pids')!r})\n"
    )
    worker = await asyncio.create_subprocess_exec(sys.executable, "flow.py")
    await until((tmp_path / "pids").exists)
    worker.kill()
    await worker.wait()
    for pid in pids(tmp_path / "pids"):
        await until(lambda pid=pid: not is_alive(pid))


async def test_its_exit_handlers_have_some_time(step, tmp_path, monkeypatch):
    code = step("""
        import atexit, pathlib, time
        def work(path):
            atexit.register(lambda: (pathlib.Path(path).touch(), time.sleep(60)))
            return 1
    """)
    monkeypatch.setattr(isolation, "_GRACE_S", 0.5)
    outcome = await attempt(code, inputs={"path": str(tmp_path / "ended")})
    assert outcome.result == "1"
    assert (tmp_path / "ended").exists()


async def test_a_daemon_that_it_has_started_is_not_waited_for(step, tmp_path, monkeypatch):
    code = step("""
        import os, time
        def work(path):
            if os.fork() == 0:
                os.setsid()
                with open(path + ".part", "w") as file:
                    print(os.getpid(), file=file)
                os.rename(path + ".part", path)
                time.sleep(60)
            while not os.path.exists(path):
                time.sleep(0.01)
            os._exit(4)
    """)
    monkeypatch.setattr(isolation, "_GRACE_S", 0.1)
    outcome = await attempt(code, inputs={"path": str(tmp_path / "pids")})
    for pid in pids(tmp_path / "pids"):
        os.kill(pid, signal.SIGKILL)
    assert outcome.failure.message.endswith("ended with exit code 4 without an answer")


async def test_messages_of_several_threads_arrive_whole(step):
    code = step("""
        from threading import Thread
        def work(ctx):
            def log(n):
                for i in range(50):
                    ctx.log.info("x" * 5000, n=n, i=i)
            threads = [Thread(target=log, args=(n,)) for n in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
    """)
    outcome = await attempt(code)
    assert outcome.failure is None
    assert len(outcome.logs) == 200
    assert {len(line.message) for line in outcome.logs} == {5000}


async def test_large_values_cross(step):
    code = step("def work(text): return text + text")
    text = "x" * 3_000_000
    outcome = await attempt(code, inputs={"text": text})
    assert json.loads(outcome.result) == text + text


async def test_values_that_are_too_large_do_not(step, monkeypatch):
    code = step("def work(text): return text")
    monkeypatch.setattr(channel, "_LARGEST", 1000)
    outcome = await attempt(code, inputs={"text": "x" * 1000})
    assert outcome.failure.kind == "ValueError"
    assert "bytes is too large for a process to be given" in outcome.failure.message


async def test_a_process_whose_worker_is_gone_before_it_asks_for_anything_ends():
    ours, theirs = socket.socketpair()
    with theirs:
        process = await isolation._start(theirs.fileno())
    ours.close()
    assert await process.wait() == 1


async def test_other_systems_are_refused(step, monkeypatch):
    code = step("def work(): return 1")
    monkeypatch.setattr(isolation.os, "name", "nt")
    outcome = await attempt(code)
    monkeypatch.undo()
    assert outcome.failure.kind == "wflo.errors.NotSupported"
    assert outcome.failure.message == "step 'work' has a process of its own, which needs POSIX"
