import asyncio

import pytest
from engine_bench import RUN, Bench, ended, flow

from wflo.errors import DatabaseUnavailable, LeaseLost
from wflo.journal.run import Stale
from wflo.models import ExecutionStatus
from wflo.runtime.local.transaction import StepTransaction


@pytest.fixture
def bench(database):
    return Bench(database)


class Away:
    """A database that does not answer so many times."""

    def __init__(self, times):
        self.times = times
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        if self.asked <= self.times:
            raise DatabaseUnavailable("away")
        return "there"


@pytest.mark.parametrize("scheme", ["sqlite"])
class TestPersistence:
    async def test_it_is_tried_until_the_database_is_there(self, bench, caplog):
        worker = bench.worker(patience_s=30)
        await bench.start(worker, flow("one"))
        away = Away(2)
        assert await worker.persist(away) == "there"
        assert away.asked == 3
        assert worker.unsure
        assert worker.runs.known(RUN) is None
        assert [each.getMessage() for each in caplog.records] == [
            "a transaction is tried again: away"
        ]

    async def test_patience_ends(self, bench):
        away = Away(99)
        with pytest.raises(DatabaseUnavailable, match="away"):
            await bench.worker(patience_s=0.01).persist(away)
        assert away.asked == 2

    async def test_there_is_none_in_a_hurry(self, bench):
        worker, away = bench.worker(patience_s=30), Away(99)
        worker.in_a_hurry = True
        with pytest.raises(DatabaseUnavailable):
            await worker.persist(away)
        assert away.asked == 1

    async def test_who_always_comes_too_late_gives_up(self, bench):
        asked = []

        async def write(again):
            asked.append(again)
            raise Stale

        with pytest.raises(DatabaseUnavailable, match="other workers were quicker 20 times"):
            await bench.worker()._decide(write)
        assert asked == [False] + [True] * 19


async def once(attempt):
    return await attempt()


async def test_a_step_whose_lease_was_lost_commits_nothing(bench):
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one")))["one"]
    await bench.manager.cancel_execution(RUN)
    transaction = StepTransaction(bench.database, once)
    async with transaction.open() as conn:
        await conn.exec_driver_sql("CREATE TABLE mine (mark INTEGER)")
    with pytest.raises(LeaseLost, match="step 'one' is held by another worker"):
        await worker.commit_with(transaction, ended(lease))
    await transaction.rollback()
    async with bench.database.begin() as conn:
        await conn.exec_driver_sql("CREATE TABLE mine (mark INTEGER)")  # it is not there yet


async def test_many_workers_that_end_steps_of_one_run_at_once_all_do(bench):
    workers = [bench.worker(f"worker {n}") for n in range(5)]
    leases = await bench.start(workers[0], flow("one", "two", "three", "four", "five"))
    await asyncio.gather(
        *(
            worker.commit([ended(lease)], 0)
            for worker, lease in zip(workers, leases.values(), strict=True)
        )
    )
    run = await bench.run()
    assert run.status is ExecutionStatus.COMPLETED
    assert len(run.output) == 5
    sequences = [event.sequence for event in await bench.events()]
    assert sequences == list(range(1, len(sequences) + 1))
