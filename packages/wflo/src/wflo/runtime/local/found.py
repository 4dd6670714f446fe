"""What others left: timers that are due, and leases of workers that are gone."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.journal import leases, timers
from wflo.journal.proceed import Lease
from wflo.runtime.local.owner import is_dead

_MOST = 100  # timers that share a transaction at most, and lost leases


class Found(NamedTuple):
    """What there is to do besides what is ready.

    Attributes:
        due: Timers whose time has come.
        upcoming_us: When the time of the next one comes, or of the next attempt.
        lost: Leases of workers that are gone, as it seems.
        dead: The workers that are known to be gone.
        own: All leases of this process, where that was asked.
        is_all: There is no more of it.
    """

    due: list[timers.Timer]
    upcoming_us: int | None
    lost: list[leases.Lost]
    dead: list[str]
    own: list[Lease]
    is_all: bool


async def find(
    conn: AsyncConnection,
    root_id: str | None,
    now_us: int,
    *,
    look_for_dead: bool,
    owner: str | None,
) -> Found:
    """Look.

    Args:
        conn: A transaction.
        root_id: For timers of this run and its sub-workflows; None: of all.
        now_us: The time.
        look_for_dead: See which workers are gone before their leases have expired.
        owner: Ask for all leases of this process.
    """
    dead: list[str] = []
    due = await timers.due(conn, root_id, now_us, room=_MOST)
    upcoming_us = await timers.next_due(conn, root_id, now_us)
    if look_for_dead:
        dead = [each for each in await leases.owners(conn) if is_dead(each)]
    lost = await leases.lost(conn, dead, now_us, room=_MOST)
    own = [] if owner is None else await leases.of_owner(conn, owner)
    return Found(due, upcoming_us, lost, dead, own, _MOST not in (len(due), len(lost)))
