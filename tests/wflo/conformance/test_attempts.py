import pytest
from flows import attempts

from wflo.models import ExecutionStatus, StepStatus
from wflo.models.record import AttemptStatus


async def retries(engine, ended):
    events = await engine.history(ended.execution.id)
    return [event.payload for event in events if event.type == "step.retrying"]


async def test_a_failed_attempt_is_repeated(engine):
    ended = await engine.run(attempts.flaky, failures=2)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.results == {"try_it": "attempt 3", "then": "then"}
    assert ended.step("try_it").attempts == 3
    assert ended.step("try_it").failure is None


async def test_after_the_last_attempt_the_step_has_failed(engine):
    ended = await engine.run(attempts.flaky, failures=99)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.step("try_it").attempts == 3
    assert ended.execution.failure.attempt == 3
    assert ended.execution.failure.message == "attempt 3"
    assert ended.statuses["then"] is StepStatus.BLOCKED


async def test_delays_grow_and_are_recorded(engine):
    found = await retries(engine, await engine.run(attempts.flaky, failures=2))
    assert [(retry["attempt"], retry["delay_s"]) for retry in found] == [(1, 0.01), (2, 0.02)]
    assert [retry["message"] for retry in found] == ["attempt 1", "attempt 2"]
    assert found[0]["kind"] == "flows.attempts.Refused"


async def test_attempts_wait_for_their_delays(engine):
    ended = await engine.run(attempts.flaky, failures=2)
    first, second, third = [
        each for each in await engine.attempts(ended.execution.id) if each.step == "try_it"
    ]
    assert (second.started_at - first.ended_at).total_seconds() >= 0.01
    assert (third.started_at - second.ended_at).total_seconds() >= 0.02
    assert [each.status for each in (first, second, third)] == [
        AttemptStatus.FAILED,
        AttemptStatus.FAILED,
        AttemptStatus.COMPLETED,
    ]
    assert first.error == "attempt 1"


async def test_an_error_is_repeated_by_the_name_of_its_base(engine):
    ended = await engine.run(attempts.choosy, kind="derived")
    assert ended.output == 2


async def test_an_error_that_is_not_named_is_not_repeated(engine):
    ended = await engine.run(attempts.choosy, kind="other")
    assert ended.status is ExecutionStatus.FAILED
    assert ended.step("raises").attempts == 1
    assert await retries(engine, ended) == []


async def test_a_step_without_a_policy_has_that_of_the_workflow(engine):
    ended = await engine.run(attempts.inherited)
    assert ended.step("as_the_workflow_says").attempts == 2
    assert ended.step("never").attempts == 1


@pytest.mark.parametrize("step", ["on_the_loop", "in_a_thread", "in_a_process"])
async def test_an_attempt_has_its_time(engine, stage, step):
    ended = await engine.run(attempts.slow)
    failure = ended.step(step).failure
    assert failure.kind == "wflo.errors.StepTimeout"
    assert failure.message == f"step {step!r} took longer than 0.05 s"
    assert "TimeoutError" in failure.kinds


async def test_what_took_too_long_is_repeated(engine):
    ended = await engine.run(attempts.second_chance)
    assert ended.output == 2


async def test_a_run_has_its_time(engine, stage):
    ended = await engine.run(attempts.limited)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.error == "it took longer than 0.5 s"
    assert ended.execution.failure is None
    assert ended.results == {"done_in_time": 1}
    assert ended.statuses["hangs"] is StepStatus.CANCELLED
    await stage.arrived("stopped")


async def test_a_run_in_time_is_not_disturbed(engine):
    ended = await engine.run(attempts.unlimited)
    assert ended.status is ExecutionStatus.COMPLETED
