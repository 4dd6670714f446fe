"""What Ctrl-C and SIGTERM do to a command that runs steps."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = [  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Ears:
    """Hears that the process is told to stop; what is done then changes on the way.

    At first the task is cancelled that listens. Later on it is what `doing` says. After that it
    takes two: what is left is to close what is open, which takes no time where all is well.

    Attributes:
        act: What is done: called with how many times that was, from 1.
    """

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._ignored = 0
        self.act: Callable[[int], object] = lambda _times: task.cancel()

    @contextmanager
    def doing(self, act: Callable[[int], object]) -> Iterator[None]:
        """Do this while it is entered."""
        self.act = act
        try:
            yield
        finally:
            self.act = self._act_late

    def _act_late(self, _times: int) -> None:
        self._ignored += 1
        if self._ignored > 1:
            self._task.cancel()


@contextmanager
def listening() -> Iterator[Ears]:
    """Hear for as long as a command works, from before it opens its database.

    Raises:
        KeyboardInterrupt: It was told to stop when there was nothing to be stopped yet.
    """
    task = asyncio.current_task()
    assert task is not None
    ears = Ears(task)
    heard = False

    def hear(times: int) -> None:
        nonlocal heard
        heard = True
        ears.act(times)

    try:
        with told(hear):
            yield ears
    except asyncio.CancelledError:
        if heard:
            raise KeyboardInterrupt from None
        raise


@contextmanager
def told(told_to_stop: Callable[[int], None]) -> Iterator[None]:
    """Call a function when the process is told to stop, on the event loop.

    A signal that is ignored (``nohup``) stays ignored.

    Args:
        told_to_stop: Called with how many times that was, from 1.
    """
    loop = asyncio.get_running_loop()
    times = 0

    def tell() -> None:
        nonlocal times
        times += 1
        told_to_stop(times)

    def handle(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(tell)

    before = {
        number: signal.signal(number, handle)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
