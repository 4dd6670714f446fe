"""Keeps of a flow's runs what its table shows, however many they are."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import NamedTuple

from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.texts import config_texts, duration_text, outcome_texts, reason_text

__all__ = ["Row", "Summary"]

# A table is for reading: of more runs than this, it shows some first and last ones, and failures.
_ALL = 100
_FIRST = 20
_LAST = 10
_FAILURES = 40

_WORDS = {RunStatus.SUCCESS: "succeeded"}


class Row(NamedTuple):
    """What the table tells of a run.

    Attributes:
        number: Its place in the flow, from 1.
        script: The script's name.
        values: What its config gave to the script, by name.
        attempt: Which try the row is about: 1, unless runs are tried again.
        status: How it ended.
        duration_s: How long it took.
        outcome: What it returned, by column.
        reason: Why it did not succeed.
    """

    number: int
    script: str
    values: dict[str, str]
    attempt: int
    status: RunStatus
    duration_s: float
    outcome: dict[str, str]
    reason: str


class Summary(Listener):
    """The rows of a flow's table, and its last line.

    Attributes:
        started: Whether the flow was.
        varying: The names of config values that are not the same in all runs, in order.
    """

    def __init__(self) -> None:
        self.started = False
        self._total: int | None = None
        self._began = time.monotonic()
        self._given: dict[int, dict[str, str]] = {}
        self._first: list[Row] = []
        self._last: deque[Row] = deque(maxlen=_LAST)
        self._failures: list[Row] = []
        self._counts: Counter[RunStatus] = Counter()
        self._names: dict[str, str | None] = {}  # the value seen first; None once there are two

    def flow_started(self, total: int | None) -> None:
        """Remember how many runs there are."""
        self.started = True
        self._total = total

    def run_started(self, spec: RunSpec) -> None:
        """Note the values now: the script may change those that are lists, and the like."""
        if spec.index not in self._given:
            self._given[spec.index] = config_texts(spec.config)

    def run_finished(self, result: RunResult) -> None:
        """Keep a row, or count it only."""
        row = Row(
            result.index + 1,
            result.script.name,
            self._given.pop(result.index),
            result.attempt,
            result.status,
            result.duration_s,
            outcome_texts(result),
            reason_text(result),
        )
        self._compare(row.values)
        self._counts[row.status] += 1
        if len(self._first) < _ALL:
            self._first.append(row)
        else:
            self._last.append(row)
        if not result.ok and len(self._failures) < _FAILURES:
            self._failures.append(row)

    def _compare(self, values: dict[str, str]) -> None:
        for name, text in values.items():
            if self._names.setdefault(name, None if self._counts else text) != text:
                self._names[name] = None
        if len(values) < len(self._names):
            self._names.update(dict.fromkeys(self._names.keys() - values.keys()))

    @property
    def varying(self) -> list[str]:
        return [name for name, same in self._names.items() if same is None]

    @property
    def rows(self) -> list[Row]:
        """What is shown, in order; there are gaps in the numbers where runs are left out."""
        first = self._first[:_FIRST] if self._last else self._first
        kept = {row.number: row for row in (*first, *self._failures, *self._last)}
        return [kept[number] for number in sorted(kept)]

    @property
    def all_well(self) -> bool:
        """Whether each run there was succeeded."""
        return self._counts.keys() <= {RunStatus.SUCCESS}

    def __str__(self) -> str:
        """How many runs there were, how they went, and how long it all took."""
        done = sum(self._counts.values())
        if not done:
            return "No runs."
        of = f" of {self._total}" if self._total is not None and self._total != done else ""
        noun = "run" if (self._total or done) == 1 else "runs"
        took = duration_text(time.monotonic() - self._began)
        counted = ", ".join(f"{n} {_WORDS.get(s, s)}" for s, n in self._counts.items())
        return f"{done}{of} {noun} in {took}: {counted}"
