"""The kinds of failures: runs that failed by one exception at one line are of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kohakuengine.errors import RunError, RunFailed
from kohakuengine.flow.runs import RunStatus

if TYPE_CHECKING:
    from kohakuengine.flow.runs import RunResult

__all__ = ["FailureGroup", "FailureGroups", "FailureKind", "failure_kind"]


class FailureKind(NamedTuple):
    """What failures have in common.

    Attributes:
        kind: The name of the exception's class, ``exit code 3``, ``lost: SIGKILL``, ``timeout``,
            ``cancelled``; or the name of the error by which the engine refused the run.
        where: The innermost place in the user's files ("train.py:12"); "" where there is none.
    """

    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.where}" if self.where else self.kind


class FailureGroup:
    """Failures of one kind.

    Attributes:
        kind: Which.
        first: The result that came first.
        count: How many there are.
    """

    __slots__ = ("count", "first", "kind")

    def __init__(self, kind: FailureKind, first: RunResult) -> None:
        self.kind = kind
        self.first = first
        self.count = 0


class FailureGroups:
    """The failures of a flow, by kind, in the order in which the kinds came.

    What it holds is bounded: one result a kind, and `max_kinds` kinds. Failures of further kinds
    are only counted.

    Attributes:
        count: How many failures there are in all.
        others: How many of them are of kinds that are not kept.
    """

    def __init__(self, max_kinds: int = 100) -> None:
        self.count = 0
        self.others = 0
        self._max_kinds = max_kinds
        self._groups: dict[FailureKind, FailureGroup] = {}

    def add(self, result: RunResult) -> FailureGroup | None:
        """Count the result of a run that did not succeed.

        Returns:
            Its group, of which it is the first where ``count`` is 1; None if its kind is not kept.
        """
        self.count += 1
        kind = failure_kind(result)
        group = self._groups.get(kind)
        if group is None:
            if len(self._groups) >= self._max_kinds:
                self.others += 1
                return None
            group = self._groups[kind] = FailureGroup(kind, result)
        group.count += 1
        return group

    def __iter__(self) -> Iterator[FailureGroup]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        """How many kinds are kept."""
        return len(self._groups)

    def text(self, most: int = 5) -> str:
        """The kinds in one line, the most frequent first.

        ``7 ValueError at train.py:12, 2 lost: SIGKILL, 3 of other kinds``
        """
        groups = sorted(self, key=lambda group: -group.count)
        parts = [f"{group.count} {group.kind}" for group in groups[:most]]
        rest = self.others + sum(group.count for group in groups[most:])
        return ", ".join([*parts, f"{rest} of other kinds"] if rest else parts)


def failure_kind(result: RunResult) -> FailureKind:
    """The kind of a run that did not succeed."""
    error = result.error
    if result.status is RunStatus.LOST:
        return FailureKind(_lost(error), "")
    if result.status is not RunStatus.FAILED or error is None:
        return FailureKind(str(result.status), "")
    if not isinstance(error, RunFailed):
        return FailureKind(type(error).__name__, "")
    return FailureKind(_exception(error), error.where)


def _exception(error: RunFailed) -> str:
    kind = error.kinds[0] if error.kinds else "failed"
    return f"exit code {error.exit_code}" if kind == "SystemExit" else kind


def _lost(error: object) -> str:
    status = error.exit_code if isinstance(error, RunError) else None
    if status is None:
        return "lost"
    if status >= 0:
        return f"lost: exit code {status}"
    from kohakuengine.engine.ending import signal_name

    return f"lost: {signal_name(-status)}"
