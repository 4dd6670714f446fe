"""Leases: renewed while the worker lives, taken over when it does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import step_attempts, step_journal
from wflo.journal.proceed import Lease

_HELD = select(step_attempts.c.token).where(
    step_attempts.c.token.in_(bindparam("tokens", expanding=True)),
    step_attempts.c.status == "running",
)
# Those that somebody is ending at the moment are left alone: two that wait for each other's rows
# would wait in a circle.
_RENEW = (
    update(step_attempts)
    .where(step_attempts.c.token.in_(_HELD.with_for_update(skip_locked=True)))
    .values(expires_at_us=bindparam("expires"))
)
_OWNERS = select(step_attempts.c.owner).where(step_attempts.c.status == "running").distinct()
_RUNNING = (
    select(
        step_attempts.c.token,
        step_attempts.c.execution_id,
        step_attempts.c.step,
        step_attempts.c.iteration,
        step_attempts.c.attempt,
        step_journal.c.losses,
        step_journal.c.uncounted,
        step_attempts.c.expires_at_us,
        step_attempts.c.owner,
    )
    .join(
        step_journal,
        (step_journal.c.execution_id == step_attempts.c.execution_id)
        & (step_journal.c.step == step_attempts.c.step)
        & (step_journal.c.iteration == step_attempts.c.iteration),
    )
    .where(step_attempts.c.status == "running")
)
_IS_LOST = or_(
    step_attempts.c.expires_at_us < bindparam("now"),
    step_attempts.c.owner.in_(bindparam("dead", expanding=True)),
)
_LOST = _RUNNING.where(_IS_LOST).order_by(step_attempts.c.expires_at_us).limit(bindparam("room"))
_STILL_LOST = _HELD.where(_IS_LOST)
_OWN = _RUNNING.where(step_attempts.c.owner == bindparam("owner"))


class Lost(NamedTuple):
    """A lease whose worker did not renew it.

    Attributes:
        lease: What it held.
        owner: Who.
    """

    lease: Lease
    owner: str


async def renew(conn: AsyncConnection, tokens: Collection[str], expires_at_us: int) -> set[str]:
    """Hold these for longer.

    Returns:
        Those that hold no longer: they were taken over, or their run was cancelled.
    """
    parameters = {"tokens": sorted(tokens), "expires": expires_at_us}
    renewed = (await conn.execute(_RENEW, parameters)).rowcount
    if renewed == len(tokens):
        return set()
    return set(tokens) - await held(conn, tokens)


async def held(conn: AsyncConnection, tokens: Collection[str]) -> set[str]:
    """Those of these that still hold."""
    if not tokens:
        return set()
    return set((await conn.execute(_HELD, {"tokens": sorted(tokens)})).scalars())


async def owners(conn: AsyncConnection) -> Sequence[str]:
    """Everyone who holds something."""
    return (await conn.execute(_OWNERS)).scalars().all()


async def lost(
    conn: AsyncConnection, dead: Collection[str], now_us: int, *, room: int = 100
) -> list[Lost]:
    """Leases that have expired, and those of processes that are known to be dead."""
    parameters = {"now": now_us, "dead": sorted(dead), "room": room}
    rows = (await conn.execute(_LOST, parameters)).all()
    return [Lost(Lease(*row[:-1]), row.owner) for row in rows]


async def still_lost(
    conn: AsyncConnection, tokens: Collection[str], dead: Collection[str], now_us: int
) -> set[str]:
    """Those of these that were not renewed meanwhile."""
    parameters = {"tokens": sorted(tokens), "now": now_us, "dead": sorted(dead)}
    return set((await conn.execute(_STILL_LOST, parameters)).scalars())


async def of_owner(conn: AsyncConnection, owner: str) -> list[Lease]:
    """What a process holds, whether it knows that or not."""
    rows = (await conn.execute(_OWN, {"owner": owner})).all()
    return [Lease(*row[:-1]) for row in rows]
