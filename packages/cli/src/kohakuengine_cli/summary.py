"""Keeps of a flow's runs what its table shows, however many they are."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.texts import (
    config_texts,
    config_values,
    duration_text,
    outcome_texts,
    reason_text,
    status_text,
    value_text,
)

__all__ = ["Row", "Summary"]

# A table is for reading: of more runs than this, it shows some first and last ones, and failures.
_ALL = 100
_FIRST = 20
_LAST = 10
_FAILURES = 40

_NUMBERS = frozenset({int, float, bool, type(None)})
_LIGHT = 16  # items of a dict


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
        reason: Why it did not succeed, unless that was us.
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

    Args:
        in_process: Whether scripts run in this process, where they may change the values that they
            are given, so that these have to be noted before.

    Attributes:
        started: Whether the flow was.
    """

    def __init__(self, *, in_process: bool = True) -> None:
        self.started = False
        self._in_process = in_process
        self._total: int | None = None
        self._began = time.monotonic()
        self._given: dict[int, dict[str, str]] = {}
        self._first: list[Row] = []
        self._last: deque[Row | RunResult] = deque(maxlen=_LAST)
        self._failures: list[Row] = []
        self._counts: Counter[RunStatus] = Counter()
        self._names: dict[str, None] = {}
        self._same: dict[str, Any] = {}  # names that had one value so far, with it

    def flow_started(self, total: int | None) -> None:
        """Remember how many runs there are."""
        self.started = True
        self._total = total

    def run_started(self, spec: RunSpec) -> None:
        """Note the values, where they may not stay as they are."""
        if self._in_process and spec.index not in self._given:
            self._given[spec.index] = config_texts(spec.config)

    def run_finished(self, result: RunResult) -> None:
        """Keep a row, or count it only."""
        texts = self._given.pop(result.index) if self._in_process else None
        self._compare(config_values(result.config) if texts is None else texts)
        self._counts[result.status] += 1
        is_failure = not result.ok and len(self._failures) < _FAILURES
        if len(self._first) >= _ALL and not is_failure and texts is None and _is_light(result):
            self._last.append(result)  # which has to be read only if it is one of the last
            return
        row = _row(result, texts)
        if len(self._first) < _ALL:
            self._first.append(row)
        else:
            self._last.append(row)
        if is_failure:
            self._failures.append(row)

    def _compare(self, values: Mapping[str, Any]) -> None:
        if not self._counts:
            self._names = dict.fromkeys(values)
            self._same = dict(values)
            return
        if not values.keys() <= self._names.keys():
            self._names.update(dict.fromkeys(values))
        others = [
            name
            for name, value in self._same.items()
            if name not in values or not _is_equal(values[name], value)
        ]
        for name in others:
            del self._same[name]

    @property
    def varying(self) -> list[str]:
        """The names of config values that are not the same in all runs, in order."""
        return [name for name in self._names if name not in self._same]

    @property
    def rows(self) -> list[Row]:
        """What is shown, in order; there are gaps in the numbers where runs are left out."""
        first = self._first[:_FIRST] if self._last else self._first
        last = [row if isinstance(row, Row) else _row(row, None) for row in self._last]
        kept = {row.number: row for row in (*first, *self._failures, *last)}
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
        counted = ", ".join(f"{n} {status_text(s)}" for s, n in self._counts.items())
        return f"{done}{of} {noun} in {took}: {counted}"


def _row(result: RunResult, texts: dict[str, str] | None) -> Row:
    return Row(
        result.index + 1,
        result.script.name,
        config_texts(result.config) if texts is None else texts,
        result.attempt,
        result.status,
        result.duration_s,
        outcome_texts(result),
        "" if result.status is RunStatus.CANCELLED else reason_text(result),
    )


def _is_light(result: RunResult) -> bool:
    """Whether a result is held as cheaply as what is read of it."""
    value = result.value
    if type(value) is dict and len(value) <= _LIGHT:
        return all(type(item) in _NUMBERS for item in value.values())
    return type(value) in _NUMBERS


def _is_equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) in _NUMBERS or type(one) is str:
        return type(one) is type(other) and bool(one == other)
    return value_text(one) == value_text(other)
