"""Every transaction of the engine: what was decided is written, or decided again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable, LeaseLost
from wflo.journal import claims, leases, outcomes, timers
from wflo.journal.changes import Changes
from wflo.journal.finish import finish_runs
from wflo.journal.outcomes import Ending
from wflo.journal.proceed import NOBODY, Lease, Worker
from wflo.journal.run import Run, Runs, Stale
from wflo.points import reach
from wflo.runtime.local.transaction import StepTransaction

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

# The second try holds the runs, so it is only ever the first one that finds them changed; unless a
# worker claims what was to be cancelled.
_TRIES = 20


@dataclass
class Written:
    """What a transaction came to.

    Attributes:
        claimed: Steps that this process holds from now on, to be run.
        finished: Runs that have ended.
        next_us: The earliest time at which more is to be done, where that is known.
        has_ready: There are steps now that nobody holds.
    """

    claimed: list[Lease] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    next_us: int | None = None
    has_ready: bool = False


class Committer:
    """Writes for one process, one transaction at a time.

    Args:
        database: Where.
        owner: The name that leases have.
        lease_us: For how long they hold, in microseconds.
        patience_s: For how long the database may be away.

    Attributes:
        runs: What this process knows of the runs.
        scope: Which steps it may claim.
        unclaimed: There may be more steps that are ready.
        unsure: A COMMIT may have been answered by silence: this process may hold what it does not
            know of.
        in_a_hurry: Do not wait for a database that is away.
    """

    def __init__(self, database: Database, owner: str, *, lease_us: int, patience_s: float) -> None:
        self.runs = Runs()
        self.scope = claims.Scope(())
        self.unclaimed = False
        self.unsure = False
        self.in_a_hurry = False
        self._database = database
        self._owner = owner
        self._lease_us = lease_us
        self._patience_s = patience_s

    async def persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while the database is away.

        Raises:
            DatabaseUnavailable: It was away for too long.
        """
        clock = asyncio.get_running_loop().time
        delay_s, since = 0.05, None
        while True:
            try:
                return await write()
            except DatabaseUnavailable as error:
                self.runs.forget_all()
                self.unsure = True
                if since is None:
                    since = clock()
                    _LOG.warning("a transaction is tried again: %s", error)
                if self.in_a_hurry or clock() - since >= self._patience_s:
                    raise
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, 1.0)

    async def commit(self, batch: Sequence[Ending], room: int) -> Written:
        """Write how these attempts ended, and claim what follows, as far as there is room."""
        return await self._decide(lambda again: self._commit_once(batch, room, again=again))

    async def commit_with(self, transaction: StepTransaction, ending: Ending) -> Written:
        """Write how an attempt ended in the transaction that the step itself has written in.

        Raises:
            LeaseLost: It holds no longer; nothing of it is kept.
        """
        changes = Changes(self._database.now_us())
        reach("before commit")
        async with transaction.committing() as conn:
            runs, gone = await outcomes.look_up(conn, Runs(), [ending], again=True)
            if gone:
                raise LeaseLost(f"step {ending.lease.step!r} is held by another worker")
            outcomes.commit(changes, runs[ending.lease.execution_id], ending, NOBODY)
            await changes.write(conn)
            await finish_runs(conn, changes)
        reach("after commit")
        return self._written(changes, [])

    async def fire(self, due: Sequence[timers.Timer], room: int) -> Written:
        """Let happen what these timers stand for."""

        async def once(_again: bool) -> Written:  # noqa: FBT001
            worker = self._worker(room)
            ids = {timer.execution_id for timer in due}
            async with self._change(ids) as (conn, changes, runs):
                for timer in due:
                    await timers.fire(conn, changes, runs[timer.execution_id], timer, worker)
            return self._written(changes, worker.claimed)

        return await self._decide(once)

    async def take_over(
        self, lost: Sequence[leases.Lost], dead: Collection[str], room: int
    ) -> Written:
        """Let others, or this process, run what was held by workers that are gone.

        Args:
            lost: What was held by them, as it seems.
            dead: Those that are known to be dead. The others may have been slow, and have renewed
                their leases meanwhile.
            room: How many steps this process can take at once.
        """

        async def once(_again: bool) -> Written:  # noqa: FBT001
            worker, tokens = self._worker(room), [each.lease.token for each in lost]
            asked_us = self._database.now_us()
            reach("in takeover")
            ids = {each.lease.execution_id for each in lost}
            async with self._change(ids) as (conn, changes, runs):
                now_us = self._database.now_us()
                if now_us - asked_us > self._lease_us // 3:
                    return Written()  # nobody could write, to renew either: that comes first
                still = await leases.still_lost(conn, tokens, dead, now_us)
                for lease, owner in lost:
                    if lease.token in still:
                        outcomes.lose(changes, runs[lease.execution_id], lease, owner, worker)
            return self._written(changes, worker.claimed)

        return await self._decide(once)

    async def give_back(self, abandoned: Sequence[Lease]) -> Written:
        """Let others run what was not finished here, without waiting for the leases to expire."""

        async def once(_again: bool) -> Written:  # noqa: FBT001
            ids = {lease.execution_id for lease in abandoned}
            async with self._change(ids) as (conn, changes, runs):
                held = await leases.held(conn, [lease.token for lease in abandoned])
                for lease in abandoned:
                    if lease.token in held:
                        outcomes.give_back(changes, runs[lease.execution_id], lease)
            return self._written(changes, [])

        return await self._decide(once)

    async def claim(self, room: int) -> Written:
        """Hold ready steps, as many as there is room for."""

        async def once() -> Written:
            reach("before claim")
            async with self._database.begin() as conn:
                claimed = await self._claim(conn, room)
            reach("after claim")
            return Written(claimed)

        return await self.persist(once)

    async def renew(self, tokens: Collection[str]) -> tuple[set[str], int]:
        """Hold these for longer.

        Returns:
            Those that hold no longer, and until when the others do.
        """
        async with self._database.begin() as conn:  # which may have taken its time
            expires_at_us = self._database.now_us() + self._lease_us
            return await leases.renew(conn, tokens, expires_at_us), expires_at_us

    async def _commit_once(self, batch: Sequence[Ending], room: int, *, again: bool) -> Written:
        changes, worker = Changes(self._database.now_us()), self._worker(room)
        reach("before commit")
        try:
            async with self._database.begin() as conn:
                runs, gone = await outcomes.look_up(conn, self.runs, batch, again=again)
                for ending in batch:
                    run = runs[ending.lease.execution_id]
                    if ending.lease.token not in gone and not run.status.ended:
                        outcomes.commit(changes, run, ending, worker)
                await changes.write(conn)
                await finish_runs(conn, changes)
                if self.unclaimed and worker.free:
                    worker.claimed += await self._claim(conn, worker.free)
        except BaseException:
            self.runs.forget(changes.runs)
            raise
        reach("after commit")
        return self._written(changes, worker.claimed)

    @asynccontextmanager
    async def _change(
        self, ids: Collection[str]
    ) -> AsyncIterator[tuple[AsyncConnection, Changes, dict[str, Run]]]:
        """A transaction that holds these runs, and writes what was collected at its end."""
        changes = Changes(self._database.now_us())
        try:
            async with self._database.begin() as conn:
                yield conn, changes, await self.runs.get(conn, ids, lock=True)
                await changes.write(conn)
                await finish_runs(conn, changes)
        except BaseException:
            self.runs.forget(changes.runs)
            raise

    async def _claim(self, conn: AsyncConnection, room: int) -> list[Lease]:
        claimed = await claims.claim(
            conn,
            self.runs,
            self.scope,
            owner=self._owner,
            room=room,
            lease_us=self._lease_us,
            now_us=self._database.now_us(),
        )
        self.unclaimed = len(claimed) == room
        await self.runs.get(conn, {lease.execution_id for lease in claimed}, lock=False)
        return claimed

    async def _decide(self, write: Callable[[bool], Awaitable[Written]]) -> Written:
        """Write what was decided, and decide again where others were quicker."""
        for tries in range(_TRIES):
            again = tries > 0
            try:
                return await self.persist(lambda: write(again))  # noqa: B023 # awaited at once
            except Stale:
                continue
        raise DatabaseUnavailable(f"other workers were quicker {_TRIES} times in a row")

    def _worker(self, room: int) -> Worker:
        return Worker(self._owner, self._lease_us, room, self.scope.holds)

    def _written(self, changes: Changes, claimed: list[Lease]) -> Written:
        changes.committed()
        finished = {each.run.id for each in changes.finished}
        self.runs.forget(finished)
        self.unclaimed |= changes.has_ready
        return Written(claimed, finished, changes.next_us, changes.has_ready)
