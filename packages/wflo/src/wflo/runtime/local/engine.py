"""The engine on a database: any number of processes, each with one task that writes.

Steps run as tasks of the event loop. How they ended goes into a queue, and one task commits what
is in it: outcomes of many steps in one transaction, together with the steps that follow and the
leases on those that this process takes at once. The same task looks, now and then, for what others
left: steps that are ready, timers, leases of workers that are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.config.sections import EngineSettings
from wflo.db.engine import Database
from wflo.errors import CodeChanged, DatabaseUnavailable, ExecutionNotFound
from wflo.journal import claims, leases, timers
from wflo.journal.outcomes import Ending
from wflo.journal.proceed import Lease
from wflo.journal.run import Runs, Submitted
from wflo.journal.submit import submit
from wflo.models import ExecutionStatus
from wflo.plan import canonical_json
from wflo.points import reach
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.codes import Codes, check_supported, code_changed
from wflo.runtime.local.committer import Committer, Written
from wflo.runtime.local.found import Found, find
from wflo.runtime.local.held import Held
from wflo.runtime.local.owner import new_owner
from wflo.runtime.local.steps import StepRunner

_LOG = logging.getLogger(__name__)

_BATCH = 200  # outcomes that share a transaction at most
_LOOK_FOR_DEAD_S = 2.0
_SYNC_S = 60.0  # between two looks at the database's clock
_STUBBORN_S = 5.0  # for steps that do not let themselves be stopped
_MICRO = 1_000_000


class LocalEngine:
    """Runs workflows on a database.

    Args:
        database: Where they are kept.
        codes: The workflows whose steps it can run.
        settings: How long leases hold, how much runs at once.
        accept_changes: Also run what was submitted with other code of the same workflow.

    Attributes:
        owner: The name that its leases have.
    """

    def __init__(
        self,
        database: Database,
        codes: Sequence[WorkflowCode],
        settings: EngineSettings | None = None,
        *,
        accept_changes: bool = False,
    ) -> None:
        self.owner = new_owner()
        self._database = database
        self._workflows = codes
        self._settings = settings or EngineSettings()
        self._accept_changes = accept_changes
        self._lease_us = round(self._settings.lease_s * _MICRO)
        self._committer = Committer(
            database, self.owner, lease_us=self._lease_us, patience_s=self._settings.lease_s
        )
        self._codes = Codes()
        self._steps = StepRunner(database, self._committer, self._codes)
        self._held = Held()
        self._ended: deque[Ending] = deque()
        self._wake = asyncio.Event()
        self._awaited_id: str | None = None
        self._awaited_ended = False
        self._root_id: str | None = None
        self._leaving = False
        self._broken: BaseException | None = None
        self._is_away = False
        self._look_at = 0.0
        self._look_for_dead_at = 0.0

    async def submit(
        self, workflow: WorkflowCode, values: dict[str, Any], *, execution_id: str
    ) -> bool:
        """Create a run of a workflow, PENDING.

        Args:
            workflow: Which.
            values: Its input, checked.
            execution_id: Its id.

        Returns:
            False if it exists already, of the same workflow and with the same input.

        Raises:
            ExecutionExists: The id belongs to another one.
            NotSupported: The workflow asks for what this engine does not do.
        """
        check_supported(workflow.plan)

        async def write() -> bool:
            async with self._database.begin() as conn:
                return await submit(
                    conn,
                    workflow.plan,
                    execution_id=execution_id,
                    source=workflow.source,
                    input_text=canonical_json(values),
                    now_us=self._database.now_us(),
                )

        try:
            created = await self._committer.persist(write)
        except IntegrityError:  # another process has submitted it at the same time
            created = await self._committer.persist(write)
        self._look_now()
        return created

    def new_runs(self) -> Runs:
        """For reading runs: it has the definitions of the workflows that this engine works on."""
        return self._committer.runs.anew()

    async def run_until(self, execution_id: str) -> ExecutionStatus:
        """Work on one run and its sub-workflows until it has ended.

        Of a sub-workflow that is all of the run that it is a part of.

        Returns:
            How it ended.

        Raises:
            ExecutionNotFound: There is none.
            CodeChanged: It was submitted with other code.
        """
        self._awaited_id, self._awaited_ended = execution_id, False
        await self._register()
        await self._check_code(execution_id)

        async def ended() -> bool:
            self._awaited_ended = (await self._status(execution_id)).ended
            return self._awaited_ended

        await self._work(lambda: self._awaited_ended, ended)
        return await self._status(execution_id)

    async def serve(self, stop: asyncio.Event) -> None:
        """Work on everything that it has the code for, until it is told to stop.

        Steps that run then are given ``drain_s`` to end. Those that do not are given back, to be
        run by another worker.
        """
        await self._register()
        waker = asyncio.create_task(self._wake_when(stop))

        async def look() -> bool:
            if self._accept_changes:
                await self._accept_others()
            return stop.is_set()

        try:
            await self._work(stop.is_set, look)
        finally:
            waker.cancel()

    # --- the loop ---------------------------------------------------------------------------------

    async def _work(self, done: Callable[[], bool], look: Callable[[], Awaitable[bool]]) -> None:
        """Work until it is done.

        Cancelled, what is being written is written, and the rest given back; cancelled again, it
        ends as it is.
        """
        self._leaving = self._committer.in_a_hurry = False
        loop = asyncio.create_task(self._loop(done, look))
        try:
            await asyncio.shield(loop)
        except asyncio.CancelledError:
            self._leaving = self._committer.in_a_hurry = True
            self._wake.set()
            await asyncio.gather(loop, return_exceptions=True)
            raise

    async def _loop(self, done: Callable[[], bool], look: Callable[[], Awaitable[bool]]) -> None:
        heart = self._start(self._beat())
        try:
            while not self._leaving and not done():
                self._check()
                if self._clock() >= self._look_at:  # first: there may always be something to write
                    await self._look()
                    if await look():
                        break
                elif self._ended:
                    await self._commit()
                else:
                    await self._sleep_until(self._look_at)
            if self._awaited_ended:
                await self._end_children()
            await self._drain()
        finally:
            heart.cancel()
            await self._hand_over()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._notice)
        return task

    def _notice(self, task: asyncio.Task[None]) -> None:
        """What goes wrong in a task of the engine ends the engine: nobody else would see it."""
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self._wake.set()

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    async def _sleep_until(self, deadline: float) -> None:
        self._wake.clear()
        if not self._ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()

    def _look_now(self) -> None:
        self._look_at = 0.0
        self._wake.set()

    async def _wake_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._look_now()

    async def _drain(self) -> None:
        """Let what runs come to its end, for as long as that may take."""
        deadline = self._clock() + self._settings.drain_s
        while self._ended or (self._held and not self._awaited_ended and self._clock() < deadline):
            self._check()
            if self._leaving:
                return
            if self._ended:
                await self._commit(claim=False)
                continue
            await self._sleep_until(min(deadline, self._clock() + self._settings.poll_interval_s))
            with contextlib.suppress(DatabaseUnavailable):
                async with self._database.read() as conn:
                    await self._look_for_revoked(conn)

    async def _end_children(self) -> None:
        """Cancel the sub-workflows of a run that was ended early: nobody else may come."""

        async def read() -> list[timers.Timer]:
            async with self._database.read() as conn:
                return await timers.due(conn, self._root_id, self._database.now_us())

        while due := await self._committer.persist(read):
            await self._committer.fire(due, 0)

    async def _hand_over(self) -> None:
        """Write what has ended, and let others run what has not, without waiting for leases."""
        self._committer.in_a_hurry = True
        left = await self._held.cancel_all(_STUBBORN_S)
        ended = {ending.lease.token for ending in self._ended}
        with contextlib.suppress(DatabaseUnavailable):  # then the leases have to expire
            while self._ended:
                await self._commit(claim=False)
            if abandoned := [lease for lease in left if lease.token not in ended]:
                await self._committer.give_back(abandoned)

    async def _commit(self, *, claim: bool = True) -> None:
        batch = [self._ended.popleft() for _ in range(min(len(self._ended), _BATCH))]
        self._held.forget(ending.lease.token for ending in batch)
        self._go_on(await self._committer.commit(batch, self._room() if claim else 0))

    def _go_on(self, written: Written) -> None:
        """Run what was claimed, and look again when there is more to do."""
        self._awaited_ended = self._awaited_ended or self._awaited_id in written.finished
        for lease in written.claimed:
            self._held.add(lease, self._start(self._run(lease)))
        if written.next_us is not None:
            self._look_by(written.next_us)
        if written.has_ready and self._room():  # else the commit claims that makes room
            self._look_now()

    def _look_by(self, time_us: int) -> None:
        ahead_s = max((time_us - self._database.now_us()) / _MICRO, 0.0)
        self._look_at = min(self._look_at, self._clock() + ahead_s)

    def _room(self) -> int:
        return max(0, self._settings.max_concurrency - len(self._held))

    async def _run(self, lease: Lease) -> None:
        ended = await self._steps.run(lease)
        if isinstance(ended, Ending):
            self._ended.append(ended)
            self._wake.set()
            return
        self._held.forget([lease.token])
        if isinstance(ended, Written):
            self._committer.runs.forget([lease.execution_id])
            self._go_on(ended)
        self._look_now()

    # --- what others left -------------------------------------------------------------------------

    async def _look(self) -> None:
        now = self._clock()
        self._look_at = now + self._settings.poll_interval_s
        try:
            found = await self._find(now)
        except DatabaseUnavailable as error:
            if not self._is_away:
                _LOG.warning("nothing can be looked for: %s", error)
            self._is_away = self._committer.unsure = True
            return  # the next look, or the next commit, finds it back or gives up
        self._is_away = False
        if found.due:
            self._go_on(await self._committer.fire(found.due, self._room()))
        held = set(self._held.tokens())
        if lost := [each for each in found.lost if each.lease.token not in held]:
            self._go_on(await self._committer.take_over(lost, found.dead, self._room()))
        if unknown := [lease for lease in found.own if lease.token not in held]:
            self._go_on(await self._committer.give_back(unknown))
        if room := self._room():
            self._go_on(await self._committer.claim(room))
        else:
            self._committer.unclaimed = True  # perhaps; the next commit makes room
        if found.upcoming_us is not None:
            self._look_by(found.upcoming_us)
        if not found.is_all:
            self._look_at = self._look_for_dead_at = 0.0

    async def _find(self, now: float) -> Found:
        look_for_dead, unsure = now >= self._look_for_dead_at, self._committer.unsure
        self._committer.unsure = False
        async with self._database.read() as conn:
            found = await find(
                conn,
                self._root_id,
                self._database.now_us(),
                look_for_dead=look_for_dead,
                owner=self.owner if unsure else None,
            )
            await self._look_for_revoked(conn)
        if look_for_dead:
            self._look_for_dead_at = now + _LOOK_FOR_DEAD_S
        return found

    async def _look_for_revoked(self, conn: AsyncConnection) -> None:
        tokens = self._held.tokens()
        self._revoke(set(tokens) - await leases.held(conn, tokens))

    def _revoke(self, tokens: set[str]) -> None:
        """Stop what runs under these; what has ended meanwhile is refused when it is written."""
        self._held.revoke(tokens - {ending.lease.token for ending in self._ended})
        if tokens:
            self._wake.set()

    async def _beat(self) -> None:
        """Renew the leases, three times in the time that they hold."""
        synced_at = self._clock()
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            try:
                if tokens := self._held.tokens():
                    await self._renew(tokens)
                if self._clock() - synced_at > _SYNC_S:
                    synced_at = self._clock()
                    await self._database.sync_clock()
            except DatabaseUnavailable:
                pass  # they hold for some time still
            if expired := set(self._held.expired(self._database.now_us())):
                self._revoke(expired)
                self._committer.unsure = True  # nobody else may have come for them

    async def _renew(self, tokens: list[str]) -> None:
        reach("in heartbeat")
        gone, expires_at_us = await self._committer.renew(tokens)
        self._held.renewed(set(tokens) - gone, expires_at_us)
        self._revoke(gone)

    async def _status(self, execution_id: str) -> ExecutionStatus:
        async def read() -> ExecutionStatus:
            async with self._database.read() as conn:
                return await timers.status_of(conn, execution_id)

        return await self._committer.persist(read)

    # --- which code -------------------------------------------------------------------------------

    async def _register(self) -> None:
        async def write() -> tuple[Codes, list[Submitted]]:
            found, now_us = Codes(), self._database.now_us()
            async with self._database.begin() as conn:
                return found, [await found.add(conn, code, now_us) for code in self._workflows]

        found, registered = await self._committer.persist(write)
        self._codes.know(found)
        for submitted in registered:
            self._committer.runs.know_workflow(submitted)
        self._set_scope()

    async def _accept_others(self) -> None:
        """Also run what has been submitted meanwhile with other code."""
        if await self._codes.accept_others(self._database, self._workflows, self._committer.runs):
            self._set_scope()

    def _set_scope(self) -> None:
        self._committer.scope = claims.Scope(self._codes.workflow_ids, self._root_id)

    async def _check_code(self, execution_id: str) -> None:
        """See that the code of a run is here.

        Raises:
            ExecutionNotFound: There is no such run.
            CodeChanged: It was submitted with other code, or by code that is not here.
        """

        async def read() -> None:
            async with self._database.read() as conn:
                await self._committer.runs.get(conn, [execution_id], lock=False)

        await self._committer.persist(read)
        run = self._committer.runs.known(execution_id)
        if run is None:
            raise ExecutionNotFound(f"there is no execution {execution_id!r}")
        self._root_id = run.root_id
        self._set_scope()
        if self._codes.has(run.workflow_id) or run.status.ended:
            return
        name = run.plan.definition.name
        code = next((code for code in self._workflows if code.definition.name == name), None)
        if code is None:
            raise CodeChanged(f"execution {execution_id!r} is of workflow {name!r}, not given here")
        if not self._accept_changes:
            raise code_changed(execution_id, run.plan, code.plan)
        self._codes.accept(run.submitted, code)
        self._set_scope()

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()
