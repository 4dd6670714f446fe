"""Calls a function again and again, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

__all__ = ["Ticker"]


class Ticker:
    """Calls a function at an interval for as long as a block lasts.

    Args:
        interval_s: Seconds between the end of one call and the next.
        tick: What is called. An OSError of it (a terminal that has gone) ends the calls.
    """

    def __init__(self, interval_s: float, tick: Callable[[], None]) -> None:
        self._interval_s = interval_s
        self._tick = tick
        self._ended = Event()
        self._thread = Thread(target=self._run, name="kogine-display", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                self._tick()
            except OSError:
                return
