"""From rows to models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from wflo.events.schemas import Event
from wflo.models import (
    CostSummary,
    ExecutionStatus,
    StepExecution,
    StepFailure,
    StepStatus,
    WorkflowExecution,
)
from wflo.models.listing import ExecutionSummary
from wflo.models.record import AttemptStatus, LogEntry, StepAttempt

if TYPE_CHECKING:
    from sqlalchemy import Row

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(time_us: int) -> datetime:
    """A time of the database, in microseconds since 1970, as Python has it (UTC)."""
    return _EPOCH + timedelta(microseconds=time_us)


def to_us(time: datetime) -> int:
    """A time as the database has it."""
    return (time - _EPOCH) // _MICROSECOND


def summary_of(row: AnyRow) -> ExecutionSummary:
    """A row of a list of runs; of `wflo.db.glance`, too."""
    return ExecutionSummary(
        id=row.id,
        workflow=row.name,
        version=row.version,
        status=ExecutionStatus(row.status),
        error=row.error,
        parent=row.parent_id,
        cost_micro_usd=row.cost_micro_usd,
        created_at=to_datetime(row.created_at_us),
        started_at=_maybe(row.started_at_us),
        ended_at=_maybe(row.ended_at_us),
    )


def execution_of(row: AnyRow, texts: dict[str, str], cost: CostSummary) -> WorkflowExecution:
    """A run.

    Args:
        row: It, and its workflow's name, version and digest.
        texts: The texts of its blobs, by hash.
        cost: What it has spent.
    """
    return WorkflowExecution(
        id=row.id,
        workflow=row.name,
        version=row.version,
        digest=row.digest,
        status=ExecutionStatus(row.status),
        input=_value(row.input, row.input_blob, texts) or {},
        output=_value(row.output, row.output_blob, texts),
        failure=_failure(row.failure),
        error=row.error,
        parent=row.parent_id,
        cost=cost,
        created_at=to_datetime(row.created_at_us),
        started_at=_maybe(row.started_at_us),
        ended_at=_maybe(row.ended_at_us),
    )


def step_of(row: AnyRow, texts: dict[str, str]) -> StepExecution:
    """An iteration of a step, with the owner and the start of its last attempt."""
    return StepExecution(
        step=row.step,
        iteration=row.iteration,
        status=StepStatus(row.status),
        attempts=row.attempts,
        result=_value(row.result, row.result_blob, texts),
        failure=_failure(row.failure),
        worker=row.owner if row.status == StepStatus.RUNNING else None,
        started_at=_maybe(row.started_at_us),
        ended_at=_maybe(row.ended_at_us),
    )


def attempt_of(row: AnyRow) -> StepAttempt:
    """An attempt at a step."""
    return StepAttempt(
        step=row.step,
        iteration=row.iteration,
        attempt=row.attempt,
        worker=row.owner,
        status=AttemptStatus(row.status),
        error=row.error,
        started_at=to_datetime(row.started_at_us),
        ended_at=_maybe(row.ended_at_us),
    )


def event_of(row: AnyRow) -> Event:
    """An entry of a run's journal."""
    return Event(
        execution_id=row.execution_id,
        sequence=row.sequence,
        type=row.type,
        step=row.step,
        iteration=row.iteration,
        payload=json.loads(row.payload),
        created_at=to_datetime(row.created_at_us),
    )


def log_of(row: AnyRow) -> LogEntry:
    """A line that a step said."""
    return LogEntry(
        id=row.id,
        step=row.step,
        iteration=row.iteration,
        attempt=row.attempt,
        level=row.level,
        message=row.message,
        fields=json.loads(row.fields),
        created_at=to_datetime(row.created_at_us),
    )


def _value(text: str | None, blob: str | None, texts: dict[str, str]) -> Any:
    whole = text if blob is None else texts[blob]
    return None if whole is None else json.loads(whole)


def _failure(text: str | None) -> StepFailure | None:
    return None if text is None else StepFailure.model_validate_json(text)


def _maybe(time_us: int | None) -> datetime | None:
    return None if time_us is None else to_datetime(time_us)
