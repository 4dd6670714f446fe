"""Rows of the journal, as the engine writes them, for what only reads."""

import json

from sqlalchemy import insert

from wflo.db import tables
from wflo.models import MapSpec, WorkflowDefinition, WorkflowStep
from wflo.plan import make_plan

START_US = 1_700_000_000_000_000


def definition(name="report", version="1", steps=("fetch", "parse")):
    """A chain of these steps; a step that is one already stays as it is."""
    chain = []
    for step in steps:
        if isinstance(step, str):
            needs = (chain[-1].id,) if chain else ()
            step = WorkflowStep(id=step, depends_on=needs)  # noqa: PLW2901
        chain.append(step)
    return WorkflowDefinition(name=name, version=version, steps=tuple(chain))


def mapped(step_id, over, *, depends_on=(), item="item"):
    return WorkflowStep(id=step_id, map=MapSpec(over=over, item=item), depends_on=depends_on)


async def add_workflow(conn, workflow=None):
    workflow = workflow or definition()
    row = {
        "name": workflow.name,
        "version": workflow.version,
        "digest": make_plan(workflow).digest,
        "definition": workflow.model_dump_json(),
        "created_at_us": START_US,
    }
    return (await conn.execute(insert(tables.workflows), row)).inserted_primary_key[0]


async def add_execution(conn, execution_id, workflow_id, **columns):
    row = {
        "id": execution_id,
        "workflow_id": workflow_id,
        "status": "completed",
        "sequence": 0,
        "source": "flow.py",
        "input": "{}",
        "cost_micro_usd": 0,
        "root_id": execution_id,
        "created_at_us": START_US,
    }
    await conn.execute(insert(tables.executions), row | columns)


async def add_step(conn, execution_id, workflow_id, step, iteration=0, **columns):
    row = {
        "execution_id": execution_id,
        "step": step,
        "iteration": iteration,
        "workflow_id": workflow_id,
        "root_id": execution_id,
        "status": "completed",
        "attempts": 1,
        "losses": 0,
        "uncounted": 0,
        "available_at_us": START_US,
        "done": True,
    }
    table = tables.step_journal
    known = {column.name for column in table.columns}
    await conn.execute(insert(table), {key: row[key] for key in row if key in known} | columns)


async def add_attempt(conn, execution_id, step, iteration=0, attempt=1, **columns):
    row = {
        "token": f"{execution_id}-{step}-{iteration}-{attempt}"[-32:],
        "execution_id": execution_id,
        "step": step,
        "iteration": iteration,
        "attempt": attempt,
        "owner": "host|1|2|3",
        "status": "completed",
        "started_at_us": START_US + 1_000_000 * attempt,
        "expires_at_us": START_US + 60_000_000,
        "ended_at_us": START_US + 1_000_000 * attempt + 500_000,
    }
    await conn.execute(insert(tables.step_attempts), row | columns)


async def add_event(conn, execution_id, sequence, type_, step=None, iteration=None, **payload):
    row = {
        "execution_id": execution_id,
        "sequence": sequence,
        "type": type_,
        "step": step,
        "iteration": iteration,
        "payload": json.dumps(payload),
        "created_at_us": START_US + sequence,
    }
    await conn.execute(insert(tables.outbox), row)


async def add_log(conn, execution_id, message, step="fetch", level="info", **fields):
    row = {
        "execution_id": execution_id,
        "step": step,
        "iteration": 0,
        "attempt": 1,
        "level": level,
        "message": message,
        "fields": json.dumps(fields),
        "created_at_us": START_US,
    }
    await conn.execute(insert(tables.logs), row)


async def add_cost(conn, execution_id, micro_usd, kind="charge", position=0, **columns):
    row = {
        "execution_id": execution_id,
        "step": "fetch",
        "iteration": 0,
        "attempt": 1,
        "position": position,
        "kind": kind,
        "micro_usd": micro_usd,
        "label": "model",
        "input_tokens": 10,
        "output_tokens": 2,
        "created_at_us": START_US,
    }
    await conn.execute(insert(tables.ledger), row | columns)
