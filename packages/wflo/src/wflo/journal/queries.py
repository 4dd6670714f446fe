"""Reading runs. Nothing here writes, or waits for what does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import String, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import (
    audit,
    executions,
    ledger,
    logs,
    outbox,
    step_attempts,
    step_journal,
    workflows,
)
from wflo.errors import ExecutionNotFound, nearest
from wflo.events.schemas import Event
from wflo.journal.blobs import get_blobs
from wflo.journal.finish import result_text
from wflo.journal.rows import attempt_of, event_of, execution_of, log_of, step_of, to_datetime
from wflo.journal.run import Run, Runs
from wflo.models import (
    CostSummary,
    ExecutionStatus,
    StepExecution,
    StepStatus,
    WorkflowDefinition,
    WorkflowExecution,
)
from wflo.models.listing import StoredWorkflow
from wflo.models.record import LogEntry, StepAttempt
from wflo.workflow.engine import step_status

# What was spent. The other kinds of lines set money aside, or give it back.
_SPENT = ("charge", "settle")

_NEAR = 500  # the newest runs, among whose ids one that does not exist is looked for

_ID = bindparam("execution_id", type_=String)

_EXECUTION = (
    select(executions, workflows.c.name, workflows.c.version, workflows.c.digest)
    .join(workflows, workflows.c.id == executions.c.workflow_id)
    .where(executions.c.id == _ID)
)
_COST = select(
    func.coalesce(func.sum(ledger.c.micro_usd), 0),
    func.count(),
    func.coalesce(func.sum(ledger.c.input_tokens), 0),
    func.coalesce(func.sum(ledger.c.output_tokens), 0),
).where(ledger.c.execution_id == _ID, ledger.c.kind.in_(_SPENT))
_RECENT = select(executions.c.id).order_by(executions.c.created_at_us.desc()).limit(_NEAR)
_SOURCE = select(executions.c.source).where(executions.c.id == _ID)
_AUDIT = (
    select(audit.c.actor, audit.c.action, audit.c.detail, audit.c.created_at_us)
    .where(audit.c.execution_id == _ID)
    .order_by(audit.c.id)
)
_UNFINISHED = select(executions.c.workflow_id).where(
    executions.c.status.in_([status for status in ExecutionStatus if not status.ended])
)
_UNFINISHED_STATES = (
    select(workflows.c.id, workflows.c.name, workflows.c.version, workflows.c.digest)
    .where(
        workflows.c.name.in_(bindparam("names", expanding=True)), workflows.c.id.in_(_UNFINISHED)
    )
    .order_by(workflows.c.id)
)
_DEFINITION = (
    select(workflows.c.definition)
    .join(executions, executions.c.workflow_id == workflows.c.id)
    .where(executions.c.id == _ID)
)
_WORKFLOW = select(workflows).where(workflows.c.id == bindparam("workflow_id"))
_LAST_ATTEMPT = and_(
    step_attempts.c.execution_id == step_journal.c.execution_id,
    step_attempts.c.step == step_journal.c.step,
    step_attempts.c.iteration == step_journal.c.iteration,
    step_attempts.c.attempt == step_journal.c.attempts,
)
_STEPS = (
    select(step_journal, step_attempts.c.owner, step_attempts.c.started_at_us)
    .join(step_attempts, _LAST_ATTEMPT, isouter=True)
    .where(step_journal.c.execution_id == _ID)
    .order_by(step_journal.c.iteration)
)
_RESULTS = select(
    step_journal.c.step,
    step_journal.c.iteration,
    step_journal.c.result,
    step_journal.c.result_blob,
).where(step_journal.c.execution_id == _ID, step_journal.c.status == StepStatus.COMPLETED.value)
_COUNTS = (
    select(
        step_journal.c.step,
        step_journal.c.status,
        func.count().label("iterations"),
        func.max(step_journal.c.attempts).label("attempts"),
        func.max(step_journal.c.size).label("size"),
        func.max(step_journal.c.ended_at_us).label("ended_at_us"),
    )
    .where(step_journal.c.execution_id == _ID)
    .group_by(step_journal.c.step, step_journal.c.status)
)
_STARTS = (
    select(step_attempts.c.step, func.min(step_attempts.c.started_at_us).label("since"))
    .where(step_attempts.c.execution_id == _ID)
    .group_by(step_attempts.c.step)
)
_EVENTS = (
    select(outbox)
    .where(outbox.c.execution_id == _ID, outbox.c.sequence > bindparam("after"))
    .order_by(outbox.c.sequence)
    .limit(bindparam("limit"))
)
_EVENTS_OF = _EVENTS.where(outbox.c.type.in_(bindparam("types", expanding=True)))
_ATTEMPTS = (
    select(step_attempts)
    .where(step_attempts.c.execution_id == _ID)
    .order_by(step_attempts.c.started_at_us, step_attempts.c.step, step_attempts.c.iteration)
    .order_by(step_attempts.c.attempt)
)
_LOGS = (
    select(logs)
    .where(logs.c.execution_id == _ID, logs.c.id > bindparam("after"))
    .order_by(logs.c.id)
    .limit(bindparam("limit"))
)


class StepCounts(NamedTuple):
    """How far the iterations of a step are that have one status.

    Attributes:
        step: The step's id.
        status: A `wflo.models.StepStatus`, as text.
        iterations: How many iterations are.
        attempts: The most attempts that one of them took.
        size: How many items the step's result has, where that is a list.
        started_at_us: When the first attempt at any iteration of the step began.
        ended_at_us: When the last of these iterations ended.
    """

    step: str
    status: str
    iterations: int
    attempts: int
    size: int | None
    started_at_us: int | None
    ended_at_us: int | None


async def get_execution(conn: AsyncConnection, execution_id: str) -> WorkflowExecution:
    """A run, with its input and its output.

    Raises:
        ExecutionNotFound: There is none of this id.
    """
    row = (await conn.execute(_EXECUTION, {"execution_id": execution_id})).one_or_none()
    if row is None:
        raise await not_found(conn, execution_id)
    texts = await get_blobs(conn, [row.input_blob, row.output_blob])
    return execution_of(row, texts, await _cost(conn, execution_id))


async def not_found(conn: AsyncConnection, execution_id: str) -> ExecutionNotFound:
    """The error that says so, and which of the newest runs may have been meant."""
    ids = (await conn.execute(_RECENT)).scalars().all()
    return ExecutionNotFound(f"there is no execution {execution_id!r}{nearest(execution_id, ids)}")


class Act(NamedTuple):
    """What somebody did to a run from outside.

    Attributes:
        actor: Who.
        action: What: cancel, resume, state.saved, state.restored.
        detail: What more is known of it, as the reason.
        created_at: When.
    """

    actor: str
    action: str
    detail: dict[str, Any]
    created_at: datetime


async def acts_on(conn: AsyncConnection, execution_id: str) -> list[Act]:
    """What people did to a run, in order."""
    rows = (await conn.execute(_AUDIT, {"execution_id": execution_id})).all()
    return [
        Act(row.actor, row.action, json.loads(row.detail), to_datetime(row.created_at_us))
        for row in rows
    ]


class State(NamedTuple):
    """A state of a workflow that was stored.

    Attributes:
        workflow_id: Its row.
        name: The workflow's name.
        version: The version that its author gave it.
        digest: What tells the states of one version apart.
    """

    workflow_id: int
    name: str
    version: str
    digest: str


async def get_source(conn: AsyncConnection, execution_id: str) -> str:
    """Where a run's code is: a file's path or ``module:name``."""
    return str(await _scalar(conn, _SOURCE, execution_id))


async def get_workflow(conn: AsyncConnection, workflow_id: int) -> StoredWorkflow:
    """A workflow, by the number of its row."""
    row = (await conn.execute(_WORKFLOW, {"workflow_id": workflow_id})).one()
    return StoredWorkflow(
        name=row.name,
        version=row.version,
        digest=row.digest,
        definition=WorkflowDefinition.model_validate_json(row.definition),
        created_at=to_datetime(row.created_at_us),
    )


async def unfinished_states(conn: AsyncConnection, names: Sequence[str]) -> list[State]:
    """The states of workflows of these names that have runs which have not ended."""
    rows = (await conn.execute(_UNFINISHED_STATES, {"names": list(names)})).all()
    return [State(*row) for row in rows]


async def steps_of(conn: AsyncConnection, execution_id: str) -> list[StepExecution]:
    """Every iteration of every step that was begun, in the order of the definition."""
    definition = json.loads(await _scalar(conn, _DEFINITION, execution_id))
    place = {step["id"]: number for number, step in enumerate(definition["steps"])}
    rows = (await conn.execute(_STEPS, {"execution_id": execution_id})).all()
    texts = await get_blobs(conn, (row.result_blob for row in rows))
    return [step_of(row, texts) for row in sorted(rows, key=lambda row: place[row.step])]


async def results_of(
    conn: AsyncConnection, execution_id: str, runs: Runs | None = None
) -> dict[str, Any]:
    """What the steps came to that completed as a whole, by id, in the order of the definition.

    Args:
        conn: Any connection.
        execution_id: The run.
        runs: What is known of it, and of its workflow.

    Raises:
        ExecutionNotFound: There is none of this id.
    """
    run = await get_run(conn, execution_id, runs)
    rows = (await conn.execute(_RESULTS, {"execution_id": execution_id})).all()
    blobs = await get_blobs(conn, (row.result_blob for row in rows))
    texts: dict[str, dict[int, str]] = {step: {} for step in run.plan.steps}
    for row in rows:
        texts[row.step][row.iteration] = blobs.get(row.result_blob, row.result) or "null"
    return {
        step: json.loads(result_text(run, step, found))
        for step, found in texts.items()
        if step_status(run.plan, run.journal, step) is StepStatus.COMPLETED
    }


async def get_run(conn: AsyncConnection, execution_id: str, runs: Runs | None = None) -> Run:
    """A run as the scheduler sees it: its plan, and how far each step is.

    Args:
        conn: Any connection.
        execution_id: The run.
        runs: What is known of it, and of its workflow.

    Raises:
        ExecutionNotFound: There is none of this id.
    """
    run = (await (runs or Runs()).get(conn, [execution_id], lock=False)).get(execution_id)
    if run is None:
        raise await not_found(conn, execution_id)
    return run


async def counts_of(conn: AsyncConnection, execution_id: str) -> list[StepCounts]:
    """How far a run is, in a few rows however many iterations it has."""
    parameters = {"execution_id": execution_id}
    starts = {row.step: row.since for row in await conn.execute(_STARTS, parameters)}
    return [
        StepCounts(
            step=row.step,
            status=row.status,
            iterations=row.iterations,
            attempts=row.attempts,
            size=row.size,
            started_at_us=starts.get(row.step),
            ended_at_us=row.ended_at_us,
        )
        for row in await conn.execute(_COUNTS, parameters)
    ]


async def history(
    conn: AsyncConnection,
    execution_id: str,
    *,
    after: int = 0,
    types: Sequence[str] | None = None,
    limit: int = 1_000_000,
) -> list[Event]:
    """The entries of a run's journal, in order.

    Args:
        conn: Any connection.
        execution_id: Which run.
        after: Those after this sequence.
        types: Those of these types; None: all.
        limit: The first ones of these.
    """
    parameters = _some(execution_id, after, limit)
    if types is None:
        rows = await conn.execute(_EVENTS, parameters)
    else:
        rows = await conn.execute(_EVENTS_OF, parameters | {"types": types})
    return [event_of(row) for row in rows]


async def attempts(conn: AsyncConnection, execution_id: str) -> list[StepAttempt]:
    """Every attempt at every step, in the order in which they began."""
    rows = await conn.execute(_ATTEMPTS, {"execution_id": execution_id})
    return [attempt_of(row) for row in rows]


async def get_logs(
    conn: AsyncConnection, execution_id: str, *, after: int = 0, limit: int = 1_000_000
) -> list[LogEntry]:
    """What the run's steps said, in order, from the line after the one of this id."""
    rows = await conn.execute(_LOGS, _some(execution_id, after, limit))
    return [log_of(row) for row in rows]


async def _cost(conn: AsyncConnection, execution_id: str) -> CostSummary:
    row = (await conn.execute(_COST, {"execution_id": execution_id})).one()
    micro_usd, lines, input_tokens, output_tokens = map(int, row)  # PostgreSQL sums to Decimal
    return CostSummary(
        micro_usd=micro_usd, lines=lines, input_tokens=input_tokens, output_tokens=output_tokens
    )


async def _scalar(conn: AsyncConnection, statement: Any, execution_id: str) -> Any:
    value = (await conn.execute(statement, {"execution_id": execution_id})).scalar_one_or_none()
    if value is None:
        raise await not_found(conn, execution_id)
    return value


def _some(execution_id: str, after: int, limit: int) -> dict[str, Any]:
    return {"execution_id": execution_id, "after": after, "limit": limit}
