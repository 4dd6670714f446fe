"""What is to happen at a time: starts, waits that are over, deadlines, children that have ended."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, step_journal, timers
from wflo.errors import ExecutionNotFound
from wflo.journal.blobs import get_text
from wflo.journal.changes import Changes
from wflo.journal.proceed import Worker, add_timer, proceed
from wflo.journal.run import Parent, Run
from wflo.models import ExecutionStatus, StepFailure, StepStatus
from wflo.points import reach
from wflo.workflow.view import Entry, Stop


class Timer(NamedTuple):
    """A row of `timers`."""

    id: int
    execution_id: str
    kind: str
    step: str | None
    iteration: int | None
    due_at_us: int


_DUE = (
    select(
        timers.c.id,
        timers.c.execution_id,
        timers.c.kind,
        timers.c.step,
        timers.c.iteration,
        timers.c.due_at_us,
    )
    .where(timers.c.due_at_us <= bindparam("now"))
    .order_by(timers.c.due_at_us, timers.c.id)
    .limit(bindparam("room"))
)
_DUE_OF_ROOT = _DUE.where(timers.c.root_id == bindparam("root"))
# Of the timers, and of the attempts that are to be made again after a while.
_NEXT_TIMER = select(func.min(timers.c.due_at_us)).where(timers.c.due_at_us > bindparam("now"))
_NEXT_ATTEMPT = select(func.min(step_journal.c.available_at_us)).where(
    step_journal.c.status == StepStatus.READY.value,
    step_journal.c.available_at_us > bindparam("now"),
)
_NEXT = select(_NEXT_TIMER.scalar_subquery(), _NEXT_ATTEMPT.scalar_subquery())
_NEXT_OF_ROOT = select(
    _NEXT_TIMER.where(timers.c.root_id == bindparam("root")).scalar_subquery(),
    _NEXT_ATTEMPT.where(step_journal.c.root_id == bindparam("root")).scalar_subquery(),
)
# SQLite gives the number of a row that was removed to another one.
_REMOVE = delete(timers).where(
    timers.c.id == bindparam("timer_id"),
    timers.c.execution_id == bindparam("execution_id"),
    timers.c.kind == bindparam("kind"),
    timers.c.due_at_us == bindparam("due_at_us"),
)
_STATUS = select(executions.c.status).where(executions.c.id == bindparam("execution_id"))
_CHILD = select(
    executions.c.status,
    executions.c.output,
    executions.c.output_blob,
    executions.c.error,
    executions.c.failure,
).where(executions.c.id == bindparam("child_id"))


async def due(
    conn: AsyncConnection, root_id: str | None, now_us: int, *, room: int = 100
) -> list[Timer]:
    """Timers whose time has come, of one run and its sub-workflows or of all."""
    parameters = {"now": now_us, "room": room}
    if root_id is None:
        rows = await conn.execute(_DUE, parameters)
    else:
        rows = await conn.execute(_DUE_OF_ROOT, parameters | {"root": root_id})
    return [Timer(*row) for row in rows]


async def next_due(conn: AsyncConnection, root_id: str | None, now_us: int) -> int | None:
    """When there will be something to do that cannot be done yet: a timer, or an attempt.

    In microseconds since 1970 (UTC).
    """
    if root_id is None:
        found = await conn.execute(_NEXT, {"now": now_us})
    else:
        found = await conn.execute(_NEXT_OF_ROOT, {"now": now_us, "root": root_id})
    return min((int(time_us) for time_us in found.one() if time_us is not None), default=None)


async def fire(
    conn: AsyncConnection, changes: Changes, run: Run, timer: Timer, worker: Worker
) -> None:
    """Let happen what the timer stands for, unless another process has done so already."""
    row = {
        "timer_id": timer.id,
        "execution_id": timer.execution_id,
        "kind": timer.kind,
        "due_at_us": timer.due_at_us,
    }
    if (await conn.execute(_REMOVE, row)).rowcount != 1:
        return
    if run.status.ended:
        return
    match timer.kind:
        case "start":
            _start(changes, run)
        case "step":
            _end_step(changes, run, timer, "null")
        case "deadline":
            run.journal.stop = Stop.TIMED_OUT
        case "cancel":
            run.journal.stop = Stop.CANCELLED
        case "child":
            await _end_child(conn, changes, run, timer)
    proceed(changes, run, worker)


def _start(changes: Changes, run: Run) -> None:
    reach("before start")
    run.status = ExecutionStatus.RUNNING
    changes.begin(run)
    changes.event(run, "execution.started")
    timeout_s = run.plan.definition.policies.timeout_seconds
    if timeout_s is not None:
        add_timer(changes, run, "deadline", changes.now_us + round(timeout_s * 1e6))


def _waits(run: Run, timer: Timer) -> bool:
    assert timer.step is not None
    assert timer.iteration is not None
    entry = run.journal.get(timer.step, timer.iteration)
    return entry is not None and entry.status is StepStatus.WAITING


def _end_step(changes: Changes, run: Run, timer: Timer, result: str) -> None:
    if not _waits(run, timer):
        return
    step, iteration = timer.step or "", timer.iteration or 0
    sequence = changes.event(run, "step.completed", step, iteration)
    changes.set_step(
        run, step, iteration, status=StepStatus.COMPLETED, result=result, sequence=sequence
    )
    run.journal.record(step, iteration, Entry(StepStatus.COMPLETED))


async def _end_child(conn: AsyncConnection, changes: Changes, run: Run, timer: Timer) -> None:
    if not _waits(run, timer):
        return
    step, iteration = timer.step or "", timer.iteration or 0
    child_id = Parent(run.id, step, iteration).child_id
    row = (await conn.execute(_CHILD, {"child_id": child_id})).one()
    if row.status == ExecutionStatus.COMPLETED:
        text = await get_text(conn, row.output, row.output_blob)
        _end_step(changes, run, timer, text or "null")
        return
    message = f"execution {child_id!r} did not complete: {row.error}"
    if row.failure is not None:
        cause = StepFailure.model_validate_json(row.failure)
        message += f": {cause.kind}: {cause.message}"
    failure = StepFailure(
        step=step,
        iteration=iteration,
        kind="wflo.errors.ExecutionFailed",
        kinds=("wflo.errors.ExecutionFailed",),
        message=message,
    )
    sequence = changes.event(run, "step.failed", step, iteration, message=message)
    changes.set_step(
        run,
        step,
        iteration,
        status=StepStatus.FAILED,
        failure=failure.model_dump_json(),
        sequence=sequence,
    )
    run.journal.record(step, iteration, Entry(StepStatus.FAILED))


async def status_of(conn: AsyncConnection, execution_id: str) -> ExecutionStatus:
    """How far a run is.

    Raises:
        ExecutionNotFound: There is none.
    """
    found = await conn.execute(_STATUS, {"execution_id": execution_id})
    status = found.scalar_one_or_none()
    if status is None:
        raise ExecutionNotFound(f"there is no execution {execution_id!r}")
    return ExecutionStatus(status)
