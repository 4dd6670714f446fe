"""What is kept about how a run went: attempts at its steps, and what these said. Pure data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from wflo.models.base import Model, StepId


class AttemptStatus(StrEnum):
    """How an attempt is, or how it ended.

    SKIPPED: the step's condition said that it need not run. LOST: its worker died, or was silent
    for too long. RELEASED: its worker was told to stop, and gave it back.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    LOST = "lost"
    RELEASED = "released"
    CANCELLED = "cancelled"


class StepAttempt(Model):
    """One attempt at an iteration of a step.

    Attributes:
        step: The step's id.
        iteration: From 0.
        attempt: From 1.
        worker: Who made it.
        status: See `AttemptStatus`.
        error: Why it did not complete, in one line.
        started_at: When it began (UTC).
        ended_at: When it ended (UTC).
    """

    step: StepId
    iteration: Annotated[int, Field(ge=0)] = 0
    attempt: Annotated[int, Field(ge=1)] = 1
    worker: str
    status: AttemptStatus
    error: str | None = None
    started_at: datetime
    ended_at: datetime | None = None


class LogEntry(Model):
    """One line of ``ctx.log``.

    Attributes:
        id: Its number: later lines have higher ones.
        step: Which step said it.
        iteration: In which iteration.
        attempt: At which attempt.
        level: ``debug``, ``info``, ``warning`` or ``error``.
        message: What was said.
        fields: What it was said with.
        created_at: When (UTC, by the worker's clock).
    """

    id: int
    step: StepId
    iteration: Annotated[int, Field(ge=0)] = 0
    attempt: Annotated[int, Field(ge=1)] = 1
    level: str
    message: str
    fields: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
