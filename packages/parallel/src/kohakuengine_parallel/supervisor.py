"""One thread that watches sockets and clocks, whatever the number of runs.

All that is known of processes is touched by this thread, or under its lock by a thread that wants
something started at once: to be woken for it takes the thread longer than to do it. It is a small
event loop and not `asyncio`'s, whose import takes longer than starting a run a hundred times.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["Supervisor", "Timer"]

_MAX_PAUSE_S = 3600.0  # of what the system call takes for a number, some weeks are the most

_FEW_TIMERS = 256

_Call = tuple[Callable[..., object], tuple[Any, ...]]


class Timer:
    """Something that is to happen, unless it is cancelled before."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], object]) -> None:
        self.function: Callable[[], object] | None = function

    def cancel(self) -> None:
        """Have it not happen."""
        self.function = None


class Supervisor:
    """The thread. It starts when it is first called upon.

    Args:
        failed: Told, in the thread, of an exception that nobody expected; the thread ends with it.

    Attributes:
        lock: Held while anything is called, but for `call_unlocked`.
    """

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self.lock = threading.Lock()
        self._failed = failed
        self._watched: set[int] = set()
        self._calls: deque[_Call] = deque()
        self._unlocked: deque[Callable[[], object]] = deque()
        self._ident = 0
        self._timers: list[tuple[float, int, Timer]] = []
        self._most_timers = _FEW_TIMERS
        self._number = itertools.count()
        self._thread: threading.Thread | None = None
        self._asleep = False
        self._stopping = False

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have the thread call a function soon. From any thread."""
        self._calls.append((function, arguments))
        if self._thread is None:
            self._start()
        else:
            self._wake_up()

    def call_unlocked(self, function: Callable[[], object]) -> None:
        """Have the thread call a function soon, without the lock. Under the lock.

        For what wakes another thread, which is likely to want the lock next.
        """
        self._unlocked.append(function)
        if threading.get_ident() != self._ident:
            self._wake_up()

    def later(self, delay_s: float, function: Callable[[], object]) -> Timer:
        """Have the thread call a function after a while. Under the lock."""
        if len(self._timers) >= self._most_timers:
            self._drop_cancelled()
        timer = Timer(function)
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._number), timer))
        if self._timers[0][2] is timer:
            self._wake_up()
        return timer

    def _drop_cancelled(self) -> None:
        """Forget what will not happen, which would else be kept until its time has come."""
        self._timers = [entry for entry in self._timers if entry[2].function is not None]
        heapq.heapify(self._timers)
        self._most_timers = max(_FEW_TIMERS, 2 * len(self._timers))

    def watch(self, file: socket.socket, ready: Callable[[], object], *, write: bool) -> None:
        """Call `ready` whenever `file` can be read; with `write`, also when it can be written.

        Asked again for the same file, it takes the place of the request before.
        """
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        if file.fileno() in self._watched:
            self._selector.modify(file, events, ready)
        else:
            self._watched.add(file.fileno())
            self._selector.register(file, events, ready)

    def unwatch(self, file: socket.socket) -> None:
        """Forget a file, which is not closed by that."""
        self._watched.discard(file.fileno())
        self._selector.unregister(file)

    def stop(self) -> None:
        """End the thread once it has done what it was called for, and wait for it."""
        thread = self._thread
        if thread is not None:
            self.call(self._stop)
            thread.join()

    def _wake_up(self) -> None:
        # It says itself when it is awake: an interrupt between two statements here must not have it
        # taken for that.
        if self._asleep:
            with suppress(OSError):  # it has ended by an error
                self._wake.send(b"\0")

    def _stop(self) -> None:
        self._stopping = True

    def _start(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain)
        # A daemon, so that a program which forgets the shutdown can end: the processes see that.
        thread = threading.Thread(target=self._run, name="kogine-supervisor", daemon=True)
        self._thread = thread
        thread.start()

    def _drain(self) -> None:
        self._woken.recv(4096)

    def _run(self) -> None:
        self._ident = threading.get_ident()
        try:
            while not self._stopping:
                self._turn()
        except BaseException as error:  # ours: no script runs in this thread
            self._failed(error)
        finally:
            self._selector.close()
            self._wake.close()
            self._woken.close()

    def _turn(self) -> None:
        # In this order: a call that comes after the look at the list finds the flag set.
        self._asleep = True
        pause_s = 0.0 if self._calls or self._unlocked else self._pause_s()
        ready = self._selector.select(pause_s)
        self._asleep = False
        try:
            with self.lock:
                for key, _ in ready:
                    key.data()
                for _ in range(len(self._calls)):
                    function, arguments = self._calls.popleft()
                    function(*arguments)
                self._ring()
        finally:
            while self._unlocked:
                self._unlocked.popleft()()

    def _pause_s(self) -> float | None:
        """How long nothing is due; None for ever."""
        while self._timers and self._timers[0][2].function is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - time.monotonic()), _MAX_PAUSE_S)

    def _ring(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            function = heapq.heappop(self._timers)[2].function
            if function is not None:
                function()
