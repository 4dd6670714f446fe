"""What a run is, and how it ended. Pure data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from wflo.models.base import ExecutionId, Iteration, Model, Name, StepId, Text
from wflo.models.cost import CostSummary


class ExecutionStatus(StrEnum):
    """How far a run is. WAITING: nothing of it runs, and nothing will before a time or a person."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"

    @property
    def ended(self) -> bool:
        """Whether nothing of it will happen unless it is resumed."""
        return self not in (self.PENDING, self.RUNNING, self.WAITING)


class StepStatus(StrEnum):
    """How far one iteration of a step is.

    READY may be claimed by a worker, RUNNING is held by one, WAITING needs none. SKIPPED did not
    have to run, BLOCKED could not, for something it depends on failed.
    """

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether it is as it will stay, unless the run is resumed."""
        return self not in (self.READY, self.RUNNING, self.WAITING)


class StepFailure(Model):
    """Why a step failed, as text: nothing here can be raised again.

    Attributes:
        step: Which one.
        iteration: Which iteration of it, from 0.
        attempt: Which attempt, from 1; 0: it failed before there was one.
        kind: The exception's name, ``ValueError`` or ``pkg.module.Error``.
        kinds: Names of the exception and its bases, most derived first.
        message: What it said.
        traceback: Its text, cut to the user's own frames; "" where no code of theirs raised it.
    """

    step: StepId
    iteration: Iteration = 0
    attempt: Annotated[int, Field(ge=0)] = 1
    kind: Text
    kinds: tuple[Text, ...] = ()
    message: Text
    traceback: Text = ""


class StepExecution(Model):
    """One iteration of a step, as the journal has it.

    Attributes:
        step: The step's id.
        iteration: From 0.
        status: See `StepStatus`.
        attempts: How many were begun.
        result: What it returned, as JSON; None also while there is nothing.
        failure: Why it failed.
        worker: Who holds it, while it is RUNNING.
        started_at: When its last attempt began (UTC).
        ended_at: When it ended (UTC).
    """

    step: StepId
    iteration: Iteration = 0
    status: StepStatus
    attempts: Annotated[int, Field(ge=0)] = 0
    result: Any = None
    failure: StepFailure | None = None
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class WorkflowExecution(Model):
    """One run of a workflow.

    Attributes:
        id: Its name, given or made.
        workflow: The workflow's name.
        version: The workflow's version.
        digest: That of the definition it was submitted with (SHA-256, hex).
        status: See `ExecutionStatus`.
        input: What it was given.
        output: What it came to: the results of the steps that nothing depends on, by id; of a
            single one, its result.
        failure: The first failed step.
        error: Why it ended, in one line, where it did not complete.
        parent: The execution whose step this one is.
        cost: What it has spent so far.
        created_at: When it was submitted (UTC).
        started_at: When a worker took it up (UTC).
        ended_at: When it ended (UTC).
    """

    id: ExecutionId
    workflow: Name
    version: str
    digest: str
    status: ExecutionStatus
    input: dict[str, Any] = Field(default_factory=dict)
    output: Any = None
    failure: StepFailure | None = None
    error: Text | None = None
    parent: ExecutionId | None = None
    cost: CostSummary = CostSummary()
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class ExecutionResult(Model):
    """What `Workflow.run` returns.

    Attributes:
        execution: The run.
        results: Results by step; a list of them where the step is mapped. Steps that did not
            complete are not among them.
    """

    execution: WorkflowExecution
    results: dict[str, Any] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        """The execution's id."""
        return self.execution.id

    @property
    def status(self) -> ExecutionStatus:
        """How it ended."""
        return self.execution.status

    @property
    def output(self) -> Any:
        """What it came to."""
        return self.execution.output

    def __getitem__(self, step_id: str) -> Any:
        """The result of a step."""
        return self.results[step_id]
