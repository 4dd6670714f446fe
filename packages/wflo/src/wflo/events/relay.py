"""From the outbox to sinks: each run's events in order, at least once.

Any number of processes may do this on one database. Who delivers the events of a run has a row in
`deliveries` meanwhile, and nobody else begins before the row is gone, its time is over, or its
process is known to be dead. What fails stops the events of that run only; the row stays then, with
the time of the next try. Events are written down as delivered once every sink has taken them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.engine import Database
from wflo.db.tables import deliveries, outbox
from wflo.errors import DatabaseUnavailable
from wflo.events.schemas import Event
from wflo.events.sinks import Sink
from wflo.journal.rows import event_of
from wflo.points import reach

_LOG = logging.getLogger(__name__)

_MOST_RUNS = 50  # in one round
_MOST_EVENTS = 1_000  # the same
_FIRST_PAUSE_S = 0.5  # after a failure; twice as long after each further one
_LONGEST_PAUSE_S = 60.0
_MICRO = 1_000_000

_UNPUBLISHED = outbox.c.published_at_us.is_(None)
_IS_FREE = or_(
    deliveries.c.until_us <= bindparam("now"),
    deliveries.c.owner.in_(bindparam("gone", expanding=True)),
)
_OWNERS = select(deliveries.c.owner).distinct()
_WAITING = (
    select(outbox.c.execution_id)
    .join(deliveries, deliveries.c.execution_id == outbox.c.execution_id, isouter=True)
    .where(_UNPUBLISHED, or_(deliveries.c.execution_id.is_(None), _IS_FREE))
    .distinct()
    .order_by(outbox.c.execution_id)
    .limit(_MOST_RUNS)
)
_ADD = {
    "sqlite": sqlite.insert(deliveries).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(deliveries).on_conflict_do_nothing(),
}
_FREE = select(deliveries.c.execution_id).where(
    deliveries.c.execution_id.in_(bindparam("ids", expanding=True)), _IS_FREE
)
_TAKE = (
    update(deliveries)
    .where(deliveries.c.execution_id.in_(_FREE.with_for_update(skip_locked=True)))
    .values(owner=bindparam("b_owner"), until_us=bindparam("b_until"))
)
_TAKEN = select(deliveries.c.execution_id, deliveries.c.failures).where(
    deliveries.c.execution_id.in_(bindparam("ids", expanding=True)),
    deliveries.c.owner == bindparam("b_owner"),
    deliveries.c.until_us == bindparam("b_until"),
)
_EVENTS = (
    select(outbox)
    .where(_UNPUBLISHED, outbox.c.execution_id.in_(bindparam("ids", expanding=True)))
    .order_by(outbox.c.execution_id, outbox.c.sequence)
    .limit(_MOST_EVENTS)
)
_PUBLISH = (
    update(outbox)
    .where(
        _UNPUBLISHED,
        outbox.c.execution_id == bindparam("b_id"),
        outbox.c.sequence <= bindparam("b_sequence"),
    )
    .values(published_at_us=bindparam("b_now"))
)
_IS_OURS = (deliveries.c.execution_id == bindparam("b_id")) & (
    deliveries.c.owner == bindparam("b_owner")
)
_END = delete(deliveries).where(_IS_OURS)
_TRY_LATER = (
    update(deliveries)
    .where(_IS_OURS)
    .values(owner="", failures=bindparam("b_failures"), until_us=bindparam("b_until"))
)


@dataclass
class _Delivery:
    """Events of one run, and how far their delivery is.

    Attributes:
        execution_id: The run.
        failures: How many times it failed before, in a row.
        events: In order.
        done: The sequence of the last one that every sink has taken; 0: none.
        failed: The next one was refused.
    """

    execution_id: str
    failures: int
    events: list[Event] = field(default_factory=list)
    done: int = 0
    failed: bool = False


class Relay:
    """Delivers what is in the outbox.

    Args:
        database: It has the outbox.
        sinks: Each gets every event.
        owner: A name of this process that no other relay has.
        is_dead: Whether the process of such a name is known to be gone.
        lease_s: For how long the events of a run are left to one relay. A sink that takes longer
            for one event has failed.
    """

    def __init__(
        self,
        database: Database,
        sinks: Sequence[Sink],
        *,
        owner: str,
        is_dead: Callable[[str], bool],
        lease_s: float = 10.0,
    ) -> None:
        self._database = database
        self._sinks = sinks
        self._owner = owner
        self._is_dead = is_dead
        self._lease_s = lease_s

    async def run(self, stop: asyncio.Event, *, interval_s: float) -> None:
        """Deliver until told to stop, looking for events now and then."""
        while not stop.is_set():
            if not await self._round():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval_s):
                        await stop.wait()

    async def flush(self) -> None:
        """Deliver all that can be delivered now."""
        while await self._round():
            pass

    async def _round(self) -> bool:
        """Deliver some events.

        Returns:
            Whether there may be more.
        """
        try:
            return await self._deliver_some()
        except DatabaseUnavailable as error:
            _LOG.warning("events are delivered later: %s", error)
        except Exception:
            _LOG.exception("events could not be delivered")
        return False

    async def _deliver_some(self) -> bool:
        async with self._database.read() as conn:
            owners = (await conn.execute(_OWNERS)).scalars().all()
            gone = [owner for owner in owners if owner == self._owner or self._is_dead(owner)]
            parameters = {"now": self._database.now_us(), "gone": gone}
            waiting = (await conn.execute(_WAITING, parameters)).scalars().all()
        if not waiting:
            return False
        end_at = asyncio.get_running_loop().time() + self._lease_s
        async with self._database.begin() as conn:
            taken = await self._take(conn, waiting, gone)
        await asyncio.gather(*(self._deliver(each, end_at) for each in taken))
        await self._flush(taken)
        reach("after delivery")
        async with self._database.begin() as conn:
            await self._end(conn, taken)
        return any(each.done or each.failed for each in taken)

    async def _take(
        self, conn: AsyncConnection, ids: Sequence[str], gone: Collection[str]
    ) -> list[_Delivery]:
        now_us = self._database.now_us()
        until_us = now_us + round(self._lease_s * _MICRO)
        new = [{"execution_id": each, "owner": "", "failures": 0, "until_us": 0} for each in ids]
        await conn.execute(_ADD[conn.dialect.name], new)
        ours = {"ids": list(ids), "b_owner": self._owner, "b_until": until_us}
        await conn.execute(_TAKE, ours | {"now": now_us, "gone": list(gone)})
        taken = {
            execution_id: _Delivery(execution_id, failures)
            for execution_id, failures in await conn.execute(_TAKEN, ours)
        }
        for row in await conn.execute(_EVENTS, {"ids": list(taken)}):
            taken[row.execution_id].events.append(event_of(row))
        return list(taken.values())

    async def _deliver(self, delivery: _Delivery, end_at: float) -> None:
        try:
            async with asyncio.timeout_at(end_at):
                for event in delivery.events:
                    reach("in relay")
                    for sink in self._sinks:
                        await sink.deliver(event)
                    delivery.done = event.sequence
                    await asyncio.sleep(0)  # sinks may not wait for anything, and others want to
        except Exception as error:
            # Many events may take longer than there is time for; one may not.
            delivery.failed = not (isinstance(error, TimeoutError) and delivery.done)
            if delivery.failed:
                _warn(delivery, error)

    async def _flush(self, taken: Sequence[_Delivery]) -> None:
        try:
            for sink in self._sinks:
                await sink.flush()
        except Exception as error:
            for delivery in taken:
                if delivery.done:
                    delivery.done, delivery.failed = 0, True
                    _warn(delivery, error)

    async def _end(self, conn: AsyncConnection, taken: Sequence[_Delivery]) -> None:
        now_us = self._database.now_us()
        ended, failed, done = [], [], []
        for each in sorted(taken, key=lambda each: each.execution_id):
            row = {"b_id": each.execution_id, "b_owner": self._owner}
            if each.done:
                done.append({"b_id": each.execution_id, "b_sequence": each.done, "b_now": now_us})
            if each.failed:
                failures = 1 if each.done else each.failures + 1
                until_us = now_us + round(_pause_s(failures) * _MICRO)
                failed.append(row | {"b_failures": failures, "b_until": until_us})
            else:
                ended.append(row)
        for statement, rows in ((_PUBLISH, done), (_TRY_LATER, failed), (_END, ended)):
            if rows:
                await conn.execute(statement, rows)


def _pause_s(failures: int) -> float:
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)


def _warn(delivery: _Delivery, error: Exception) -> None:
    _LOG.warning(
        "an event was not taken, and is delivered again later: %s: %s",
        type(error).__name__,
        error,
        extra={"execution_id": delivery.execution_id, "sequence": delivery.done + 1},
    )
