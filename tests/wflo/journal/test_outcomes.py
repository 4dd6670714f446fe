"""Attempts whose workers were lost, or had to stop; attempts that somebody else has ended."""

import pytest
from engine_bench import RUN, Bench, ended, flow

from wflo.journal import outcomes
from wflo.journal.run import Runs
from wflo.models import RetryPolicy, StepStatus, WorkflowStep

FRAGILE = WorkflowStep(id="one", retry_policy=RetryPolicy(max_worker_losses=1))


@pytest.fixture
def bench(database):
    return Bench(database)


async def test_a_step_whose_worker_was_lost_is_ready_again(bench):
    lease = (await bench.start(bench.worker("dead"), flow("one")))["one"]
    heir = bench.worker("heir")
    written = await heir.take_over(await bench.lost("dead"), ["dead"], 0)
    assert written.claimed == []
    assert (await bench.step()).status is StepStatus.READY
    assert (await bench.events())[-1].payload == {
        "attempt": 1,
        "reason": "worker dead was lost",
    }
    [again] = (await heir.claim(1)).claimed
    assert (again.attempt, again.losses, again.uncounted) == (2, 1, 1)
    assert again.token != lease.token
    assert await bench.attempts() == [("one", "lost"), ("one", "running")]


async def test_a_step_that_costs_too_many_workers_fails(bench):
    await bench.start(bench.worker("first"), flow(FRAGILE))
    second = bench.worker("second")
    await second.take_over(await bench.lost("first"), ["first"], 0)
    await second.claim(1)
    third = bench.worker("third")
    written = await third.take_over(await bench.lost("second"), ["second"], 1)
    assert written.finished == {RUN}
    failure = (await bench.run()).failure
    assert failure.kind == "WorkerLost"
    assert failure.message.startswith("worker lost 2 times: ")
    assert failure.message.endswith("the last time: worker second was lost")


async def test_losses_are_no_attempts_of_the_policy(bench):
    policy = RetryPolicy(max_attempts=2, initial_delay_s=0)
    await bench.start(bench.worker("dead"), flow(WorkflowStep(id="one", retry_policy=policy)))
    heir = bench.worker("heir")
    await heir.take_over(await bench.lost("dead"), ["dead"], 0)
    for status in (StepStatus.READY, StepStatus.FAILED):
        [lease] = (await heir.claim(1)).claimed
        await heir.commit([ended(lease, StepStatus.FAILED)], 0)
        assert (await bench.step()).status is status
    assert (await bench.step()).attempts == 3


async def test_a_step_that_was_given_back_is_ready_again_and_lost_nothing(bench):
    stopping = bench.worker("stopping")
    lease = (await bench.start(stopping, flow("one")))["one"]
    await stopping.give_back([lease])
    assert (await bench.step()).status is StepStatus.READY
    assert (await bench.events())[-1].type == "step.released"
    [again] = (await bench.worker("next").claim(1)).claimed
    assert (again.attempt, again.losses, again.uncounted) == (2, 0, 1)
    assert await bench.attempts() == [("one", "released"), ("one", "running")]


async def test_what_is_no_longer_held_cannot_be_given_back(bench):
    stopping = bench.worker("stopping")
    lease = (await bench.start(stopping, flow("one")))["one"]
    await bench.manager.cancel_execution(RUN)
    events = await bench.events()
    await stopping.give_back([lease])
    assert await bench.events() == events


async def test_an_attempt_that_lost_its_transaction_is_made_again(bench):
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one")))["one"]
    await worker.commit([ended(lease, StepStatus.READY)], 1)
    [again] = (await worker.claim(1)).claimed
    assert (again.attempt, again.losses) == (2, 1)
    assert (await bench.events())[-1].payload == {"attempt": 1, "reason": "bad"}


async def test_an_end_that_comes_too_late_is_refused(bench):
    zombie = bench.worker("zombie")
    lease = (await bench.start(zombie, flow("one")))["one"]
    heir = bench.worker("heir")
    await heir.take_over(await bench.lost("zombie"), ["zombie"], 0)
    await zombie.commit([ended(lease, result='"of the dead"')], 1)
    assert (await bench.step()).status is StepStatus.READY
    [again] = (await heir.claim(1)).claimed
    await heir.commit([ended(again, result='"of the living"')], 1)
    assert (await bench.run()).output == "of the living"


async def test_ends_that_come_in_time_are_kept_beside_one_that_does_not(bench):
    worker = bench.worker("slow")
    leases = await bench.start(worker, flow("one", "two", "three"))
    taken = [each for each in await bench.lost("slow") if each.lease.step == "two"]
    await bench.worker("heir").take_over(taken, ["slow"], 0)
    await worker.commit([ended(lease) for lease in leases.values()], 0)
    assert (await bench.step("one")).status is StepStatus.COMPLETED
    assert (await bench.step("two")).status is StepStatus.READY
    assert (await bench.step("three")).status is StepStatus.COMPLETED


async def test_nothing_is_asked_before_something_was_stale(bench):
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one")))["one"]
    await bench.manager.cancel_execution(RUN)
    async with bench.database.begin() as conn:
        for again, gone in ((False, set()), (True, {lease.token})):
            runs, refused = await outcomes.look_up(conn, Runs(), [ended(lease)], again=again)
            assert list(runs) == [RUN]
            assert refused == gone
