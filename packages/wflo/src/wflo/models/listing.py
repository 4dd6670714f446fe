"""What is kept, in a list: which runs, a page of them; a workflow. Pure data."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from wflo.models.base import ExecutionId, MicroUsd, Model, Name, Text
from wflo.models.execution import ExecutionStatus
from wflo.models.workflow import WorkflowDefinition


class ExecutionFilter(Model):
    """Which runs are listed: those of which all of this is true.

    Attributes:
        statuses: One of these; none: any.
        workflow: Of the workflow of this name.
        version: Of this version of it.
        parent: Started by a step of this execution.
        top_level: Started by no other execution.
        created_after: Submitted at this time or later.
        created_before: Submitted before it.
    """

    statuses: tuple[ExecutionStatus, ...] = ()
    workflow: Name | None = None
    version: Text | None = None
    parent: ExecutionId | None = None
    top_level: bool = False
    created_after: AwareDatetime | None = None
    created_before: AwareDatetime | None = None


class ExecutionSummary(Model):
    """A run, without what may be big: its input and its output.

    Attributes:
        id: Its name.
        workflow: Its workflow's name.
        version: And version.
        status: See `ExecutionStatus`.
        error: Why it ended, in one line, where it did not complete.
        parent: The execution whose step this one is.
        cost_micro_usd: What it has spent so far.
        created_at: When it was submitted (UTC).
        started_at: When a worker took it up (UTC).
        ended_at: When it ended (UTC).
    """

    id: ExecutionId
    workflow: Name
    version: str
    status: ExecutionStatus
    error: str | None = None
    parent: ExecutionId | None = None
    cost_micro_usd: MicroUsd = 0
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class ExecutionPage(Model):
    """Some runs of a list, the newest first.

    Attributes:
        executions: They.
        next_cursor: What gets the page after this one; None: there is none.
    """

    executions: tuple[ExecutionSummary, ...] = ()
    next_cursor: str | None = None


class StoredWorkflow(Model):
    """A workflow as it was submitted.

    Attributes:
        name: Its name.
        version: What its author calls this state of it.
        digest: SHA-256 (hex) of the definition.
        definition: All of it.
        created_at: When it was submitted first (UTC).
    """

    name: Name
    version: str
    digest: str
    definition: WorkflowDefinition
    created_at: datetime
