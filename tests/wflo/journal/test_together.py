"""What one statement does on PostgreSQL, and what has to be several."""

from collections import Counter

import pytest
from engine_bench import RUN, Bench, ended, flow
from sqlalchemy import bindparam, event, insert, select, update

from wflo.db.tables import executions, outbox, step_attempts
from wflo.journal.outcome import LogLine
from wflo.journal.together import MOST_PARTS, write_together
from wflo.models import StatePatch, StepStatus, WorkflowStep

SET_STATUS = (
    update(executions)
    .where(executions.c.id == bindparam("b_id"), executions.c.status == bindparam("b_status"))
    .values(status=bindparam("status"))
)
END = (
    update(step_attempts)
    .where(step_attempts.c.token == bindparam("b_token"), step_attempts.c.status == "running")
    .values(status=bindparam("status"))
)


@pytest.fixture(params=["postgresql", "postgresql+asyncpg"])
def scheme(request):
    return request.param


@pytest.fixture
def bench(database):
    return Bench(database)


@pytest.fixture
def said(database):
    """How often each kind of statement was executed."""
    counted = Counter()

    def count(_conn, _cursor, statement, *_):
        counted[statement.split()[0]] += 1

    engine = database._writing.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    yield counted
    event.remove(engine, "before_cursor_execute", count)


def chain(*ids):
    before = [(), *((each,) for each in ids)]
    return flow(*map(lambda id_, needs: WorkflowStep(id=id_, depends_on=needs), ids, before))


def event_row(sequence):
    return {
        "execution_id": RUN,
        "sequence": sequence,
        "type": "noted",
        "step": None,
        "iteration": None,
        "payload": "{}",
        "created_at_us": 0,
    }


async def write(bench, *parts):
    async with bench.database.begin() as conn:
        return await write_together(conn, parts)


async def notes(bench):
    async with bench.database.read() as conn:
        rows = await conn.execute(select(outbox.c.sequence).where(outbox.c.type == "noted"))
        return sorted(rows.scalars())


async def test_a_step_and_the_next_one_are_a_single_statement(bench, said):
    worker = bench.worker()
    leases = await bench.start(worker, chain("one", "two"))
    said.clear()
    written = await worker.commit([ended(leases["one"])], 1)
    assert said == {"WITH": 1}
    assert [lease.step for lease in written.claimed] == ["two"]
    assert (await bench.step("one")).status is StepStatus.COMPLETED
    assert await bench.attempts() == [("one", "completed"), ("two", "running")]
    assert [each.sequence for each in await bench.events()] == [1, 2, 3]


async def test_lines_of_a_log_keep_their_order(bench, said):
    worker = bench.worker()
    leases = await bench.start(worker, chain("one", "two"))
    said.clear()
    lines = tuple(LogLine(0, "info", f"line {n}", {}) for n in range(5))
    await worker.commit([ended(leases["one"], logs=lines)], 1)
    assert said["WITH"] == 0
    said.clear()
    [two] = (await bench.lost("a"))[:1]
    await worker.commit([ended(two.lease, logs=lines[:1])], 1)
    assert said["WITH"] == 1


async def test_patches_of_the_state_share_it_as_long_as_they_are_few(bench, said):
    worker = bench.worker()
    leases = await bench.start(worker, flow("one", "two", "three"))
    for step, count, statements in (("one", 3, 1), ("two", MOST_PARTS, 0)):
        said.clear()
        patches = tuple(StatePatch(op="set", key=f"{step}{n}", value=n) for n in range(count))
        await worker.commit([ended(leases[step], patches=patches)], 0)
        assert said["WITH"] == statements
    state = await bench.state()
    assert state == {f"one{n}": n for n in range(3)} | {f"two{n}": n for n in range(MOST_PARTS)}


async def test_a_result_that_is_kept_apart_is_written_before(bench, said):
    worker = bench.worker()
    leases = await bench.start(worker, chain("one", "two"))
    said.clear()
    await worker.commit([ended(leases["one"], result='"' + "x" * 100_000 + '"')], 1)
    assert said["WITH"] == 0
    assert (await bench.step("one")).result == "x" * 100_000


async def test_steps_of_two_runs_are_written_apart(bench, said):
    worker = bench.worker()
    leases = await bench.start(worker, flow("one"))
    await bench.submit(flow("one"), run_id="other")
    [other] = (await worker.fire(await bench.due(), 1)).claimed
    said.clear()
    await worker.commit([ended(leases["one"]), ended(other)], 0)
    assert said["WITH"] == 0
    assert (await bench.run()).status == "completed"


async def test_nothing_is_done_unless_the_first_finds_its_row(bench):
    lease = (await bench.start(bench.worker(), flow("one")))["one"]
    first = (SET_STATUS, {"b_id": RUN, "b_status": "pending", "status": "failed"})
    others = [
        (END, {"b_token": lease.token, "status": "lost"}),
        (insert(outbox), event_row(100)),
    ]
    assert not await write(bench, first, *others)
    assert (await bench.run()).status == "running"
    assert await bench.attempts() == [("one", "running")]
    assert await notes(bench) == []


async def test_what_comes_after_an_update_is_not_done_if_that_finds_no_row(bench):
    lease = (await bench.start(bench.worker(), flow("one")))["one"]
    first = (SET_STATUS, {"b_id": RUN, "b_status": "running", "status": "running"})
    gone = (END, {"b_token": "gone", "status": "lost"})
    held = (END, {"b_token": lease.token, "status": "lost"})
    note = (insert(outbox), event_row(100))
    assert not await write(bench, first, gone, held, note)
    assert await bench.attempts() == [("one", "running")]
    assert await notes(bench) == []
    assert await write(bench, first, held, note)
    assert await bench.attempts() == [("one", "lost")]
    assert await notes(bench) == [100]
    assert not await write(bench, first, held)


async def test_inserts_into_one_table_do_not_mix_up_their_values(bench):
    await bench.start(bench.worker(), flow("one"))
    first = (SET_STATUS, {"b_id": RUN, "b_status": "running", "status": "waiting"})
    rows = [(insert(outbox), event_row(100 + n)) for n in range(MOST_PARTS - 1)]
    assert await write(bench, first, *rows)
    assert await notes(bench) == [100 + n for n in range(MOST_PARTS - 1)]
