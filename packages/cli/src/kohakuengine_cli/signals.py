"""What signals do to a command: first its processes end and its files go, then it ends."""

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
def stopped_by_signals(
    deadly: Sequence[int] = _SIGNALS, told: Callable[[], int] | None = None
) -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception.

    A signal that is ignored (``nohup``) or handled already is left alone.

    Args:
        deadly: Those of them by which the process ends once everything is cleared away, as it would
            have without us. After another one it ends as after Ctrl-C.
        told: Called by each of the signals, and by Ctrl-C too; returns how many there were. The
            first ends the runs and the second kills them; more are ignored, so that nobody who is
            impatient has a table or a document cut off.
    """
    received: list[int] = []

    def stop(number: int, _: Any) -> None:
        received.append(number)
        if told is None or told() <= 2:
            raise KeyboardInterrupt if number == signal.SIGINT else Stopped

    taken = _taken(_SIGNALS if told is None else [signal.SIGINT, *_SIGNALS], stop)
    _spare_forks(taken, stop)
    try:
        yield
    finally:
        _reset(taken, stop)
        taken.clear()
        if received and received[0] in deadly:
            flush()
            os.kill(os.getpid(), received[0])


def _usual(number: int) -> Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL


def _taken(numbers: Sequence[int], handler: Callable[[int, Any], None]) -> list[int]:
    """Handle those signals that are handled as usual, and tell which these are."""
    if threading.current_thread() is not threading.main_thread():
        return []
    taken = [number for number in numbers if signal.getsignal(number) is _usual(number)]
    for number in taken:
        signal.signal(number, handler)
    return taken


def _reset(numbers: Sequence[int], handler: Callable[[int, Any], None]) -> None:
    for number in numbers:
        if signal.getsignal(number) is handler:
            signal.signal(number, _usual(number))


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
