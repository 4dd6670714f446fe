"""What Ctrl-C and SIGTERM do to a command that runs steps."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = [  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


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
