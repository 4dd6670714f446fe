"""Plain functions of steps, in threads that do not keep the process from ending."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import TypeAlias, TypeVar, cast

T = TypeVar("T")
_Jobs: TypeAlias = SimpleQueue[Callable[[], None]]

# To start a thread takes about four times as long as to hand something to one that waits. One that
# was given nothing for this long ends.
_KEEP_S = 10.0

# The queues of threads that wait; the last one that began to is the first to be given something.
_idle: list[_Jobs] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # where those threads are not


class RaisedInThread(Exception):  # noqa: N818 - it carries an error across, and is none itself
    """A function in a thread raised something.

    A `StopIteration` cannot leave a coroutine, nor a `KeyboardInterrupt` a task, as what they are.

    Attributes:
        error: What it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def in_thread(function: Callable[[], T], name: str) -> T:
    """Call a function in a thread, with the context variables of this task.

    Cancelled, the thread goes on, and what comes of it is dropped. The threads are not those of
    `concurrent.futures`, for which the interpreter waits at its end.

    Args:
        function: What is called.
        name: The thread's name meanwhile.

    Raises:
        RaisedInThread: The function raised something.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()
    context = copy_context()
    jobs = _free_thread()

    def settle(value: T | None, error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result((value, error))

    def job() -> None:
        current_thread().name = name
        value: T | None = None
        raised: BaseException | None = None
        try:
            value = context.run(function)
        except BaseException as error:
            raised = error
        _idle.append(jobs)  # before the step that waits for this one asks for a thread
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle, value, raised)

    jobs.put(job)
    value, raised = await ended
    if raised is not None:
        raise RaisedInThread(raised)
    return cast("T", value)


def _free_thread() -> _Jobs:
    with suppress(IndexError):
        return _idle.pop()
    jobs: _Jobs = SimpleQueue()
    Thread(target=_work, args=(jobs,), daemon=True).start()
    return jobs


def _work(jobs: _Jobs) -> None:
    while True:
        try:
            job = jobs.get(timeout=_KEEP_S)
        except Empty:
            try:
                _idle.remove(jobs)
            except ValueError:
                continue  # it has been chosen, and will be given something
            return
        job()
        del job  # and all that it holds
