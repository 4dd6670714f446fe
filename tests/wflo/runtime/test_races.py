"""The engine in one process: nothing hangs, and nothing is decided on what has changed."""

import asyncio

import pytest
from crash_flow import crashing
from crash_traces import VALUES
from crashing import eventually
from engine_flows import (
    busy,
    inner,
    meeting,
    outer,
    pair,
    single,
    spending,
    stubborn,
)
from engine_runs import (
    add_timer,
    attempts_of,
    engine_on,
    execution_of,
    set_attempts,
    submit,
    work,
)
from sqlalchemy import text, update

from wflo import points
from wflo.config.settings import EngineSettings
from wflo.db import tables
from wflo.db.engine import Database
from wflo.journal import control, leases, queries
from wflo.journal.changes import Changes
from wflo.journal.claims import Scope
from wflo.journal.outcome import Outcome
from wflo.journal.outcomes import Ending
from wflo.journal.run import Runs
from wflo.models import StepStatus
from wflo.runtime.local import engine as local
from wflo.runtime.local.committer import Committer, Written
from wflo.runtime.local.engine import LocalEngine
from wflo.workflow.manager import WorkflowManager


@pytest.fixture(autouse=True)
def _meeting():
    meeting.clear()


async def draining(database, execution_id):
    """A worker that was told to stop while it runs a step."""
    stop = asyncio.Event()
    await submit(database, single, execution_id)
    serving = asyncio.create_task(engine_on(database, single, drain_s=60).serve(stop))
    await meeting.began["only"].wait()
    stop.set()
    await asyncio.sleep(0.1)
    return serving


