"""What is written is written once and whole: by the engine, by steps, by many, to sinks."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from crash_flow import crashing
from crash_traces import VALUES, bookings
from crashing import eventually
from engine_flows import (
    crowd,
    meeting,
    pair,
    single,
    writing,
)
from engine_runs import (
    add_timer,
    attempts_of,
    engine_on,
    execution_of,
    has_ended,
    submit,
    work,
)
from sqlalchemy import func, select, text

from wflo.config.settings import EngineSettings, Settings
from wflo.db import tables
from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable, ExecutionFailed
from wflo.journal import leases
from wflo.runtime.local.committer import Committer
from wflo.runtime.local.embedded import run_workflow
from wflo.runtime.local.engine import LocalEngine
from wflo.runtime.local.transaction import StepTransaction


@pytest.fixture(autouse=True)
def _meeting():
    meeting.clear()


class Answering:
    """A database that loses the answer to the n-th COMMIT: what was written is there."""

    def __init__(self, database, nth):
        self._database = database
        self.left = nth

    def __getattr__(self, name):
        return getattr(self._database, name)

    @asynccontextmanager
    async def begin(self, *, offload=False):
        async with self._database.begin(offload=offload) as conn:
            yield conn
        self.left -= 1
        if self.left == 0:
            raise DatabaseUnavailable("the answer was lost")


class TestLostAnswers:
    @pytest.mark.parametrize("nth", range(1, 16))
    async def test_whichever_answer_is_lost_the_run_is_whole(self, nth, shared_database, new_id):
        database = Answering(shared_database, nth)
        settings = EngineSettings(poll_interval_s=0.05, lease_s=600, max_concurrency=3)
        engine = LocalEngine(database, [crashing.code], settings)
        values = crashing.check_input(VALUES)
        await engine.submit(crashing.code, values, execution_id=new_id)
        async with asyncio.timeout(60):
            assert await engine.run_until(new_id) == "completed"
        assert database.left <= 0
        assert (await execution_of(shared_database, new_id)).output["finish"] == 29
        async with shared_database.read() as conn:
            of_run = tables.outbox.c.execution_id == new_id
            query = select(tables.outbox.c.sequence).where(of_run)
            sequences = sorted((await conn.execute(query)).scalars())
            assert sequences == list(range(1, len(sequences) + 1))
            keys = bookings.c.idempotency_key.startswith(f"{new_id}/")
            booked = select(func.count()).select_from(bookings).where(keys)
            assert (await conn.execute(booked)).scalar_one() == 2


class TestTransactionsOfSteps:
    async def test_one_that_could_not_be_begun_is_lost(self, shared_database):
        async def persist(_begin):
            raise DatabaseUnavailable("away")

        transaction = StepTransaction(shared_database, persist)
        assert not transaction.is_lost
        with pytest.raises(DatabaseUnavailable):
            async with transaction.open():
                pass
        assert transaction.is_lost
        await transaction.rollback()

    @pytest.mark.parametrize("scheme", ["postgresql"])
    async def test_one_that_the_database_has_given_up_is_made_again(self, shared_database, new_id):
        async def end(connection):
            if not meeting.notes["ended"]:
                meeting.notes["ended"].append(True)
                await end_connection(shared_database, connection)

        meeting.notes["in transaction"] = [end]
        await submit(shared_database, writing, new_id)
        assert await work(shared_database, writing, new_id) == "completed"
        assert await attempts_of(shared_database, new_id) == [
            ("write", 1, "lost"),
            ("write", 2, "completed"),
        ]
        assert (await execution_of(shared_database, new_id)).cost.micro_usd == 2

    @pytest.mark.parametrize("scheme", ["postgresql"])
    async def test_one_that_is_given_up_again_and_again_fails_the_step(
        self, shared_database, new_id
    ):
        async def end(connection):
            await end_connection(shared_database, connection)

        meeting.notes["in transaction"] = [end]
        await submit(shared_database, writing, new_id)
        assert await work(shared_database, writing, new_id) == "failed"
        execution = await execution_of(shared_database, new_id)
        assert execution.failure.kind == "WorkerLost"
        assert "worker lost 4 times" in execution.failure.message
        assert execution.cost.micro_usd == 4

    @pytest.mark.parametrize(("items", "takes_s"), [(40, 0.02), (4, 1.0)])
    async def test_more_of_them_than_connections_do_not_stop_the_heart(
        self, items, takes_s, shared_url, new_id
    ):
        async with await Database.open(shared_url, pool_size=4, wait_s=5.0) as database:
            await submit(database, crowd, new_id, items=list(range(items)), takes_s=takes_s)
            assert await work(database, crowd, new_id, lease_s=0.6) == "completed"
            statuses = [each[-1] for each in await attempts_of(database, new_id)]
            assert statuses == ["completed"] * items

    @pytest.mark.parametrize("scheme", ["postgresql"])
    async def test_what_a_step_wrote_that_is_held_by_another_is_undone(
        self, shared_database, new_id
    ):
        async def lose(_connection):
            meeting.notes["in transaction"].clear()
            async with shared_database.read() as conn:
                lost = await leases.lost(conn, [], 2**62)
            other = Committer(shared_database, "another", lease_us=10**9, patience_s=1.0)
            ours = [each for each in lost if each.lease.execution_id == new_id]
            await other.take_over(ours, [ours[0].owner], room=0)

        meeting.notes["in transaction"] = [lose]
        await submit(shared_database, writing, new_id)
        assert await work(shared_database, writing, new_id) == "completed"
        assert await attempts_of(shared_database, new_id) == [
            ("write", 1, "lost"),
            ("write", 2, "completed"),
        ]
        async with shared_database.read() as conn:
            keys = bookings.c.idempotency_key == f"{new_id}/write/0"
            amounts = await conn.execute(select(bookings.c.amount).where(keys))
            assert list(amounts.scalars()) == [2]


async def end_connection(database, connection):
    pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with database.begin() as conn:
        await conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


class TestManyWorkers:
    @pytest.mark.parametrize("scheme", ["postgresql"])
    async def test_they_never_wait_in_a_circle(self, shared_url, shared_database, new_id):
        async def deadlocks():
            query = text("SELECT deadlocks FROM pg_stat_database WHERE datname=current_database()")
            async with shared_database.begin() as conn:
                await conn.execute(text("SELECT pg_stat_force_next_flush()"))
            async with shared_database.begin() as conn:
                return (await conn.execute(query)).scalar_one()

        before = await deadlocks()
        ids = [f"{new_id}-{n}" for n in range(6)]
        for execution_id in ids:
            values = crashing.check_input(VALUES)
            await engine_on(shared_database, crashing).submit(
                crashing.code, values, execution_id=execution_id
            )
        stop = asyncio.Event()

        async def serve():
            async with await Database.open(shared_url) as database:
                engine = engine_on(
                    database, crashing, max_concurrency=5, lease_s=10.0, poll_interval_s=0.02
                )
                await engine.serve(stop)

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(serve())
            for execution_id in ids:
                await eventually(lambda: has_ended(shared_database, execution_id))  # noqa: B023
            stop.set()
        for execution_id in ids:
            assert (await execution_of(shared_database, execution_id)).status == "completed"
        assert await deadlocks() == before


class TestEvents:
    async def test_a_sink_that_takes_nothing_does_not_harm_the_run(self, database_url, database):
        meeting.may_end["left"].set()
        settings = Settings(database={"url": database_url}, events={"file": "/dev/full"})
        ended = await run_workflow(pair.code, {}, execution_id="run", settings=settings)
        assert ended.execution.status == "completed"
        async with database.read() as conn:
            rows = (await conn.execute(select(tables.deliveries))).all()
        assert [row.failures > 0 for row in rows] == [True]

    async def test_those_of_a_run_that_failed_are_delivered_too(
        self, shared_url, shared_database, new_id, tmp_path
    ):
        path = tmp_path / "events.jsonl"
        settings = Settings(database={"url": shared_url}, events={"file": str(path)})
        execute = run_workflow(single.code, {}, execution_id=new_id, settings=settings)
        running = asyncio.create_task(execute)
        await meeting.began["only"].wait()
        await add_timer(shared_database, new_id, "deadline")
        with pytest.raises(ExecutionFailed, match="it took longer than 600 s"):
            await running
        lines = [line for line in path.read_text().splitlines() if f'"{new_id}"' in line]
        assert "execution.failed" in lines[-1]
