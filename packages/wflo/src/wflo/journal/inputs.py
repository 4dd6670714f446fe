"""What a step is given: read once a run, then kept with it."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, TypeAlias

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, step_journal
from wflo.journal.blobs import get_text
from wflo.journal.finish import result_text
from wflo.journal.run import Run
from wflo.journal.states import state_at
from wflo.models import StepStatus

_INPUT = select(executions.c.input, executions.c.input_blob).where(
    executions.c.id == bindparam("execution_id")
)
_RESULTS = select(
    step_journal.c.iteration, step_journal.c.result, step_journal.c.result_blob
).where(
    step_journal.c.execution_id == bindparam("execution_id"),
    step_journal.c.step == bindparam("step"),
    step_journal.c.status == StepStatus.COMPLETED.value,
)
_RESULT = _RESULTS.where(step_journal.c.iteration == bindparam("iteration"))

Iteration: TypeAlias = tuple[str, int]


def missing(run: Run, steps: Collection[str], previous: Iteration | None = None) -> bool:
    """Whether anything of it has to be read."""
    return (
        run.input is None
        or run.state is None
        or any(_absent(run, step) for step in steps)
        or (previous is not None and previous not in run.results)
    )


async def read(
    conn: AsyncConnection, run: Run, steps: Collection[str], previous: Iteration | None = None
) -> None:
    """Read what is missing.

    Args:
        conn: A snapshot.
        run: The run.
        steps: Those whose results are needed.
        previous: The iteration of a loop whose result is, too.
    """
    if run.input is None:
        row = (await conn.execute(_INPUT, {"execution_id": run.id})).one()
        run.input = json.loads(await get_text(conn, row.input, row.input_blob) or "{}")
    if run.state is None:
        run.know_state(await state_at(conn, run.id, run.sequence))
    for step in steps:
        if _absent(run, step):
            await _read_results(conn, run, _RESULTS, step)
    if previous is not None and previous not in run.results:
        step, iteration = previous
        await _read_results(conn, run, _RESULT, step, iteration=iteration)


async def _read_results(
    conn: AsyncConnection, run: Run, statement: Select[Any], step: str, **which: int
) -> None:
    for row in await conn.execute(statement, {"execution_id": run.id, "step": step, **which}):
        text = await get_text(conn, row.result, row.result_blob)
        run.results[step, row.iteration] = text or "null"


def result_of(run: Run, step: str) -> Any:
    """What a step came to; None where it was skipped."""
    iterations = run.journal.entries.get(step, {})
    texts = {
        iteration: run.results[step, iteration]
        for iteration, entry in iterations.items()
        if entry.status is StepStatus.COMPLETED
    }
    return json.loads(result_text(run, step, texts))


def _absent(run: Run, step: str) -> bool:
    return any(
        entry.status is StepStatus.COMPLETED and (step, iteration) not in run.results
        for iteration, entry in run.journal.entries.get(step, {}).items()
    )