class TestNothingHangs:
    async def test_what_cannot_be_given_to_a_step_fails_it(self, shared_database, new_id, caplog):
        await submit(shared_database, pair, new_id)
        running = asyncio.create_task(work(shared_database, pair, new_id, max_concurrency=1))
        await meeting.began["left"].wait()
        meeting.may_end["left"].set()
        await running
        async with shared_database.begin() as conn:  # as if a disk had done that
            of_run = tables.step_journal.c.execution_id == new_id
            await conn.execute(
                update(tables.step_journal).where(of_run).values(result='{"torn', attempts=1)
            )
            await conn.execute(
                update(tables.step_journal)
                .where(of_run, tables.step_journal.c.step == "right")
                .values(status="ready", attempts=1)
            )
            await conn.execute(
                update(tables.executions)
                .where(tables.executions.c.id == new_id)
                .values(status="running", ended_at_us=None)
            )
        assert await work(shared_database, pair, new_id) == "failed"
        failure = (await execution_of(shared_database, new_id)).failure
        assert failure.kind == "json.decoder.JSONDecodeError"
        assert "could not be run" in caplog.text

    async def test_what_breaks_its_heart_ends_the_engine(self, database):
        await submit(database, single, "run")
        running = asyncio.create_task(work(database, single, "run", lease_s=0.3))
        await meeting.began["only"].wait()
        async with database.change_tables() as conn:
            await conn.execute(text("ALTER TABLE step_attempts RENAME TO elsewhere"))
        with pytest.raises(Exception, match="step_attempts"):
            await running

    async def test_nothing_waits_for_the_next_look(self, shared_database, new_id):
        settings = EngineSettings(poll_interval_s=60)
        engine = LocalEngine(shared_database, [crashing.code], settings)
        values = crashing.check_input(VALUES)
        await engine.submit(crashing.code, values, execution_id=new_id)
        async with asyncio.timeout(30):
            assert await engine.run_until(new_id) == "completed"

    async def test_nor_where_there_is_room_for_one_step_only(self, shared_database, new_id):
        settings = EngineSettings(poll_interval_s=60, max_concurrency=1)
        engine = LocalEngine(shared_database, [crashing.code], settings)
        values = crashing.check_input(VALUES)
        await engine.submit(crashing.code, values, execution_id=new_id)
        async with asyncio.timeout(30):
            assert await engine.run_until(new_id) == "completed"

    async def test_there_is_always_time_for_a_look(self, shared_database, new_id):
        await submit(shared_database, busy, new_id, items=list(range(3000)))
        settings = {"poll_interval_s": 60, "max_concurrency": 600}
        assert await work(shared_database, busy, new_id, **settings) == "completed"
        async with shared_database.read() as conn:
            events = await queries.history(conn, new_id)
        [rang] = [
            n
            for n, each in enumerate(events)
            if each.step == "bell" and each.type == "step.completed"
        ]
        assert rang < len(events) * 0.9

    async def test_it_does_not_look_all_the_time(self, shared_database, new_id):
        await submit(shared_database, single, f"{new_id}-other")  # whose code it has not
        await submit(shared_database, pair, new_id)
        looks = []
        points.install(lambda point: looks.append(point) if point == "before claim" else None)
        try:
            running = asyncio.create_task(work(shared_database, pair, new_id, poll_interval_s=0.2))
            await meeting.began["left"].wait()
            looks.clear()
            await asyncio.sleep(1.0)
            assert len(looks) <= 6
        finally:
            points.install(None)
        meeting.may_end["left"].set()
        await running
        await WorkflowManager(shared_database).cancel_execution(f"{new_id}-other")

    async def test_a_step_that_cannot_be_stopped_does_not_keep_it(
        self, shared_database, new_id, monkeypatch
    ):
        monkeypatch.setattr(local, "_STUBBORN_S", 0.1)
        await submit(shared_database, stubborn, new_id)
        running = asyncio.create_task(work(shared_database, stubborn, new_id))
        await meeting.began["stay"].wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert meeting.notes["stay"] == ["no"]
        assert await attempts_of(shared_database, new_id) == [("stay", 1, "released")]
        meeting.may_end["stay"].set()
        assert await work(shared_database, stubborn, new_id) == "completed"

    async def test_cancelled_again_it_does_not_wait_for_such_a_step(self, shared_database, new_id):
        await submit(shared_database, stubborn, new_id)
        running = asyncio.create_task(work(shared_database, stubborn, new_id, lease_s=1.0))
        await meeting.began["stay"].wait()
        running.cancel()
        await eventually(lambda: meeting.notes["stay"])
        running.cancel()
        async with asyncio.timeout(local._STUBBORN_S / 2):
            with pytest.raises(asyncio.CancelledError):
                await running
        meeting.may_end["stay"].set()
        assert await work(shared_database, stubborn, new_id) == "completed"

    async def test_it_looks_at_the_clock_now_and_then(self, shared_database, new_id, monkeypatch):
        monkeypatch.setattr(local, "_SYNC_S", 0.0)
        await submit(shared_database, single, new_id)
        running = asyncio.create_task(work(shared_database, single, new_id, lease_s=0.3))
        await meeting.began["only"].wait()
        await asyncio.sleep(0.5)
        meeting.may_end["only"].set()
        assert await running == "completed"

    async def test_an_engine_may_be_used_again(self, shared_database, new_id):
        engine = engine_on(shared_database, pair)
        meeting.may_end["left"].set()
        for n in range(2):
            await submit(shared_database, pair, f"{new_id}-{n}")
            assert await engine.run_until(f"{new_id}-{n}") == "completed"

    async def test_a_worker_that_drains_sees_cancellations(self, shared_database, new_id):
        serving = await draining(shared_database, new_id)
        await WorkflowManager(shared_database).cancel_execution(new_id)
        async with asyncio.timeout(10):
            await serving
        assert await attempts_of(shared_database, new_id) == [("only", 1, "cancelled")]

    async def test_a_worker_that_drains_may_be_told_not_to_wait(self, shared_database, new_id):
        serving = await draining(shared_database, new_id)
        serving.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await serving
        assert await attempts_of(shared_database, new_id) == [("only", 1, "released")]
        await WorkflowManager(shared_database).cancel_execution(new_id)


