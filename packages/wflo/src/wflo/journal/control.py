"""What people do to runs from outside: cancel, resume."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import audit, executions, step_journal, timers
from wflo.errors import ExecutionNotFound
from wflo.journal.changes import Changes
from wflo.journal.finish import finish_runs
from wflo.journal.proceed import NOBODY, add_timer, proceed, stop_if_spent
from wflo.journal.run import Run, Runs
from wflo.models import ExecutionStatus, StepStatus
from wflo.workflow.view import Stop

_CHILDREN = select(executions.c.id).where(
    executions.c.parent_id == bindparam("execution_id"), executions.c.ended_at_us.is_(None)
)
_ALL_CHILDREN = (
    select(executions.c.id, executions.c.parent_step, executions.c.parent_iteration)
    .where(executions.c.parent_id == bindparam("execution_id"))
    .order_by(executions.c.id)
)
_OF_RUN = step_journal.c.execution_id == bindparam("b_id")
_UNDONE = step_journal.c.status.in_([StepStatus.FAILED.value, StepStatus.CANCELLED.value])

# What was tried gets as many attempts as before. What was not is left to the scheduler again.
_TRY_AGAIN = (
    update(step_journal)
    .where(_OF_RUN, _UNDONE, step_journal.c.attempts > 0)
    .values(
        status=StepStatus.READY.value,
        losses=0,
        uncounted=step_journal.c.attempts,
        available_at_us=bindparam("now"),
        failure=None,
        sequence=None,
        ended_at_us=None,
    )
)
_DECIDE_AGAIN = delete(step_journal).where(
    _OF_RUN, step_journal.c.status == StepStatus.BLOCKED.value
)
_DECIDE_AGAIN_UNTRIED = delete(step_journal).where(_OF_RUN, _UNDONE, step_journal.c.attempts == 0)
_WAIT_AGAIN = (
    update(step_journal)
    .where(
        _OF_RUN,
        _UNDONE,
        step_journal.c.step == bindparam("b_step"),
        step_journal.c.iteration == bindparam("b_iteration"),
    )
    .values(status=StepStatus.WAITING.value, failure=None, sequence=None, ended_at_us=None)
)
_SPARE = delete(timers).where(timers.c.execution_id == bindparam("b_id"), timers.c.kind == "cancel")
_REOPEN = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"))
    .values(
        ended_at_us=None,
        error=None,
        failure=None,
        started_at_us=func.coalesce(executions.c.started_at_us, bindparam("now")),
    )
)


async def cancel(
    conn: AsyncConnection, runs: Runs, execution_id: str, *, reason: str, actor: str, now_us: int
) -> bool:
    """End a run, and what runs of it: no write of its workers counts from now on.

    Its sub-workflows are cancelled by `due` timers, or by `cancel` of `unfinished_children`.

    Returns:
        False if it had ended already.

    Raises:
        ExecutionNotFound: There is none.
    """
    run = await _get(conn, runs, execution_id)
    if run.status.ended:
        return False
    changes = Changes(now_us)
    run.journal.stop = Stop.CANCELLED
    if run.status is ExecutionStatus.PENDING:
        await conn.execute(delete(timers).where(timers.c.execution_id == execution_id))
    proceed(changes, run, NOBODY)
    await changes.write(conn)
    await finish_runs(conn, changes)
    await record(conn, execution_id, actor, "cancel", now_us, reason=reason)
    return True


async def resume(
    conn: AsyncConnection, runs: Runs, execution_id: str, *, actor: str, now_us: int
) -> bool:
    """Let a run that failed or was cancelled go on: what completed is not done again.

    Returns:
        False if it has not ended, or has completed: there is nothing to resume.

    Raises:
        ExecutionNotFound: There is none.
    """
    run = await _get(conn, runs, execution_id)
    if run.status not in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED):
        return False
    completed = await _reopen(conn, runs, execution_id, now_us)
    run = await _get(conn, runs, execution_id)
    run.journal.stop = None
    run.status = ExecutionStatus.RUNNING
    changes = Changes(now_us)
    changes.event(run, "execution.resumed", actor=actor)
    for step, iteration in completed:
        add_timer(changes, run, "child", now_us, step, iteration)
    timeout_s = run.plan.definition.policies.timeout_seconds
    if timeout_s is not None:
        add_timer(changes, run, "deadline", now_us + round(timeout_s * 1e6))
    stop_if_spent(run)
    proceed(changes, run, NOBODY)
    await changes.write(conn)
    await finish_runs(conn, changes)
    await record(conn, execution_id, actor, "resume", now_us)
    return True


async def _reopen(
    conn: AsyncConnection, runs: Runs, execution_id: str, now_us: int
) -> list[tuple[str, int]]:
    """Make all that did not complete be tried again.

    Returns:
        The steps, with their iterations, whose sub-workflows have completed meanwhile.
    """
    waiting = []
    for child in (await conn.execute(_ALL_CHILDREN, {"execution_id": execution_id})).all():
        _, step, iteration = child
        step, iteration = child.parent_step, child.parent_iteration
        key = {"b_id": execution_id, "b_step": step, "b_iteration": iteration}
        if (await conn.execute(_WAIT_AGAIN, key)).rowcount:
            waiting.append(child)
    await conn.execute(delete(timers).where(timers.c.execution_id == execution_id))
    await conn.execute(_DECIDE_AGAIN, {"b_id": execution_id})
    await conn.execute(_DECIDE_AGAIN_UNTRIED, {"b_id": execution_id})
    await conn.execute(_TRY_AGAIN, {"b_id": execution_id, "now": now_us})
    await conn.execute(_REOPEN, {"b_id": execution_id, "now": now_us})
    return [
        (step, iteration)
        for child_id, step, iteration in waiting
        if await _reopen_child(conn, runs, child_id, now_us)
    ]


async def _reopen_child(conn: AsyncConnection, runs: Runs, child_id: str, now_us: int) -> bool:
    """Let a sub-workflow go on, however far it is.

    Returns:
        True if it has completed.
    """
    run = await _get(conn, runs, child_id)
    if not run.status.ended:  # it was to be cancelled
        await conn.execute(_SPARE, {"b_id": child_id})
    await resume(conn, runs, child_id, actor="parent", now_us=now_us)
    return run.status is ExecutionStatus.COMPLETED


async def unfinished_children(conn: AsyncConnection, execution_id: str) -> list[str]:
    """The sub-workflows of a run that have not ended."""
    rows = await conn.execute(_CHILDREN, {"execution_id": execution_id})
    return list(rows.scalars())


async def record(
    conn: AsyncConnection, execution_id: str, actor: str, action: str, now_us: int, **detail: object
) -> None:
    """Keep who did what."""
    row = {
        "execution_id": execution_id,
        "actor": actor,
        "action": action,
        "detail": json.dumps(detail),
        "created_at_us": now_us,
    }
    await conn.execute(insert(audit), row)


async def _get(conn: AsyncConnection, runs: Runs, execution_id: str) -> Run:
    runs.forget([execution_id])
    await runs.get(conn, [execution_id], lock=True)
    run = runs.known(execution_id)
    if run is None:
        raise ExecutionNotFound(f"there is no execution {execution_id!r}")
    return run
