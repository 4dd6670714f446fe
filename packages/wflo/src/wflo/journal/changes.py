"""What one transaction writes: collected while it is decided, then written statement by statement.

Many outcomes of many runs share a transaction, and the number of its statements does not grow with
them. The order is the same for everyone: runs first, by id, and nothing else before they are held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert, Table, Update, bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import (
    executions,
    ledger,
    logs,
    outbox,
    state_patches,
    step_attempts,
    step_journal,
    timers,
)
from wflo.journal.blobs import is_long, put_texts
from wflo.journal.run import Run, Stale
from wflo.journal.together import MOST_PARTS, Part, can_write_together, write_together
from wflo.models import StepStatus
from wflo.points import reach

Row = dict[str, Any]

_ADVANCE = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"), executions.c.sequence == bindparam("b_sequence"))
    .values(
        sequence=bindparam("sequence"),
        status=bindparam("status"),
        stop=bindparam("stop"),
        cost_micro_usd=bindparam("cost_micro_usd"),
    )
)
_BEGIN = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"))
    .values(started_at_us=bindparam("started_at_us"))
)
_END_ATTEMPT = (
    update(step_attempts)
    .where(step_attempts.c.token == bindparam("b_token"), step_attempts.c.status == "running")
    .values(
        status=bindparam("status"), ended_at_us=bindparam("ended_at_us"), error=bindparam("error")
    )
)
_SET_STEP = (
    update(step_journal)
    .where(
        step_journal.c.execution_id == bindparam("b_execution_id"),
        step_journal.c.step == bindparam("b_step"),
        step_journal.c.iteration == bindparam("b_iteration"),
    )
    .values(
        status=bindparam("status"),
        losses=bindparam("losses"),
        uncounted=bindparam("uncounted"),
        available_at_us=bindparam("available_at_us"),
        result=bindparam("result"),
        result_blob=bindparam("result_blob"),
        size=bindparam("size"),
        passed=bindparam("passed"),
        done=bindparam("done"),
        failure=bindparam("failure"),
        sequence=bindparam("sequence"),
        ended_at_us=bindparam("ended_at_us"),
    )
)


# A step that another worker has claimed meanwhile is not cancelled by this.
_CANCEL_IDLE = (
    update(step_journal)
    .where(
        step_journal.c.execution_id == bindparam("b_execution_id"),
        step_journal.c.step == bindparam("b_step"),
        step_journal.c.iteration == bindparam("b_iteration"),
        step_journal.c.status.in_([StepStatus.READY.value, StepStatus.WAITING.value]),
    )
    .values(
        status=StepStatus.CANCELLED.value,
        sequence=bindparam("sequence"),
        ended_at_us=bindparam("ended_at_us"),
    )
)
# Whether anything holds the step is not known: a claim is not an entry of the journal.
_REVOKE = (
    update(step_attempts)
    .where(
        step_attempts.c.execution_id == bindparam("b_execution_id"),
        step_attempts.c.step == bindparam("b_step"),
        step_attempts.c.iteration == bindparam("b_iteration"),
        step_attempts.c.status == "running",
    )
    .values(status="cancelled", ended_at_us=bindparam("ended_at_us"))
)


class Finished(NamedTuple):
    """A run that has ended in this transaction.

    Attributes:
        run: The run.
        failed: The first step that failed.
        error: Why it did not complete, in one line.
    """

    run: Run
    failed: str | None
    error: str | None


class Changes:
    """The rows of one transaction.

    Attributes:
        now_us: The time that everything in it has.
        runs: The runs that it changes, with the sequence that was decided on.
        created: Those of them that are new, by id, with their rows.
        finished: Those of them that have ended.
        next_us: The earliest time at which more is to be done, where that is known.
        has_ready: There is a step now that waits for a worker.
    """

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self.runs: dict[str, tuple[Run, int]] = {}
        self.created: dict[str, Row] = {}
        self.finished: list[Finished] = []
        self.next_us: int | None = None
        self.has_ready = False
        self._ended: list[Row] = []
        self._revoked: list[Row] = []
        self._later: list[Callable[[], None]] = []
        self._rows: dict[Table, list[Row]] = {}
        self._updates: dict[Update, list[Row]] = {}
        self._texts: list[tuple[Row, str, str]] = []

    def event(
        self,
        run: Run,
        type_: str,
        step: str | None = None,
        iteration: int | None = None,
        **payload: Any,
    ) -> int:
        """Add an entry to a run's journal.

        Returns:
            The sequence that it has, the run's from now on.
        """
        self.runs.setdefault(run.id, (run, run.sequence))
        run.sequence += 1
        row = {
            "execution_id": run.id,
            "sequence": run.sequence,
            "type": type_,
            "step": step,
            "iteration": iteration,
            "payload": json.dumps(payload),
            "created_at_us": self.now_us,
        }
        self.insert(outbox, row)
        return run.sequence

    def insert(self, table: Table, row: Row, **texts: str | None) -> None:
        """Add a row.

        Args:
            table: To which table.
            row: Its columns; the same ones in every row of the table.
            texts: Columns that have a ``..._blob`` beside them, for values that are too long.
        """
        self._rows.setdefault(table, []).append(row)
        self._keep(row, texts)

    def create(self, run: Run, input_text: str) -> None:
        """Add a run."""
        row = {
            "id": run.id,
            "workflow_id": run.workflow_id,
            "source": run.source,
            "parent_id": run.parent and run.parent.execution_id,
            "parent_step": run.parent and run.parent.step,
            "parent_iteration": run.parent and run.parent.iteration,
            "root_id": run.root_id,
            "created_at_us": self.now_us,
        }
        self.created[run.id] = row
        self.insert(executions, row, input=input_text)

    def look_at(self, time_us: int) -> None:
        """There will be something to do at this time."""
        self.next_us = time_us if self.next_us is None else min(self.next_us, time_us)

    def begin(self, run: Run) -> None:
        """The run has started."""
        self._updates.setdefault(_BEGIN, []).append({"b_id": run.id, "started_at_us": self.now_us})

    def end_attempt(self, token: str, status: str, error: str | None = None) -> None:
        """The attempt is over; `Stale` when it is written, if its lease was revoked."""
        row = {
            "b_token": token,
            "status": status,
            "ended_at_us": self.now_us,
            "error": error,
        }
        self._ended.append(row)

    def set_step(
        self,
        run: Run,
        step: str,
        iteration: int,
        *,
        status: str,
        losses: int = 0,
        uncounted: int = 0,
        result: str | None = None,
        size: int | None = None,
        passed: bool | None = None,
        done: bool = True,
        failure: str | None = None,
        sequence: int | None = None,
        available_at_us: int = 0,
    ) -> None:
        """An iteration is in another status than it was. With a `sequence`, it has ended."""
        row = {
            "b_execution_id": run.id,
            "b_step": step,
            "b_iteration": iteration,
            "status": status,
            "losses": losses,
            "uncounted": uncounted,
            "available_at_us": available_at_us,
            "size": size,
            "passed": passed,
            "done": done,
            "failure": failure,
            "sequence": sequence,
            "ended_at_us": None if sequence is None else self.now_us,
        }
        self._updates.setdefault(_SET_STEP, []).append(row)
        if status == StepStatus.READY and available_at_us > self.now_us:
            self.look_at(available_at_us)
        elif status == StepStatus.READY:
            self.has_ready = True
        self._keep(row, {"result": result})

    def cancel_idle(self, run: Run, step: str, iteration: int, sequence: int) -> None:
        """A step that nobody holds ends; `Stale` when it is written, if somebody does."""
        row = {
            "b_execution_id": run.id,
            "b_step": step,
            "b_iteration": iteration,
            "sequence": sequence,
            "ended_at_us": self.now_us,
        }
        self._updates.setdefault(_CANCEL_IDLE, []).append(row)

    def revoke(self, run: Run, step: str, iteration: int) -> None:
        """Whoever holds the step holds it no longer."""
        row = {
            "b_execution_id": run.id,
            "b_step": step,
            "b_iteration": iteration,
            "ended_at_us": self.now_us,
        }
        self._revoked.append(row)

    def later(self, learn: Callable[[], None]) -> None:
        """Call this once the transaction is committed: nobody is to see what may yet be undone."""
        self._later.append(learn)

    def committed(self) -> None:
        """The transaction is committed."""
        for learn in self._later:
            learn()

    async def write(self, conn: AsyncConnection) -> None:
        """Write all of it.

        Raises:
            Stale: A run has changed since it was read, or an attempt is no longer what holds its
                step. The transaction must be rolled back.
        """
        for execution_id, row in self.created.items():
            row.update(_progress(self.runs[execution_id][0]))
        if can_write_together(conn) and (parts := self._parts()):
            await self._put_texts(conn)  # which are short
            if not await write_together(conn, parts):
                raise Stale
            reach("in commit")
            return
        await execute_all(conn, _ADVANCE, self._advanced())
        await execute_all(conn, _END_ATTEMPT, self._ended)
        await self._put_texts(conn)
        reach("in commit")
        for table in _ORDER:
            if rows := self._rows.get(table):
                await conn.execute(_INSERTS[table], rows)
        # What is new may have ended as well: of two timers the first started a run, and the
        # second cancelled it.
        for statement, rows in self._updates.items():
            await execute_all(conn, statement, rows)
        if self._revoked:
            await conn.execute(_REVOKE, self._revoked)

    def _parts(self) -> list[Part]:
        """All of it, if it is little, of one run, and no two of the same row; else nothing."""
        parts: list[Part] = [(_ADVANCE, row) for row in self._advanced()]
        parts += [(_END_ATTEMPT, row) for row in self._ended]
        parts += [(_INSERTS[table], row) for table in _ORDER for row in self._rows.get(table, ())]
        parts += [(_SET_STEP, row) for row in self._updates.get(_SET_STEP, ())]
        is_of_one = len(self.runs) - len(self.created) == 1
        fits = is_of_one and 1 < len(parts) <= MOST_PARTS and self._may_be_parts()
        return parts if fits else []

    def _may_be_parts(self) -> bool:
        if self._revoked or not self._updates.keys() <= {_SET_STEP}:
            return False
        if any(is_long(text) for _, _, text in self._texts):
            return False
        # Rows that are numbered as they come have to come in their order.
        if any(
            len(rows) > 1 and table.autoincrement_column is not None
            for table, rows in self._rows.items()
        ):
            return False
        places = [_place(row, "b_") for row in self._updates.get(_SET_STEP, ())]
        places += [_place(row) for row in self._rows.get(step_journal, ())]
        return len(set(places)) == len(places)

    def _advanced(self) -> list[Row]:
        return [
            {"b_id": run.id, "b_sequence": sequence} | _progress(run)
            for _, (run, sequence) in sorted(self.runs.items())
            if run.id not in self.created
        ]

    def _keep(self, row: Row, texts: dict[str, str | None]) -> None:
        for column, text in texts.items():
            row[column], row[f"{column}_blob"] = None, None
            if text is not None:
                self._texts.append((row, column, text))

    async def _put_texts(self, conn: AsyncConnection) -> None:
        stored = await put_texts(conn, [text for _, _, text in self._texts])
        for (row, column, _), (text, blob) in zip(self._texts, stored, strict=True):
            row[column], row[f"{column}_blob"] = text, blob


def _place(row: Row, prefix: str = "") -> tuple[str, str, int]:
    return row[f"{prefix}execution_id"], row[f"{prefix}step"], row[f"{prefix}iteration"]


def _progress(run: Run) -> Row:
    return {
        "sequence": run.sequence,
        "status": run.status.value,
        "stop": run.journal.stop.value if run.journal.stop else None,
        "cost_micro_usd": run.cost_micro_usd,
    }


# Rows that others point to come first. Executions are among them: those of sub-workflows.
_ORDER = (executions, step_journal, step_attempts, timers, outbox, state_patches, ledger, logs)
_INSERTS: dict[Table, Insert] = {table: insert(table) for table in _ORDER}


async def execute_all(conn: AsyncConnection, statement: Update, rows: Sequence[Row]) -> None:
    """Run an UPDATE for each row of parameters; each must find its one row.

    Raises:
        Stale: One of them did not.
    """
    if not rows:
        return
    if len(rows) == 1 or conn.dialect.supports_sane_multi_rowcount:
        counts = [(await conn.execute(statement, list(rows))).rowcount]
    else:  # this driver does not count the rows of many
        counts = [(await conn.execute(statement, row)).rowcount for row in rows]
    if sum(counts) != len(rows):
        raise Stale
