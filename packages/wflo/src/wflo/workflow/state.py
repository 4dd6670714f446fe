"""The state of runs from outside: read at any point, set, and put back to a point with a name."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import String, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.db.tables import executions, outbox
from wflo.errors import InputError, SnapshotNotFound
from wflo.journal.control import record
from wflo.journal.queries import not_found
from wflo.journal.states import (
    add_patches,
    add_snapshot,
    patches_between,
    snapshots_of,
    state_at,
)
from wflo.models import StateSnapshot, WorkflowState
from wflo.models.base import plain_json, storable
from wflo.plan import canonical_json
from wflo.workflow.access import DatabaseUser
from wflo.workflow.actor import current_actor
from wflo.workflow.ids import check_known_id

_LONGEST = 200  # characters of a key, and of a label: what their columns take

_SEQUENCE = select(executions.c.sequence).where(
    executions.c.id == bindparam("execution_id", type_=String)
)
_HELD = _SEQUENCE.with_for_update(key_share=True)
_ADVANCE = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"))
    .values(sequence=bindparam("sequence"))
)
_EVENT = insert(outbox)


class StateManager(DatabaseUser):
    """Reads and changes the state that the steps of a run share (`ctx.state`).

    What is changed from outside is an entry of the run's journal like any other: nothing that was
    written before is written over, so that every point can be read later. A step that runs at the
    time sees it when it is tried again, and the next steps do.

    Args:
        database: A database, which stays open; or settings that name one; by default those of the
            environment. Use it with ``async with`` then, or call `close` in the end.
        actor: Who does it, for the audit; by default the user of this process.
    """

    def __init__(
        self, database: Database | Settings | None = None, *, actor: str | None = None
    ) -> None:
        super().__init__(database)
        self._actor = actor or current_actor()

    async def save_state(self, execution_id: str, data: dict[str, Any]) -> WorkflowState:
        """Make a run's state these values, and remove all others.

        Args:
            execution_id: Whose.
            data: Values by key: JSON.

        Returns:
            The state as it is then; nothing is written where it was that already.

        Raises:
            ExecutionNotFound: There is no such run.
            InputError: A key or a value cannot be kept; the message names it.
        """
        wanted = _checked(data)
        database = await self._open()
        async with database.begin() as conn:
            sequence = await _hold(conn, execution_id)
            now_us = database.now_us()
            return await self._change(
                conn, execution_id, sequence, wanted, "state.saved", now_us=now_us
            )

    async def load_state(self, execution_id: str, at: int | None = None) -> WorkflowState:
        """A run's state.

        Args:
            execution_id: Whose.
            at: A point of its journal, as the sequence of an event or of a snapshot; by default
                as it is now.

        Raises:
            ExecutionNotFound: There is no such run.
            InputError: Its journal has no such point yet.
        """
        database = await self._open()
        async with database.read() as conn:
            sequence = await _sequence(conn, execution_id)
            if at is not None and not 0 <= at <= sequence:
                raise InputError(
                    f"the journal of execution {execution_id!r} has the points 0 to {sequence}, "
                    f"not {at}"
                )
            point = sequence if at is None else at
            data = await state_at(conn, execution_id, point)
        return WorkflowState(execution_id=execution_id, sequence=point, data=data)

    async def create_snapshot(self, execution_id: str, label: str = "") -> StateSnapshot:
        """Give the point at which a run's journal is a name. Nothing is copied.

        Raises:
            ExecutionNotFound: There is no such run.
            InputError: The label is longer than 200 characters.
        """
        if len(label) > _LONGEST:
            raise InputError(f"a label has up to {_LONGEST} characters; this one has {len(label)}")
        database = await self._open()
        async with database.begin() as conn:
            sequence = await _hold(conn, execution_id)
            return await add_snapshot(
                conn,
                execution_id,
                sequence=sequence,
                label=storable(label),
                now_us=database.now_us(),
            )

    async def restore_snapshot(self, execution_id: str, snapshot_id: int) -> WorkflowState:
        """Make a run's state what it was at a snapshot, by patches that are added to its journal.

        Raises:
            ExecutionNotFound: There is no such run.
            SnapshotNotFound: It has no such snapshot.
        """
        database = await self._open()
        async with database.begin() as conn:
            sequence = await _hold(conn, execution_id)
            snapshot = await _snapshot(conn, execution_id, snapshot_id)
            data = await state_at(conn, execution_id, snapshot.sequence)
            return await self._change(
                conn,
                execution_id,
                sequence,
                data,
                "state.restored",
                now_us=database.now_us(),
                snapshot=snapshot_id,
            )

    async def get_snapshots(self, execution_id: str) -> list[StateSnapshot]:
        """A run's snapshots, in the order in which they were made.

        Raises:
            ExecutionNotFound: There is no such run.
        """
        database = await self._open()
        async with database.read() as conn:
            await _sequence(conn, execution_id)
            return await snapshots_of(conn, execution_id)

    async def _change(
        self,
        conn: AsyncConnection,
        execution_id: str,
        sequence: int,
        data: dict[str, Any],
        type_: str,
        *,
        now_us: int,
        **detail: object,
    ) -> WorkflowState:
        patches = patches_between(await state_at(conn, execution_id), data)
        if patches:
            sequence += 1
            await conn.execute(_ADVANCE, {"b_id": execution_id, "sequence": sequence})
            await add_patches(conn, execution_id, sequence, patches)
            payload = {"keys": [patch.key for patch in patches], **detail}
            event = {"execution_id": execution_id, "sequence": sequence, "type": type_}
            event |= {"payload": json.dumps(payload), "created_at_us": now_us}
            await conn.execute(_EVENT, event)
            await record(conn, execution_id, self._actor, type_, now_us, **payload)
        return WorkflowState(execution_id=execution_id, sequence=sequence, data=data)


def _checked(data: dict[Any, Any]) -> dict[str, Any]:
    """The values as JSON has them."""
    plain = {}
    for key, value in data.items():
        if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST or storable(key) != key:
            raise InputError(
                f"a key of the state is a text of 1 to {_LONGEST} characters, not {key!r}"
            )
        try:
            plain[key] = plain_json(value)
            canonical_json(plain[key])
        except ValueError as error:
            raise InputError(f"the state's {key!r} cannot be kept: {error}") from error
    return plain


async def _sequence(conn: AsyncConnection, execution_id: str) -> int:
    return await _scalar(conn, execution_id, _SEQUENCE)


async def _hold(conn: AsyncConnection, execution_id: str) -> int:
    """Let nobody else change the run before the transaction ends, and tell where its journal is."""
    return await _scalar(conn, execution_id, _HELD)


async def _scalar(conn: AsyncConnection, execution_id: str, statement: Any) -> int:
    check_known_id(execution_id)
    found = (await conn.execute(statement, {"execution_id": execution_id})).scalar_one_or_none()
    if found is None:
        raise await not_found(conn, execution_id)
    return int(found)


async def _snapshot(conn: AsyncConnection, execution_id: str, snapshot_id: int) -> StateSnapshot:
    snapshots = {found.id: found for found in await snapshots_of(conn, execution_id)}
    if snapshot_id not in snapshots:
        listed = ", ".join(map(str, snapshots)) or "none"
        raise SnapshotNotFound(
            f"execution {execution_id!r} has no snapshot {snapshot_id}; it has {listed}"
        )
    return snapshots[snapshot_id]
