"""Steps that write SQL themselves, and steps that cannot be run."""

import pytest
from engine_bench import RUN, Bench
from sqlalchemy import text

from wflo import Workflow
from wflo.errors import DatabaseUnavailable
from wflo.journal.outcomes import Ending
from wflo.models import StepStatus
from wflo.runtime.local.codes import Codes
from wflo.runtime.local.committer import Written
from wflo.runtime.local.steps import StepRunner
from wflo.runtime.local.transaction import StepTransaction

writing = Workflow("writing")


@writing.step()
async def write(ctx) -> str:
    ctx.log.info("writing")
    ctx.add_cost(micro_usd=1)
    async with ctx.tx() as connection:
        await connection.execute(text("INSERT INTO notes (note, page) VALUES ('here', 7)"))
    return "written"


@pytest.fixture
async def bench(database):
    bench = Bench(database)
    async with database.begin() as conn:
        await conn.execute(text("CREATE TABLE pages (page INTEGER PRIMARY KEY)"))
        await conn.execute(
            text(
                "CREATE TABLE notes (note TEXT, page INTEGER "
                "REFERENCES pages (page) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    return bench


async def runner(bench, worker):
    codes = Codes()
    async with bench.database.begin() as conn:
        await codes.add(conn, writing.code, bench.database.now_us())
    return StepRunner(bench.database, worker, codes)


async def add_page(bench):
    async with bench.database.begin() as conn:
        await conn.execute(text("INSERT INTO pages VALUES (7)"))


async def notes(bench):
    async with bench.database.read() as conn:
        return list((await conn.execute(text("SELECT note FROM notes"))).scalars())


async def test_what_it_wrote_is_committed_with_its_result(bench):
    await add_page(bench)
    worker = bench.worker()
    lease = (await bench.start(worker, writing.definition))["write"]
    written = await (await runner(bench, worker)).run(lease)
    assert isinstance(written, Written)
    assert written.finished == {RUN}
    assert await notes(bench) == ["here"]
    assert (await bench.run()).output == "written"


async def test_nothing_is_written_once_the_lease_is_lost(bench):
    await add_page(bench)
    worker = bench.worker()
    lease = (await bench.start(worker, writing.definition))["write"]
    await bench.manager.cancel_execution(RUN)
    assert await (await runner(bench, worker)).run(lease) is None
    assert await notes(bench) == []


async def test_what_cannot_be_committed_fails_the_step(bench):
    worker = bench.worker()  # there is no page 7, which is found out at the end
    lease = (await bench.start(worker, writing.definition))["write"]
    ending = await (await runner(bench, worker)).run(lease)
    assert isinstance(ending, Ending)
    assert ending.outcome.status is StepStatus.FAILED
    assert "foreign key constraint" in ending.outcome.failure.message.lower()
    assert [line.message for line in ending.outcome.logs] == ["writing"]
    assert [line.micro_usd for line in ending.outcome.costs] == [1]
    assert await notes(bench) == []
    await worker.commit([ending], 0)
    assert (await bench.run()).failure.step == "write"


async def away(_attempt):
    raise DatabaseUnavailable("away")


async def test_a_transaction_that_cannot_begin_is_lost(database):
    transaction = StepTransaction(database, away)
    assert not transaction.is_lost
    with pytest.raises(DatabaseUnavailable):
        async with transaction.open():
            pass
    assert transaction.is_lost


async def test_a_run_that_is_not_known_here_is_read(bench):
    await add_page(bench)
    lease = (await bench.start(bench.worker("other"), writing.definition))["write"]
    written = await (await runner(bench, bench.worker())).run(lease)
    assert written.finished == {RUN}


async def test_what_goes_wrong_in_the_engine_fails_the_step_and_is_logged(bench, caplog):
    worker = bench.worker()
    lease = (await bench.start(worker, writing.definition))["write"]
    ending = await (await runner(bench, worker)).run(lease._replace(step="unknown"))
    assert ending.outcome.failure.kind == "KeyError"
    [record] = caplog.records
    assert record.getMessage() == "a step could not be run, or not be committed"
    assert record.step == "unknown"
    assert record.execution_id == RUN
