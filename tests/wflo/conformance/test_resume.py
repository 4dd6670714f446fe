import asyncio

import pytest
from conformance_engine import new_id
from flows import control

from wflo.errors import ExecutionNotFound
from wflo.models import ExecutionStatus, StepStatus

COMPLETED, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


async def test_after_a_failure_what_completed_is_not_run_again(engine, stage):
    stage.given["works_from"].append(3)
    run_id = await engine.start(control.flaky)
    assert (await engine.wait(run_id)).status is FAILED
    await engine.resume(run_id)
    ended = await engine.work(control.flaky, run_id)
    assert ended.status is COMPLETED
    assert stage.calls["costly"] == 1
    assert ended.output == "COSTLY AT ATTEMPT 3"
    assert ended.step("costly").attempts == 1


async def test_there_are_as_many_attempts_as_before(engine, stage):
    stage.given["works_from"].append(5)  # two attempts each time
    run_id = await engine.start(control.flaky)
    for tried in (2, 4):
        assert (await engine.wait(run_id)).status is FAILED
        assert stage.calls["breaks"] == tried
        await engine.resume(run_id)
        await engine.work(control.flaky, run_id)
    assert (await engine.execution(run_id)).status is COMPLETED
    assert [each.attempt for each in await engine.attempts(run_id) if each.step == "breaks"] == [
        1,
        2,
        3,
        4,
        5,
    ]


async def test_nothing_of_the_failure_is_left(engine, stage):
    stage.given["works_from"].append(3)
    run_id = await engine.start(control.flaky)
    await engine.wait(run_id)
    resumed = await engine.resume(run_id)
    assert resumed.status is ExecutionStatus.RUNNING
    assert (resumed.failure, resumed.error, resumed.ended_at) == (None, None, None)
    ended = await engine.work(control.flaky, run_id)
    assert ended.execution.error is None
    assert ended.step("breaks").failure is None
    assert await engine.state(run_id) == {"costly": True}


async def test_only_the_items_that_failed_are_run_again(engine, stage):
    stage.given["broken"] = ["b"]
    run_id = await engine.start(control.flaky_map, items=["a", "b", "c"])
    assert (await engine.wait(run_id)).status is FAILED
    stage.given["broken"] = []
    await engine.resume(run_id)
    ended = await engine.work(control.flaky_map, run_id)
    assert ended.output == "abc"
    assert stage.calls == {"a": 1, "b": 2, "c": 1}


async def test_after_a_cancellation_it_goes_on(engine, stage):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    await engine.cancel(run_id)
    await engine.wait(run_id)
    stage.open("pausing")
    await engine.resume(run_id)
    ended = await engine.work(control.paused, run_id)
    assert ended.output == 3
    assert stage.calls == {"before": 1, "pausing": 2, "after": 1}


async def test_a_run_that_was_cancelled_before_it_began_begins(engine, stage):
    run_id = new_id()
    stage.open("pausing")
    await engine.submit(control.paused, run_id=run_id)
    await engine.cancel(run_id)
    await engine.resume(run_id)
    ended = await engine.work(control.paused, run_id)
    assert ended.output == 3
    assert ended.execution.started_at is not None


async def test_a_timer_begins_anew(engine):
    run_id = await engine.start(control.waiting)
    await engine.wait(run_id, ExecutionStatus.WAITING)
    await engine.cancel(run_id)
    await engine.wait(run_id)
    resumed = await engine.resume(run_id)
    assert resumed.status is ExecutionStatus.WAITING
    [step] = await engine.steps(run_id)
    assert step.status is StepStatus.WAITING


async def test_a_run_has_its_whole_time_again(engine, stage):
    ended = await engine.run(control.limited)
    assert ended.execution.error == "it took longer than 1 s"
    await engine.resume(ended.execution.id)
    ended = await engine.work(control.limited, ended.execution.id)
    assert ended.output == "in time"


async def test_a_run_that_completed_stays_as_it_is(engine):
    ended = await engine.run(control.quick)
    assert await engine.resume(ended.execution.id) == ended.execution


async def test_a_run_that_is_under_way_stays_as_it_is(engine, stage):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    events = await engine.history(run_id)
    assert (await engine.resume(run_id)).status is ExecutionStatus.RUNNING
    assert await engine.history(run_id) == events
    stage.open("pausing")
    assert (await engine.wait(run_id)).output == 3


async def test_two_at_once_are_one(engine, stage):
    stage.given["works_from"].append(3)
    run_id = await engine.start(control.flaky)
    await engine.wait(run_id)
    await asyncio.gather(engine.resume(run_id), engine.resume(run_id))
    ended = await engine.work(control.flaky, run_id)
    assert ended.status is COMPLETED
    events = [event.type for event in await engine.history(run_id)]
    assert events.count("execution.resumed") == 1


async def test_there_must_be_such_a_run(engine):
    with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
        await engine.resume("nobody")