class TestSeveralThingsInOneTransaction:
    @pytest.mark.parametrize(("kind", "status"), [("cancel", "cancelled"), ("deadline", "failed")])
    async def test_a_run_that_starts_and_ends_at_once_leaves_nothing(
        self, kind, status, shared_database, new_id
    ):
        await submit(shared_database, single, new_id)
        await add_timer(shared_database, new_id, kind)
        assert await work(shared_database, single, new_id) == status
        assert meeting.notes["only"] == []
        assert await attempts_of(shared_database, new_id) == [("only", 1, "cancelled")]

    async def test_what_another_task_forgets_meanwhile_is_there_for_the_transaction(
        self, shared_database, new_id
    ):
        class Forgetting:
            def __init__(self, conn, runs):
                self.conn, self.runs = conn, runs

            async def execute(self, *arguments):
                self.runs.forget_all()
                return await self.conn.execute(*arguments)

        ids = [f"{new_id}-{n}" for n in range(2)]
        for execution_id in ids:
            await submit(shared_database, pair, execution_id)
        runs = Runs()
        async with shared_database.read() as conn:
            await runs.get(conn, ids[:1], lock=False)
            found = await runs.get(Forgetting(conn, runs), ids, lock=False)
        assert sorted(found) == ids
        for execution_id in ids:
            await WorkflowManager(shared_database).cancel_execution(execution_id)

    async def test_what_is_not_committed_is_not_known(self):
        changes, learnt = Changes(0), []
        changes.later(lambda: learnt.append(1))
        assert learnt == []
        changes.committed()
        assert learnt == [1]


class TestChildren:
    async def test_of_a_run_that_ended_early_are_ended_before_the_engine_leaves(
        self, shared_database, new_id
    ):
        await submit(shared_database, outer, new_id)
        running = asyncio.create_task(work(shared_database, outer, new_id))
        await meeting.began["inside"].wait()
        await add_timer(shared_database, new_id, "deadline")
        assert await running == "failed"
        child = await execution_of(shared_database, f"{new_id}/within/0")
        assert child.status == "cancelled"
        assert await attempts_of(shared_database, child.id) == [("inside", 1, "cancelled")]

    async def _cancel_parent_only(self, database, execution_id):
        async with database.begin() as conn:
            assert await control.cancel(
                conn, Runs(), execution_id, reason="", actor="a test", now_us=database.now_us()
            )

    async def test_a_child_that_was_about_to_be_cancelled_is_resumed_with_its_parent(
        self, shared_database, new_id
    ):
        await submit(shared_database, outer, new_id)
        running = asyncio.create_task(work(shared_database, outer, new_id))
        await meeting.began["inside"].wait()
        running.cancel()
        await asyncio.wait([running])
        await self._cancel_parent_only(shared_database, new_id)
        await WorkflowManager(shared_database).resume_execution(new_id)
        meeting.may_end["inside"].set()
        assert await work(shared_database, outer, new_id) == "completed"
        assert (await execution_of(shared_database, new_id)).output == 6
        assert meeting.notes["inside"] == [1, 2]

    async def test_a_child_that_had_completed_is_not_run_again(self, shared_database, new_id):
        await submit(shared_database, outer, new_id)
        running = asyncio.create_task(work(shared_database, outer, new_id))
        await meeting.began["inside"].wait()
        running.cancel()
        await asyncio.wait([running])
        meeting.may_end["inside"].set()
        child_id = f"{new_id}/within/0"
        await self._cancel_parent_only(shared_database, new_id)
        async with shared_database.begin() as conn:  # the child is quicker
            of_child = tables.timers.c.execution_id == child_id
            await conn.execute(tables.timers.delete().where(of_child))
        assert await work(shared_database, inner, child_id) == ("completed")
        await WorkflowManager(shared_database).resume_execution(new_id)
        assert await work(shared_database, outer, new_id) == "completed"
        assert (await execution_of(shared_database, new_id)).output == 6
        assert meeting.notes["inside"] == [1, 2]


