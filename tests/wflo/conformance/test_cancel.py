import asyncio
import os
from contextlib import suppress

import pytest
from conformance_engine import new_id
from flows import control

from wflo.errors import ExecutionNotFound
from wflo.models import ExecutionStatus, StepStatus
from wflo.models.record import AttemptStatus

CANCELLED, COMPLETED = ExecutionStatus.CANCELLED, ExecutionStatus.COMPLETED


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - threads and processes set no event of this loop
            await asyncio.sleep(0.005)


async def test_a_run_that_has_not_begun_is_cancelled_at_once(engine, stage):
    run_id = new_id()
    await engine.submit(control.paused, run_id=run_id)
    assert (await engine.cancel(run_id)).status is CANCELLED
    ended = await engine.work(control.paused, run_id)
    assert ended.status is CANCELLED
    assert ended.steps == []
    assert stage.calls["before"] == 0


async def test_steps_that_run_are_stopped(engine, stage):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    cancelled = await engine.cancel(run_id)
    assert cancelled.status is CANCELLED
    assert cancelled.error == "it was cancelled"
    await stage.arrived("stopped")
    ended = await engine.wait(run_id)
    assert ended.statuses == {"before": StepStatus.COMPLETED, "pausing": StepStatus.CANCELLED}
    assert ended.results == {"before": 1}


async def test_what_a_stopped_step_returns_does_not_count(engine, stage):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    await engine.cancel(run_id)
    stage.open("pausing")
    ended = await engine.wait(run_id)
    assert "pausing" not in ended.results
    assert stage.calls["after"] == 0
    attempts = await engine.attempts(run_id)
    assert [each.status for each in attempts] == [AttemptStatus.COMPLETED, AttemptStatus.CANCELLED]


async def test_a_thread_sees_that_its_run_was_cancelled(engine, stage):
    run_id = await engine.start(control.threaded)
    await until(lambda: stage.given["thread"])
    await engine.cancel(run_id)
    await until(lambda: stage.given["thread"] == ["started", "stopped"])
    assert (await engine.wait(run_id)).status is CANCELLED


async def test_a_process_is_killed(engine, tmp_path):
    run_id = await engine.start(control.isolated, folder=str(tmp_path))
    file = tmp_path / "pid"
    await until(lambda: file.exists() and file.read_text().endswith("\n"))
    await engine.cancel(run_id)
    assert (await engine.wait(run_id)).status is CANCELLED
    await until(lambda: not is_there(int(file.read_text())))


def is_there(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_a_run_that_waits_is_cancelled(engine):
    run_id = await engine.start(control.waiting)
    await engine.wait(run_id, ExecutionStatus.WAITING)
    await engine.cancel(run_id)
    ended = await engine.wait(run_id)
    assert ended.status is CANCELLED
    assert ended.statuses == {"for_days": StepStatus.CANCELLED}


async def test_a_run_that_has_ended_stays_as_it_is(engine):
    ended = await engine.run(control.quick)
    after = await engine.cancel(ended.execution.id)
    assert after == ended.execution
    assert after.status is COMPLETED


async def test_twice_is_once(engine):
    run_id = await engine.start(control.waiting)
    await engine.wait(run_id, ExecutionStatus.WAITING)
    first, second = await asyncio.gather(engine.cancel(run_id), engine.cancel(run_id))
    assert first.ended_at == second.ended_at
    events = [event.type for event in await engine.history(run_id)]
    assert events.count("execution.cancelled") == 1


async def test_there_must_be_such_a_run(engine):
    with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
        await engine.cancel("nobody")


@pytest.mark.parametrize("yields", [0, 1, 5, 20, 50])
async def test_while_it_completes_it_is_cancelled_or_completed_and_nothing_between(
    engine, stage, yields
):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    stage.open("pausing")
    for _ in range(yields):
        await asyncio.sleep(0)
    await engine.cancel(run_id)
    ended = await engine.wait(run_id)
    done = ended.status is COMPLETED
    assert done or ended.status is CANCELLED
    assert ended.output == (3 if done else None)
    for step in ended.steps:
        assert step.status is StepStatus.COMPLETED or (
            not done and step.status is StepStatus.CANCELLED
        )
    events = await engine.history(run_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events if event.type.startswith("execution.")] == [
        "execution.created",
        "execution.started",
        f"execution.{ended.status}",
    ]
