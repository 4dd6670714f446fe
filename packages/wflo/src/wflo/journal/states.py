"""The state of a run: patches in its journal, and points of it that have a name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import snapshots, state_patches
from wflo.journal.blobs import get_blobs, put_texts
from wflo.journal.rows import to_datetime
from wflo.models import StatePatch, StateSnapshot
from wflo.plan import canonical_json

_ID = bindparam("execution_id", type_=String)
_LATEST = 2**63 - 1  # beyond every sequence

# Of each key the last patch, so that a loop that sets one key ten thousand times costs one row.
_RANK = func.row_number().over(
    partition_by=state_patches.c.key,
    order_by=[state_patches.c.sequence.desc(), state_patches.c.position.desc()],
)
_RANKED = (
    select(state_patches, _RANK.label("rank"))
    .where(state_patches.c.execution_id == _ID, state_patches.c.sequence <= bindparam("sequence"))
    .subquery()
)
_VALUES = (
    select(_RANKED.c.key, _RANKED.c.value, _RANKED.c.value_blob)
    .where(_RANKED.c.rank == 1, _RANKED.c.op == "set")
    .order_by(_RANKED.c.key)
)
_ADD = insert(state_patches)
_ADD_SNAPSHOT = insert(snapshots).returning(snapshots.c.id)
_SNAPSHOTS = select(snapshots).where(snapshots.c.execution_id == _ID).order_by(snapshots.c.id)


async def state_at(
    conn: AsyncConnection, execution_id: str, sequence: int | None = None
) -> dict[str, Any]:
    """The values at a point of a run's journal, by key; by default as they are now."""
    point = _LATEST if sequence is None else sequence
    parameters = {"execution_id": execution_id, "sequence": point}
    rows = (await conn.execute(_VALUES, parameters)).all()
    texts = await get_blobs(conn, (row.value_blob for row in rows))
    return {row.key: json.loads(texts.get(row.value_blob, row.value)) for row in rows}


async def add_patches(
    conn: AsyncConnection,
    execution_id: str,
    sequence: int,
    patches: Sequence[StatePatch],
    step: str | None = None,
    iteration: int | None = None,
) -> None:
    """Write patches.

    Args:
        conn: A write transaction that holds the run.
        execution_id: Whose state.
        sequence: The entry of the journal that they belong to.
        patches: In the order in which they are applied.
        step: The step that made them; None: they are made from outside.
        iteration: And which iteration of it.
    """
    if not patches:
        return
    stored = await put_texts(conn, [_text(patch) for patch in patches])
    rows = [
        {
            "execution_id": execution_id,
            "sequence": sequence,
            "position": position,
            "step": step,
            "iteration": iteration,
            "op": patch.op,
            "key": patch.key,
            "value": value.text,
            "value_blob": value.blob,
        }
        for position, (patch, value) in enumerate(zip(patches, stored, strict=True))
    ]
    await conn.execute(_ADD, rows)


def patches_between(old: dict[str, Any], new: dict[str, Any]) -> list[StatePatch]:
    """What makes one state the other, in the order of the keys."""
    return [
        StatePatch(op="set", key=key, value=new[key])
        if key in new
        else StatePatch(op="delete", key=key)
        for key in sorted(old.keys() | new.keys())
        if key not in old or key not in new or canonical_json(old[key]) != canonical_json(new[key])
    ]


async def add_snapshot(
    conn: AsyncConnection, execution_id: str, *, sequence: int, label: str, now_us: int
) -> StateSnapshot:
    """Name a point of a run's journal."""
    row = {"execution_id": execution_id, "sequence": sequence, "label": label}
    number = (await conn.execute(_ADD_SNAPSHOT, row | {"created_at_us": now_us})).scalar_one()
    return StateSnapshot(
        id=number,
        execution_id=execution_id,
        sequence=sequence,
        label=label,
        created_at=to_datetime(now_us),
    )


async def snapshots_of(conn: AsyncConnection, execution_id: str) -> list[StateSnapshot]:
    """The named points of a run's journal, in the order in which they were made."""
    return [
        StateSnapshot(
            id=row.id,
            execution_id=row.execution_id,
            sequence=row.sequence,
            label=row.label,
            created_at=to_datetime(row.created_at_us),
        )
        for row in await conn.execute(_SNAPSHOTS, {"execution_id": execution_id})
    ]


def _text(patch: StatePatch) -> str | None:
    return canonical_json(patch.value) if patch.op == "set" else None
