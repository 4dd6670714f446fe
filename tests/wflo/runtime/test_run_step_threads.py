import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref

import pytest
from wflo_steps import until

from wflo.runtime import threads
from wflo.runtime.threads import RaisedInThread, in_thread


@pytest.fixture
def idle(monkeypatch):
    """The threads that wait, none of other tests among them."""
    monkeypatch.setattr(threads, "_idle", [])
    return threads._idle


async def ident():
    return await in_thread(threading.get_ident, "one")


def status_of_fork(function):
    pid = os.fork()
    if pid == 0:
        os._exit(function())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


async def test_calls_one_after_the_other_share_a_thread(idle):
    assert len({await ident() for _ in range(20)}) == 1
    assert len(idle) == 1


async def test_calls_at_once_have_a_thread_each(idle):
    barrier = threading.Barrier(5)
    await asyncio.gather(*(in_thread(barrier.wait, "one") for _ in range(5)))
    await until(lambda: len(idle) == 5)


async def test_what_is_raised_is_carried_across():
    error = StopIteration(1)

    def fail():
        raise error

    with pytest.raises(RaisedInThread) as raised:
        await in_thread(fail, "one")
    assert raised.value.error is error


async def test_a_thread_has_the_name_of_its_work():
    assert await in_thread(lambda: threading.current_thread().name, "one") == "one"
    assert await in_thread(lambda: threading.current_thread().name, "two") == "two"


async def test_a_thread_that_waits_for_long_ends(idle, monkeypatch):
    monkeypatch.setattr(threads, "_KEEP_S", 0.01)
    thread = await in_thread(threading.current_thread, "one")
    await until(lambda: not thread.is_alive())
    assert idle == []


async def test_a_thread_that_was_just_chosen_does_not_end(idle, monkeypatch):
    monkeypatch.setattr(threads, "_KEEP_S", 0.001)
    thread = await in_thread(threading.current_thread, "one")
    try:
        jobs = idle.pop()
    except IndexError:
        pytest.skip("it was quicker")
    await asyncio.sleep(0.01)
    assert thread.is_alive()
    done = threading.Event()
    jobs.put(done.set)
    await until(done.is_set)
    idle.append(jobs)  # so that it can end
    await until(lambda: not thread.is_alive())


async def test_what_a_thread_has_done_is_not_held_while_it_waits(idle):
    class Result:
        pass

    result = weakref.ref(await in_thread(Result, "one"))
    gc.collect()
    await until(lambda: result() is None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_forked_process_starts_with_none():
    await ident()
    assert threads._idle
    assert status_of_fork(lambda: len(threads._idle)) == 0


def test_the_interpreter_does_not_wait_for_them():
    code = (
        "import asyncio, time\n"
        "from wflo.runtime.threads import in_thread\n"
        "async def main():\n"
        "    task = asyncio.create_task(in_thread(lambda: time.sleep(60), 'one'))\n"
        "    await asyncio.sleep(0.01)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
