import pytest
from engine_bench import RUN, Bench, ended, flow

from wflo.errors import ExecutionNotFound
from wflo.journal import timers
from wflo.journal.changes import Changes
from wflo.journal.proceed import add_timer
from wflo.journal.run import Runs
from wflo.models import ExecutionStatus, StepStatus, WorkflowStep


@pytest.fixture
def bench(database):
    return Bench(database)


async def add(bench, kind, step=None):
    """A timer that is due, and stands for nothing any more."""
    runs, changes = Runs(), Changes(bench.database.now_us())
    async with bench.database.begin() as conn:
        await runs.get(conn, [RUN], lock=True)
        iteration = None if step is None else 0
        add_timer(changes, runs.known(RUN), kind, changes.now_us, step, iteration)
        await changes.write(conn)


@pytest.mark.parametrize("kind", ["step", "child"])
async def test_one_that_nothing_waits_for_changes_nothing(bench, kind):
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one")))["one"]
    events = await bench.events()
    await add(bench, kind, "one")
    await worker.fire(await bench.due(), 0)
    assert await bench.due() == []
    assert await bench.events() == events
    await worker.commit([ended(lease)], 0)
    assert (await bench.run()).status is ExecutionStatus.COMPLETED


async def test_one_of_a_run_that_has_ended_changes_nothing(bench):
    worker = bench.worker()
    await bench.start(worker, flow("one"))
    await bench.manager.cancel_execution(RUN)
    await add(bench, "deadline")
    run = await bench.run()
    await worker.fire(await bench.due(), 0)
    assert await bench.due() == []
    assert await bench.run() == run


async def test_one_that_another_worker_was_quicker_with_happens_once(bench):
    await bench.submit(flow("one"))
    due = await bench.due()
    for worker in (bench.worker("quick"), bench.worker("slow")):
        await worker.fire(due, 1)
    assert [event.type for event in await bench.events()].count("execution.started") == 1


async def test_one_with_the_number_of_another_that_is_gone_is_not_taken_for_it(bench):
    await bench.submit(flow("one"))
    due = await bench.due()
    await bench.worker("quick").fire(due, 0)
    await bench.submit(flow("one"), run_id="run-2")  # SQLite gives its timer the number again
    await bench.worker("slow").fire(due, 0)
    assert [timer.execution_id for timer in await bench.due()] == ["run-2"]


async def test_the_next_is_that_of_a_run_or_of_any(bench):
    wait = WorkflowStep(id="wait", type="timer", config={"duration_s": 60})
    await bench.start(bench.worker(), flow(wait))
    now_us = bench.database.now_us()
    async with bench.database.read() as conn:
        due_us = await timers.next_due(conn, None, now_us)
        assert 59 < (due_us - now_us) / 1e6 <= 60
        assert await timers.next_due(conn, RUN, now_us) == due_us
        assert await timers.next_due(conn, "run-2", now_us) is None
        assert await timers.due(conn, "run-2", due_us) == []
        assert len(await timers.due(conn, RUN, due_us)) == 1


async def test_an_attempt_that_is_to_be_made_later_counts_as_one(bench):
    policy = {"max_attempts": 2, "initial_delay_s": 60, "jitter": 0}
    worker = bench.worker()
    lease = (await bench.start(worker, flow(WorkflowStep(id="one", retry_policy=policy))))["one"]
    now_us = bench.database.now_us()
    await worker.commit([ended(lease, StepStatus.FAILED)], 0)
    async with bench.database.read() as conn:
        due_us = await timers.next_due(conn, None, now_us)
        assert 60 <= (due_us - now_us) / 1e6 < 70
        assert await timers.next_due(conn, RUN, now_us) == due_us
        assert await timers.next_due(conn, "run-2", now_us) is None
        assert await timers.next_due(conn, None, due_us) is None


async def test_a_run_that_ends_leaves_none_behind(bench):
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one", timeout_seconds=60)))["one"]
    await worker.commit([ended(lease)], 0)
    async with bench.database.read() as conn:
        assert await timers.next_due(conn, None, 0) is None


async def test_there_is_no_status_of_a_run_that_is_not_there(database):
    async with database.read() as conn:
        with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
            await timers.status_of(conn, "nobody")
