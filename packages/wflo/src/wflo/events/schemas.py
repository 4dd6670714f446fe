"""What is told about a run: an event, as the outbox has it. Pure data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from wflo.models.base import ExecutionId, Model, StepId


class Event(Model):
    """One entry of a run's journal.

    Attributes:
        execution_id: Of which run.
        sequence: Its place there, from 1 and without gaps.
        type: What happened, as ``step.completed``.
        step: To which step, if it was to one.
        iteration: To which iteration of it.
        payload: What else there is to say; its keys depend on the type.
        created_at: When (UTC, by the database's clock).
    """

    execution_id: ExecutionId
    sequence: Annotated[int, Field(ge=1)]
    type: Annotated[str, Field(min_length=1, max_length=50)]
    step: StepId | None = None
    iteration: Annotated[int, Field(ge=0)] | None = None
    payload: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