class TestBudgets:
    async def test_what_another_worker_has_claimed_meanwhile_comes_to_its_end(
        self, shared_database, new_id
    ):
        await submit(shared_database, spending, new_id)
        running = asyncio.create_task(
            work(shared_database, spending, new_id, max_concurrency=1, poll_interval_s=60)
        )
        await meeting.began["spend"].wait()
        other = Committer(shared_database, "another", lease_us=10**9, patience_s=1.0)
        async with shared_database.read() as conn:
            run = await queries.get_run(conn, new_id)
        other.scope = Scope([run.workflow_id], new_id)
        [lease] = (await other.claim(1)).claimed
        assert lease.step == "beside"
        meeting.may_end["spend"].set()

        async def has_spent():
            return (await attempts_of(shared_database, new_id))[0][-1] == "completed"

        await eventually(has_spent)
        assert (await execution_of(shared_database, new_id)).status == "running"
        outcome = Outcome(status=StepStatus.COMPLETED, result="7")
        written = await other.commit([Ending(lease, outcome)], room=5)
        assert written == Written([], {new_id}, None)
        running.cancel()
        await asyncio.wait([running])
        # Nothing was left to be stopped.
        assert (await execution_of(shared_database, new_id)).status == "completed"
        async with shared_database.read() as conn:
            [_, beside] = await queries.steps_of(conn, new_id)
        assert (beside.status, beside.result) == ("completed", 7)
        assert meeting.notes["beside"] == []


class TestLeases:
    async def test_its_own_steps_are_not_taken_over_when_it_is_late(self, shared_database, new_id):
        await submit(shared_database, single, new_id)
        running = asyncio.create_task(work(shared_database, single, new_id, lease_s=600))
        await meeting.began["only"].wait()
        await set_attempts(shared_database, new_id, expires_at_us=0)
        await asyncio.sleep(0.3)  # several looks
        meeting.may_end["only"].set()
        assert await running == "completed"
        assert await attempts_of(shared_database, new_id) == [("only", 1, "completed")]

    async def test_a_lease_that_was_renewed_meanwhile_is_not_taken_over(
        self, shared_database, new_id
    ):
        await submit(shared_database, single, new_id)
        running = asyncio.create_task(work(shared_database, single, new_id, lease_s=600))
        await meeting.began["only"].wait()
        await set_attempts(shared_database, new_id, expires_at_us=0)
        async with shared_database.read() as conn:
            lost = await leases.lost(conn, [], shared_database.now_us())
        assert [each.lease.execution_id for each in lost] == [new_id]
        later_us = shared_database.now_us() + 60_000_000
        await set_attempts(shared_database, new_id, expires_at_us=later_us)
        other = Committer(shared_database, "another", lease_us=10**9, patience_s=1.0)
        await other.take_over(lost, [], room=0)
        meeting.may_end["only"].set()
        assert await running == "completed"
        assert await attempts_of(shared_database, new_id) == [("only", 1, "completed")]

    async def test_where_nobody_could_write_leases_may_be_renewed_first(
        self, shared_url, shared_database, new_id
    ):
        await submit(shared_database, single, new_id)
        running = asyncio.create_task(work(shared_database, single, new_id, lease_s=600))
        await meeting.began["only"].wait()
        await set_attempts(shared_database, new_id, expires_at_us=0)
        async with shared_database.read() as conn:
            lost = await leases.lost(conn, [], shared_database.now_us())
        async with await Database.open(shared_url) as database:
            other = Committer(database, "another", lease_us=300_000, patience_s=1.0)
            async with shared_database.begin() as conn:
                await conn.execute(
                    update(tables.executions)
                    .where(tables.executions.c.id == new_id)
                    .values(stop=None)
                )
                taking = asyncio.create_task(other.take_over(lost, [], room=0))
                await asyncio.sleep(0.3)
            assert await taking == Written()
            meeting.may_end["only"].set()
            assert await running == "completed"

    async def test_what_nobody_renewed_is_taken_over(self, shared_database, new_id):
        await submit(shared_database, single, new_id)
        running = asyncio.create_task(work(shared_database, single, new_id, lease_s=600))
        await meeting.began["only"].wait()
        running.cancel()
        await asyncio.wait([running])
        await set_attempts(
            shared_database, new_id, status="running", expires_at_us=0, owner="another machine"
        )
        async with shared_database.begin() as conn:
            of_run = tables.step_journal.c.execution_id == new_id
            await conn.execute(
                update(tables.step_journal)
                .where(of_run)
                .values(status="running", attempts=1, uncounted=0)
            )
        meeting.may_end["only"].set()
        assert await work(shared_database, single, new_id) == "completed"
        assert await attempts_of(shared_database, new_id) == [
            ("only", 1, "lost"),
            ("only", 2, "completed"),
        ]
