"""How far a flow of parallel runs is, as its displays read it."""

from __future__ import annotations

import os
from collections import deque
from time import monotonic
from typing import NamedTuple

from kohakuengine.flow.driver import Listener
from kohakuengine.flow.failures import FailureGroups
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

__all__ = ["Running", "Tally"]

# The rate is that of the last runs: of so many samples, with so long between them.
_SAMPLES = 60
_SAMPLE_S = 0.5


class Running(NamedTuple):
    """A run that is under way, and when it was started."""

    spec: RunSpec
    since: float


class Tally(Listener):
    """Counts runs as they start and end.

    It is told on the thread that drives the flow, a microsecond or two at a time, and read on
    another, which is why readers copy (in one step) what changes.

    Attributes:
        total: How many runs there are, or None where that is not known.
        done: How many are over.
        failed: How many of these failed, whichever way.
        retried: How many attempts did not succeed and were followed by another.
        running: Those under way, by index.
        failures: What failed, by kind.
        log_dir: The folder with the runs' output, once one of them is known.
        interrupts: How often the flow was told to stop.
        began: When the flow did.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = self.failed = self.retried = self.interrupts = 0
        self.running: dict[int, Running] = {}
        self.failures = FailureGroups()
        self.log_dir = ""
        self.began = self._last_end = self._next_sample = monotonic()
        self._samples: deque[tuple[float, int]] = deque([(self.began, 0)], maxlen=_SAMPLES)

    def flow_started(self, total: int | None) -> None:
        """Remember how many runs there are; time counts from now."""
        self.total = total
        self.began = self._last_end = monotonic()
        self._samples[0] = (self.began, 0)

    def run_started(self, spec: RunSpec) -> None:
        """It is under way."""
        self.running[spec.index] = Running(spec, monotonic())

    def run_retried(self, result: RunResult) -> None:
        """It is not, until its next attempt."""
        self.running.pop(result.index, None)
        self.retried += 1

    def run_finished(self, result: RunResult) -> None:
        """It is over."""
        self.running.pop(result.index, None)
        self.done += 1
        now = self._last_end = monotonic()
        if now >= self._next_sample:
            self._next_sample = now + _SAMPLE_S
            self._samples.append((now, self.done))
        if not self.log_dir and result.log_path:
            self.log_dir = os.path.dirname(result.log_path)
        if not (result.ok or result.status is RunStatus.CANCELLED):
            self.failed += 1
            self.failures.add(result)

    def interrupted(self) -> int:
        """Count that the flow was told to stop, and tell how often it was."""
        self.interrupts += 1
        return self.interrupts

    def rate(self) -> float | None:
        """Runs per second, or None where there is nothing yet to tell it by."""
        since, before = self._samples[0]
        taken = self._last_end - since
        return (self.done - before) / taken if taken > 0 and self.done > before else None

    def left_s(self, now: float) -> float | None:
        """Seconds until the end, if runs go on to take as long, or None where nobody can tell."""
        rate = self.rate()
        if self.total is None or rate is None:
            return None
        # The rate is as of the last end of a run, so it does not sink while long ones go on.
        return max(0.0, (self.total - self.done) / rate - (now - self._last_end))
