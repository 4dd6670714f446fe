"""Claiming what is ready. It touches no run's row, so claims and commits never wait in a circle."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, step_attempts, step_journal
from wflo.journal.changes import execute_all
from wflo.journal.proceed import Lease, attempt_row
from wflo.journal.run import Runs
from wflo.models import StepStatus
from wflo.workflow.view import Entry

_READY = (
    select(
        step_journal.c.execution_id,
        step_journal.c.step,
        step_journal.c.iteration,
        step_journal.c.attempts,
        step_journal.c.losses,
        step_journal.c.uncounted,
    )
    .where(
        step_journal.c.status == StepStatus.READY.value,
        step_journal.c.available_at_us <= bindparam("now"),
    )
    .order_by(step_journal.c.available_at_us)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(step_journal)
    .where(
        step_journal.c.execution_id == bindparam("b_execution_id"),
        step_journal.c.step == bindparam("b_step"),
        step_journal.c.iteration == bindparam("b_iteration"),
        step_journal.c.status == StepStatus.READY.value,
    )
    .values(status=StepStatus.RUNNING.value, attempts=bindparam("attempts"))
)
_ATTEMPT = insert(step_attempts)
_SEQUENCES = select(executions.c.id, executions.c.sequence).where(
    executions.c.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True)
class Scope:
    """Which work a worker takes.

    Attributes:
        workflow_ids: Of these workflows, as they were submitted: it has their code.
        root_id: Of this run and its sub-workflows; None: of any.
    """

    workflow_ids: Collection[int]
    root_id: str | None = None

    def holds(self, workflow_id: int, root_id: str) -> bool:
        """Whether a run is in it."""
        return workflow_id in self.workflow_ids and self.root_id in (None, root_id)

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        """Only the ready steps that are in it."""
        statement = statement.where(
            step_journal.c.workflow_id.in_(bindparam("workflow_ids", expanding=True))
        )
        if self.root_id is None:
            return statement
        return statement.where(step_journal.c.root_id == self.root_id)


async def claim(
    conn: AsyncConnection,
    runs: Runs,
    scope: Scope,
    *,
    owner: str,
    room: int,
    lease_us: int,
    now_us: int,
) -> list[Lease]:
    """Hold as many ready steps as there is room for.

    Args:
        conn: A write transaction.
        runs: Those that are known here: what is out of date of them is forgotten.
        scope: Which.
        owner: Who will hold them.
        room: How many at most.
        lease_us: For how long, unless they are renewed.
        now_us: The time.
    """
    parameters = {"now": now_us, "room": room, "workflow_ids": sorted(scope.workflow_ids)}
    rows = (await conn.execute(scope.narrow(_READY), parameters)).all()
    if not rows:
        return []
    leases = [
        Lease(
            token=secrets.token_hex(16),
            execution_id=row.execution_id,
            step=row.step,
            iteration=row.iteration,
            attempt=row.attempts + 1,
            losses=row.losses,
            uncounted=row.uncounted,
            expires_at_us=now_us + lease_us,
        )
        for row in rows
    ]
    await execute_all(conn, _TAKE, [_taken(lease) for lease in leases])
    await conn.execute(_ATTEMPT, [attempt_row(lease, owner, now_us) for lease in leases])
    ids = sorted({lease.execution_id for lease in leases})
    for execution_id, sequence in (await conn.execute(_SEQUENCES, {"ids": ids})).all():
        known = runs.known(execution_id)
        if known is not None and known.sequence != sequence:
            runs.forget([execution_id])
    for lease in leases:
        if (run := runs.known(lease.execution_id)) is not None:
            run.journal.record(lease.step, lease.iteration, Entry(StepStatus.RUNNING))
    return leases


def _taken(lease: Lease) -> dict[str, Any]:
    return {
        "b_execution_id": lease.execution_id,
        "b_step": lease.step,
        "b_iteration": lease.iteration,
        "attempts": lease.attempt,
    }
