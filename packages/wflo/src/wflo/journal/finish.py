"""What the end of a run brings with it, once everything else of the transaction is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, step_journal, timers
from wflo.journal.blobs import get_text, put_texts
from wflo.journal.changes import Changes, Finished
from wflo.journal.run import Run
from wflo.models import StepStatus

_TIMER_COLUMNS = [
    "execution_id",
    "workflow_id",
    "root_id",
    "kind",
    "step",
    "iteration",
    "due_at_us",
]

_END = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"))
    .values(
        ended_at_us=bindparam("ended_at_us"),
        output=bindparam("output"),
        output_blob=bindparam("output_blob"),
        failure=bindparam("failure"),
        error=bindparam("error"),
    )
)
_RESULTS = select(step_journal).where(
    step_journal.c.execution_id == bindparam("b_id"),
    step_journal.c.step.in_(bindparam("steps", expanding=True)),
)
_FORGET_TIMERS = delete(timers).where(timers.c.execution_id == bindparam("b_id"))
_WAKE_PARENT = insert(timers).from_select(
    _TIMER_COLUMNS,
    select(
        executions.c.id,
        executions.c.workflow_id,
        executions.c.root_id,
        literal("child"),
        bindparam("b_step"),
        bindparam("b_iteration"),
        bindparam("b_now"),
    ).where(executions.c.id == bindparam("b_parent")),
)
_CANCEL_CHILDREN = insert(timers).from_select(
    _TIMER_COLUMNS,
    select(
        executions.c.id,
        executions.c.workflow_id,
        executions.c.root_id,
        literal("cancel"),
        null(),
        null(),
        bindparam("b_now"),
    ).where(executions.c.parent_id == bindparam("b_id"), executions.c.ended_at_us.is_(None)),
)


async def finish_runs(conn: AsyncConnection, changes: Changes) -> None:
    """Write how the runs ended that ended in this transaction, and tell parents and children."""
    for finished in changes.finished:
        await _end(conn, changes, finished)
        run = finished.run
        await conn.execute(_FORGET_TIMERS, {"b_id": run.id})
        if run.parent is not None:
            changes.look_at(changes.now_us)
            parameters = {
                "b_step": run.parent.step,
                "b_iteration": run.parent.iteration,
                "b_parent": run.parent.execution_id,
                "b_now": changes.now_us,
            }
            await conn.execute(_WAKE_PARENT, parameters)
        if run.journal.stop is not None:
            parameters = {"b_id": run.id, "b_now": changes.now_us}
            if (await conn.execute(_CANCEL_CHILDREN, parameters)).rowcount > 0:
                changes.look_at(changes.now_us)


async def _end(conn: AsyncConnection, changes: Changes, finished: Finished) -> None:
    run = finished.run
    steps = run.plan.leaves if finished.failed is None else [finished.failed]
    rows = (await conn.execute(_RESULTS, {"b_id": run.id, "steps": steps})).all()
    output = None
    if finished.error is None:
        [output] = await put_texts(conn, [await _output(conn, run, rows)])
    failures = sorted((row.iteration, row.failure) for row in rows if row.failure is not None)
    parameters = {
        "b_id": run.id,
        "ended_at_us": changes.now_us,
        "output": output and output.text,
        "output_blob": output and output.blob,
        "failure": failures[0][1] if failures else None,
        "error": finished.error,
    }
    await conn.execute(_END, parameters)


async def _output(conn: AsyncConnection, run: Run, rows: Sequence[Row[Any]]) -> str:
    """The results of the steps that nothing depends on; of a single one, its result."""
    texts: dict[str, dict[int, str]] = {step: {} for step in run.plan.leaves}
    for row in rows:
        if row.status == StepStatus.COMPLETED:
            text = await get_text(conn, row.result, row.result_blob)
            texts[row.step][row.iteration] = text or "null"
    results = {step: result_text(run, step, found) for step, found in texts.items()}
    if len(results) == 1:
        return next(iter(results.values()))
    return "{" + ",".join(f"{json.dumps(step)}:{text}" for step, text in results.items()) + "}"


def result_text(run: Run, step: str, texts: dict[int, str]) -> str:
    """The JSON of what a whole step came to, from that of its iterations.

    Args:
        run: The run.
        step: The step.
        texts: The results of the iterations that completed.
    """
    definition = run.plan.steps[step].definition
    if definition.map is not None:
        known = run.journal.entries.get(step, {})
        if known and all(entry.status is StepStatus.SKIPPED for entry in known.values()):
            return "null"
        count = max(known, default=-1) + 1
        return "[" + ",".join(texts.get(index, "null") for index in range(count)) + "]"
    return texts[max(texts)] if texts else "null"
