"""SIGTERM and SIGHUP end a flow as Ctrl-C does: its processes first, its files, then itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kohakuengine_cli.messages import flush

__all__ = ["Stopped", "stopped_by_signals"]

_SIGNALS = [  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """The process was told to end. Unlike Ctrl-C, that reaches none of its children by itself."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn these signals into an exception, and end by them once everything is cleared away.

    A signal that is ignored (``nohup``) or handled already is left alone.
    """
    received: list[int] = []

    def stop(number: int, _: Any) -> None:
        received.append(number)
        raise Stopped

    taken: list[int] = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    _spare_forks(taken, stop)
    try:
        yield
    finally:
        _reset(taken, stop)
        taken.clear()
        if received:
            flush()
            os.kill(os.getpid(), received[0])


def _reset(numbers: Sequence[int], handler: Callable[[int, Any], None]) -> None:
    for number in numbers:
        if signal.getsignal(number) is handler:
            signal.signal(number, signal.SIG_DFL)


def _spare_forks(numbers: Sequence[int], handler: Callable[[int, Any], None]) -> None:
    """Have the signals take their usual effect in processes that a script forks.

    They are held back meanwhile: Python forgets what arrives at a new process before that has its
    handlers reset.
    """
    if not hasattr(os, "register_at_fork"):
        return
    masks: list[Any] = []

    def before() -> None:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, numbers))

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop())

    def in_child() -> None:
        _reset(numbers, handler)
        in_parent()

    # These stay for the life of the process; without `numbers` they do nothing.
    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
