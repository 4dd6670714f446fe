import asyncio

from conformance_engine import new_id
from flows import timers

from wflo.models import ExecutionStatus, StepStatus


async def test_a_timer_waits(engine):
    ended = await engine.run(timers.one_wait)
    assert ended.output == ["before", None]
    before, after = ended.step("before"), ended.step("after")
    assert 0.1 <= (after.started_at - before.ended_at).total_seconds() < 5


async def test_a_timer_takes_no_attempt(engine):
    ended = await engine.run(timers.one_wait)
    assert ended.step("wait").attempts == 0
    assert {each.step for each in await engine.attempts(ended.execution.id)} == {"before", "after"}


async def test_timers_hold_no_worker(engine):
    run_id = new_id()
    async with engine.workers(timers.many_waits, max_concurrency=1):
        await engine.submit(timers.many_waits, run_id=run_id)
        ended = await engine.wait(run_id)
    ends = [ended.step(f"wait_{n}").ended_at for n in range(5)]
    assert (max(ends) - min(ends)).total_seconds() < 0.3  # one after the other they would take 1.5
    assert ended.step("meanwhile").ended_at < min(ends)


async def test_a_run_whose_timers_are_all_that_is_left_is_waiting(engine):
    run_id = await engine.start(timers.long_wait)
    waiting = await engine.wait(run_id, ExecutionStatus.WAITING)
    assert waiting.statuses == {"first": StepStatus.COMPLETED, "for_days": StepStatus.WAITING}
    assert waiting.execution.ended_at is None


async def test_timers_run_while_no_worker_does(engine):
    run_id = new_id()
    async with engine.workers(timers.one_wait):
        await engine.submit(timers.one_wait, run_id=run_id)
        await engine.wait(run_id, ExecutionStatus.WAITING)
    await asyncio.sleep(0.1)  # the time of the timer
    ended = await engine.work(timers.one_wait, run_id)
    assert ended.status is ExecutionStatus.COMPLETED
    wait, before = ended.step("wait"), ended.step("before")
    assert (wait.ended_at - before.ended_at).total_seconds() >= 0.1


async def test_a_timer_may_take_no_time(engine):
    assert (await engine.run(timers.no_wait)).status is ExecutionStatus.COMPLETED
