"""Reports on parallel runs in plain lines, now and then, where there is no terminal to draw on."""

from __future__ import annotations

from time import monotonic

from kohakuengine.flow.driver import Listener
from kohakuengine_cli.messages import say
from kohakuengine_cli.tally import Tally
from kohakuengine_cli.texts import rate_text, stopping_text, time_text

__all__ = ["Reports"]

# A line is due after each tenth of the runs, but not so soon...
_PARTS = 10
_SOON_S = 2.0
# ...and after this long anyhow; less often the longer it all takes: a day is some 75 lines.
_LATE_S = 30.0
_GROWTH = 0.1


class Reports(Listener):
    """Says how many runs there are to be, and how far they are, where a line is due.

    Args:
        tally: What is told.
        grace_s: How long runs that are told to end have for it.
        workers: How many run at once, where that is known.
    """

    def __init__(self, tally: Tally, *, grace_s: float, workers: int | None) -> None:
        self._tally = tally
        self._grace_s = grace_s
        self._workers = workers
        self._last = monotonic()
        self._last_done = 0
        self._interrupts = 0

    def flow_started(self, total: int | None) -> None:
        """Say what begins."""
        self._last = monotonic()
        if total == 1:
            return
        runs = "Runs" if total is None else f"{total} runs"
        say(f"{runs}, {self._workers or 'as many as there are CPUs'} at a time.")

    def tick(self) -> None:
        """Look whether there is something to say."""
        tally, now = self._tally, monotonic()
        if tally.interrupts > self._interrupts:
            self._interrupts = tally.interrupts
            if tally.running:
                say(stopping_text(tally.interrupts, len(tally.running), self._grace_s))
        elif tally.running and not tally.interrupts and self._is_due(now):
            self._last, self._last_done = now, tally.done
            say(self._line(now))

    def _is_due(self, now: float) -> bool:
        since = now - self._last
        if since >= max(_LATE_S, (now - self._tally.began) * _GROWTH):
            return True
        step = (self._tally.total or 0) / _PARTS
        return bool(step) and since >= _SOON_S and self._tally.done - self._last_done >= step

    def _line(self, now: float) -> str:
        tally = self._tally
        parts = [f"{tally.done} runs done"]
        if tally.total:
            parts = [f"{tally.done}/{tally.total} runs done ({tally.done * 100 // tally.total}%)"]
        parts += [f"{tally.failed} failed"] if tally.failed else []
        parts += [f"{tally.retried} retried"] if tally.retried else []
        rate, left = tally.rate(), tally.left_s(now)
        parts += [rate_text(rate)] if rate else []
        parts.append(f"after {time_text(now - tally.began)}")
        parts += [f"some {time_text(left)} left"] if left else []
        return ", ".join(parts)
