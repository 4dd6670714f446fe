"""How far each step of a run is as a whole, whatever it has of iterations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wflo.journal.queries import StepCounts
from wflo.models import StepStatus
from wflo.plan import Plan, PlannedStep

# Of iterations in several statuses, the first of these is that of the step.
_TELLING = (
    StepStatus.RUNNING,
    StepStatus.READY,
    StepStatus.WAITING,
    StepStatus.FAILED,
    StepStatus.CANCELLED,
    StepStatus.BLOCKED,
    StepStatus.COMPLETED,
    StepStatus.SKIPPED,
)
_DONE = (StepStatus.COMPLETED, StepStatus.SKIPPED)


class StepView(NamedTuple):
    """A step as a whole.

    Attributes:
        status: None: it has not begun.
        counts: How many iterations have each status.
        total: How many a mapped step will have, once that is known.
        attempts: The most that one iteration took.
        started_at_us: When the first attempt began.
        ended_at_us: When its last iteration ended, if all have.
    """

    status: StepStatus | None = None
    counts: Mapping[StepStatus, int] = {}
    total: int | None = None
    attempts: int = 0
    started_at_us: int | None = None
    ended_at_us: int | None = None

    @property
    def done(self) -> int:
        """How many iterations went well."""
        return sum(self.counts.get(status, 0) for status in _DONE)

    @property
    def over(self) -> bool:
        """Whether it is as it will stay."""
        return self.status is not None and self.status.ended


def step_views(
    plan: Plan, counts: Iterable[StepCounts], input_sizes: Mapping[str, int]
) -> dict[str, StepView]:
    """Every step of the plan.

    Args:
        plan: The run's.
        counts: What the journal has.
        input_sizes: How many items each input has that is a list.
    """
    rows: dict[str, list[StepCounts]] = defaultdict(list)
    for row in counts:
        rows[row.step].append(row)
    sizes = dict(input_sizes) | {
        step: row.size for step, found in rows.items() for row in found if row.size is not None
    }
    return {step.id: _view(step, rows[step.id], sizes) for step in plan.steps.values()}


def _view(step: PlannedStep, rows: list[StepCounts], sizes: Mapping[str, int]) -> StepView:
    mapped = step.definition.map
    total = sizes.get(mapped.over) if mapped else None
    if not rows:
        return StepView(total=total)
    counts = {StepStatus(row.status): row.iterations for row in rows}
    status = next(status for status in _TELLING if status in counts)
    return StepView(
        status=status,
        counts=counts,
        total=total,
        attempts=max(row.attempts for row in rows),
        started_at_us=rows[0].started_at_us,
        ended_at_us=max(row.ended_at_us or 0 for row in rows) if status.ended else None,
    )
