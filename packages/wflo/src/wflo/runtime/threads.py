"""Plain functions of steps, in threads that do not keep the process from ending."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock, Thread, current_thread
from typing import Any, TypeAlias, TypeVar, cast

T = TypeVar("T")
# What is to be done, which returns how it is told that it was.
_Job: TypeAlias = Callable[[], Callable[[], None]]

# To start a thread takes about four times as long as to hand something to one that waits. One that
# was given nothing for this long ends.
_KEEP_S = 10.0


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
    context, mailbox = copy_context(), _mailbox(loop)

    def job() -> Callable[[], None]:
        current_thread().name = name
        value: T | None = None
        raised: BaseException | None = None
        try:
            value = context.run(function)
        except BaseException as error:
            raised = error
        return partial(mailbox.post, ended, (value, raised))

    _threads.run(job)
    value, raised = await ended
    if raised is not None:
        raise RaisedInThread(raised)
    return cast("T", value)


class _Mailbox:
    """What threads have for an event loop, which is woken once for all that is there.

    To be woken takes the loop, and the thread that does it, longer than most steps' functions.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._posted: deque[tuple[asyncio.Future[Any], Any]] = deque()
        self._is_called = False

    def post(self, future: asyncio.Future[T], result: T) -> None:
        """Give a future its result. From any thread."""
        self._posted.append((future, result))
        loop = self._loop()
        # If it is called already, it has not yet begun to look.
        if loop is not None and not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_called = False
        while self._posted:
            future, result = self._posted.popleft()
            if not future.done():
                future.set_result(result)


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox]
_mailboxes = weakref.WeakKeyDictionary()


def _mailbox(loop: asyncio.AbstractEventLoop) -> _Mailbox:
    found = _mailboxes.get(loop)
    if found is None:
        found = _mailboxes[loop] = _Mailbox(loop)
    return found


class _Idle:
    """A thread that waits."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def wait(self, within_s: float = -1) -> bool:
        """Wait to be woken, for ever if need be; False if nobody did."""
        return self._lock.acquire(timeout=within_s)

    def wake(self) -> None:
        self._lock.release()


class _Threads:
    """As many threads as there are functions that take their time, and no more.

    Threads that run Python take turns, and each turn costs more than most steps' functions. So at
    most one thread is on its way at a time: if a function is short, the thread that ran it takes
    the next one before the other has its turn. As soon as a function waits for something, the other
    one has it, and sends for the next.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._jobs: deque[_Job] = deque()
        self._idle: list[_Idle] = []  # the last one that began to wait is the first to be woken
        self._is_coming = False  # a thread that will look for a job

    def run(self, job: _Job) -> None:
        """Have a thread run it.

        Raises:
            RuntimeError: The system allows no more threads, and all that there are may be busy.
        """
        with self._lock:
            self._jobs.append(job)
            send = self._send()
        try:
            send()
        except RuntimeError:
            with self._lock, suppress(ValueError):
                self._jobs.remove(job)
                raise

    def forget(self) -> None:
        """Begin anew, where none of the threads are: in a fork."""
        self.__init__()  # type: ignore[misc]  # there is nothing to be kept

    def _send(self) -> Callable[[], None]:
        """Who is to be sent for a job, under the lock; to be called without it."""
        if self._is_coming or not self._jobs:
            return _nobody
        self._is_coming = True
        return self._idle.pop().wake if self._idle else self._start

    def _start(self) -> None:
        try:
            Thread(target=self._work, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._is_coming = False
            raise

    def _work(self) -> None:
        idle, has_come = _Idle(), True
        while True:
            with self._lock:
                if has_come:
                    self._is_coming = False
                job = self._jobs.popleft() if self._jobs else None
                send = self._send()
                if job is None:
                    self._idle.append(idle)
            with suppress(RuntimeError):  # those that are there go on
                send()
            if job is not None:
                tell = job()
                with self._lock:  # before the step that waits for this one asks for a thread
                    has_come = not self._is_coming
                    self._is_coming = True
                tell()
                del job, tell  # and all that they hold
            elif not (has_come := idle.wait(_KEEP_S)):
                with self._lock:
                    if idle in self._idle:
                        self._idle.remove(idle)
                        return
                has_come = idle.wait()  # it was chosen at the last moment


def _nobody() -> None:
    """There is no need."""


_threads = _Threads()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)
