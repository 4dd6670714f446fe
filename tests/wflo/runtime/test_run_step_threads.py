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
def pool(monkeypatch):
    """Threads of this test's own."""
    monkeypatch.setattr(threads, "_threads", threads._Threads())
    return threads._threads


async def ident():
    return await in_thread(threading.get_ident, "one")


def status_of_fork(function):
    pid = os.fork()
    if pid == 0:
        os._exit(function())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.usefixtures("pool")
async def test_calls_one_after_the_other_share_a_thread():
    assert len({await ident() for _ in range(20)}) == 1


@pytest.mark.usefixtures("pool")
async def test_short_calls_at_once_share_a_few_threads():
    assert len(set(await asyncio.gather(*(ident() for _ in range(1_000))))) < 500


async def test_calls_that_wait_have_a_thread_each(pool):
    barrier = threading.Barrier(50)
    await asyncio.gather(*(in_thread(barrier.wait, "one") for _ in range(50)))
    await until(lambda: len(pool._idle) >= 50)


@pytest.mark.usefixtures("pool")
async def test_calls_that_wait_for_each_other_each_have_their_turn():
    for _ in range(20):  # the first of the queue waits for the last one
        events = [threading.Event() for _ in range(20)]
        ways = zip(events, [*events[1:], None], strict=True)

        def step(own, following):
            if following is not None:
                following.wait()
            own.set()

        calls = [in_thread(lambda way=way: step(*way), "one") for way in ways]
        async with asyncio.timeout(30):
            await asyncio.gather(*calls)
        assert all(event.is_set() for event in events)


async def test_without_a_thread_there_is_an_error_and_the_next_call_works(pool, monkeypatch):
    class Refused:
        def __init__(self, **_):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threads, "Thread", Refused)
        with pytest.raises(RuntimeError, match="can't start"):
            await ident()
    assert not pool._jobs
    await ident()


async def test_without_another_thread_those_that_are_there_go_on(pool, monkeypatch):
    gate = threading.Event()
    first = asyncio.create_task(in_thread(gate.wait, "one"))
    await until(lambda: not pool._is_coming)
    with monkeypatch.context() as patch:
        patch.setattr(threads, "_KEEP_S", 0.0)

        def refused(**_):
            raise RuntimeError("can't start new thread")

        patch.setattr(threads, "Thread", refused)
        with pytest.raises(RuntimeError):
            await ident()
    second = asyncio.create_task(ident())
    await second
    gate.set()
    await first


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


async def test_a_thread_that_waits_for_long_ends(pool, monkeypatch):
    monkeypatch.setattr(threads, "_KEEP_S", 0.01)
    thread = await in_thread(threading.current_thread, "one")
    await until(lambda: not thread.is_alive())
    assert pool._idle == []


async def test_a_thread_that_was_just_chosen_does_not_end(pool, monkeypatch):
    monkeypatch.setattr(threads, "_KEEP_S", 0.05)
    thread = await in_thread(threading.current_thread, "one")
    await until(lambda: pool._idle)
    chosen = pool._idle.pop()
    await asyncio.sleep(0.2)
    assert thread.is_alive()
    done = threading.Event()
    pool._jobs.append(lambda: done.set)
    chosen.wake()
    await until(done.is_set)
    await until(lambda: not thread.is_alive())


@pytest.mark.usefixtures("pool")
async def test_what_a_thread_has_done_is_not_held_while_it_waits():
    class Result:
        pass

    result = weakref.ref(await in_thread(Result, "one"))
    gc.collect()
    await until(lambda: result() is None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_forked_process_starts_with_none():
    await ident()
    await until(lambda: threads._threads._idle)
    assert status_of_fork(lambda: len(threads._threads._idle)) == 0
    assert status_of_fork(lambda: asyncio.run(ident()) == 0) == 0


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
