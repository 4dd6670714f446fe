"""The journal of one run, in memory: what the scheduler decides on.

It is made from rows, or kept up to date with each row that is written. It holds no results and no
times: of a result only what decides how the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from wflo.models import StepStatus

UNFINISHED = frozenset({StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING})
_NONE = dict.fromkeys(StepStatus, 0)


class Stop(StrEnum):
    """Why a run is to end early.

    CANCELLED and TIMED_OUT end it at once, whatever is under way. OVER_BUDGET starts nothing new
    and lets the running steps end.
    """

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    OVER_BUDGET = "over_budget"


class Entry(NamedTuple):
    """One iteration of a step.

    Attributes:
        status: How far it is.
        size: How many items its result has, where that is a list.
        passed: What a CONDITION returned.
        done: Of a loop's iteration: it was the last one.
    """

    status: StepStatus
    size: int | None = None
    passed: bool | None = None
    done: bool = True


class Tally:
    """How many iterations of a step are how far: kept with every record, so that nobody counts.

    Attributes:
        counts: Iterations by status, every status among them.
        unfinished: Iterations that have not ended.
        next: The lowest iteration that was never begun.
    """

    __slots__ = ("counts", "next", "unfinished")

    def __init__(self) -> None:
        self.counts = _NONE.copy()
        self.unfinished = 0
        self.next = 0

    def count(self, status: StepStatus, by: int) -> None:
        """There is one more (1), or one less (-1)."""
        self.counts[status] += by
        if status in UNFINISHED:
            self.unfinished += by


@dataclass
class Journal:
    """The entries of one run.

    Attributes:
        entries: By step, then by iteration. They change by `record` alone.
        input_sizes: How many items each input has that is a list, for the maps over them. They
            do not change.
        stop: Why the run is to end early, if it is.
        tallies: By step, those that have entries.
        counts: Iterations of all steps by status, every status among them.
        changed: The steps that were recorded since the scheduler last looked.
        memo: What the scheduler worked out before. It follows from the entries: with or without
            it, the scheduler says the same.
    """

    entries: dict[str, dict[int, Entry]] = field(default_factory=dict)
    input_sizes: dict[str, int] = field(default_factory=dict)
    stop: Stop | None = None
    tallies: dict[str, Tally] = field(init=False, repr=False, compare=False, default_factory=dict)
    counts: dict[StepStatus, int] = field(init=False, repr=False, compare=False)
    changed: set[str] = field(init=False, repr=False, compare=False, default_factory=set)
    memo: object | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        self.counts = _NONE.copy()
        for step, iterations in self.entries.items():
            for entry in iterations.values():
                self._count(step, None, entry)

    def record(self, step: str, iteration: int, entry: Entry) -> None:
        """Note how far an iteration is now."""
        iterations = self.entries.setdefault(step, {})
        old = iterations.get(iteration)
        iterations[iteration] = entry
        self._count(step, old, entry)
        self.changed.add(step)
        if old is not None and old.status not in UNFINISHED:
            self.memo = None  # it begins again: whatever followed from its end may be different

    def get(self, step: str, iteration: int = 0) -> Entry | None:
        """The entry, or None where nothing happened yet."""
        return self.entries.get(step, {}).get(iteration)

    def unfinished(self) -> Iterator[tuple[str, int, Entry]]:
        """Every iteration that has not ended."""
        for step, tally in self.tallies.items():
            if tally.unfinished:
                for iteration, entry in self.entries[step].items():
                    if entry.status in UNFINISHED:
                        yield step, iteration, entry

    def _count(self, step: str, old: Entry | None, entry: Entry) -> None:
        tally = self.tallies.get(step)
        if tally is None:
            tally = self.tallies[step] = Tally()
        if old is not None:
            tally.count(old.status, -1)
            self.counts[old.status] -= 1
        tally.count(entry.status, 1)
        self.counts[entry.status] += 1
        while tally.next in self.entries[step]:
            tally.next += 1
