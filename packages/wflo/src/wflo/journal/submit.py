"""Creating runs."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, workflows
from wflo.errors import ExecutionExists
from wflo.journal.blobs import get_text
from wflo.journal.changes import Changes
from wflo.journal.proceed import add_timer
from wflo.journal.run import (
    WORKFLOW_ID,
    Parent,
    Run,
    Submitted,
    input_sizes,
    sub_workflows,
    workflow_key,
)
from wflo.models import ExecutionStatus
from wflo.plan import Plan, make_plan
from wflo.workflow.view import Journal

_ADD_WORKFLOW = {
    "sqlite": sqlite.insert(workflows).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(workflows).on_conflict_do_nothing(),
}
_EXISTING = (
    select(
        executions.c.input,
        executions.c.input_blob,
        workflows.c.name,
        workflows.c.version,
        workflows.c.digest,
    )
    .join(workflows, workflows.c.id == executions.c.workflow_id)
    .where(executions.c.id == bindparam("execution_id"))
)


async def add_workflow(conn: AsyncConnection, plan: Plan, now_us: int) -> Submitted:
    """Store this state of a workflow, and of its children, where they are not stored already."""
    children = {
        step: await add_workflow(conn, make_plan(definition), now_us)
        for step, definition in sub_workflows(plan).items()
    }
    key = workflow_key(plan)
    found = (await conn.execute(WORKFLOW_ID, key)).scalar_one_or_none()
    if found is None:
        text = plan.definition.model_dump_json()
        row = key | {"definition": text, "created_at_us": now_us}
        await conn.execute(_ADD_WORKFLOW[conn.dialect.name], row)
        found = (await conn.execute(WORKFLOW_ID, key)).scalar_one()
    return Submitted(int(found), plan, children)


async def submit(
    conn: AsyncConnection,
    plan: Plan,
    *,
    execution_id: str,
    source: str,
    input_text: str,
    now_us: int,
) -> bool:
    """Create a run, PENDING, for a worker to start.

    Args:
        conn: A write transaction.
        plan: Its workflow.
        execution_id: Its id.
        source: Where its code is.
        input_text: The canonical JSON text of its input.
        now_us: The time.

    Returns:
        False if it exists already, of the same workflow and with the same input.

    Raises:
        ExecutionExists: The id belongs to another one.
    """
    existing = (await conn.execute(_EXISTING, {"execution_id": execution_id})).one_or_none()
    if existing is not None:
        _check_same(execution_id, plan, existing)
        if await get_text(conn, existing.input, existing.input_blob) != input_text:
            raise ExecutionExists(
                f"execution {execution_id!r} exists, with other input; choose another id, "
                "or leave the input out to continue it"
            )
        return False
    submitted = await add_workflow(conn, plan, now_us)
    changes = Changes(now_us)
    _create(changes, submitted, execution_id, source, input_text, root_id=execution_id)
    await changes.write(conn)
    return True


def start_child(changes: Changes, run: Run, step: str, iteration: int, input_text: str) -> None:
    """Create the run that a WORKFLOW step stands for."""
    parent = Parent(run.id, step, iteration)
    child = run.submitted.children[step]
    _create(
        changes,
        child,
        parent.child_id,
        run.source,
        input_text,
        parent=parent,
        root_id=run.root_id,
    )
    changes.event(run, "step.waiting", step, iteration, child=parent.child_id)


def _create(
    changes: Changes,
    submitted: Submitted,
    execution_id: str,
    source: str,
    input_text: str,
    *,
    root_id: str,
    parent: Parent | None = None,
) -> None:
    run = Run(
        id=execution_id,
        root_id=root_id,
        parent=parent,
        source=source,
        submitted=submitted,
        journal=Journal(input_sizes=input_sizes(submitted.plan, json.loads(input_text))),
        sequence=0,
        status=ExecutionStatus.PENDING,
        cost_micro_usd=0,
    )
    changes.create(run, input_text)
    definition = submitted.plan.definition
    changes.event(run, "execution.created", workflow=definition.name, version=definition.version)
    add_timer(changes, run, "start", changes.now_us)


def _check_same(execution_id: str, plan: Plan, existing: object) -> None:
    definition = plan.definition
    found = (existing.name, existing.version, existing.digest)  # type: ignore[attr-defined]  # a row
    if found[:2] != (definition.name, definition.version):
        raise ExecutionExists(
            f"execution {execution_id!r} exists, of workflow {found[0]!r} version {found[1]!r}, "
            f"not {definition.name!r} version {definition.version!r}"
        )
