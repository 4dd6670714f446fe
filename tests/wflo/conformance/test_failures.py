from flows import failures

from wflo.models import ExecutionStatus, StepStatus

BLOCKED, COMPLETED, FAILED = StepStatus.BLOCKED, StepStatus.COMPLETED, StepStatus.FAILED


async def test_a_failure_blocks_what_depends_on_it_and_nothing_else(engine, stage):
    stage.open("beside")
    ended = await engine.run(failures.blocking)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.statuses == {
        "fails": FAILED,
        "directly": BLOCKED,
        "indirectly": BLOCKED,
        "mapped": BLOCKED,
        "waits": BLOCKED,
        "beside": COMPLETED,
        "after_beside": COMPLETED,
    }
    assert stage.calls["blocked"] == 0


async def test_the_run_goes_on_until_the_rest_has_ended(engine, stage):
    run_id = await engine.start(failures.blocking)
    await stage.arrived("beside")
    await engine.until_step(run_id, "indirectly", BLOCKED)
    assert (await engine.execution(run_id)).status is ExecutionStatus.RUNNING
    stage.open("beside")
    ended = await engine.wait(run_id)
    assert ended.results == {"beside": "beside", "after_beside": "after beside"}


async def test_the_failure_is_kept_as_text(engine, stage):
    stage.open("beside")
    ended = await engine.run(failures.blocking)
    failure = ended.execution.failure
    assert ended.execution.error == "step 'fails' failed"
    assert ended.step("fails").failure == failure
    assert (failure.step, failure.iteration, failure.attempt) == ("fails", 0, 1)
    assert failure.kind == "flows.failures.Broken"
    assert failure.kinds == ("flows.failures.Broken", "RuntimeError", "Exception")
    assert failure.message == "it is broken"


async def test_the_traceback_is_the_users_with_its_cause(engine, stage):
    stage.open("beside")
    traceback = (await engine.run(failures.blocking)).execution.failure.traceback
    assert traceback.startswith("Traceback (most recent call last):")
    assert 'raise KeyError("the cause")' in traceback
    assert 'raise Broken("it is broken") from error' in traceback
    assert "wflo/runtime" not in traceback
    assert "asyncio" not in traceback


async def test_a_failed_run_has_no_output(engine, stage):
    stage.open("beside")
    assert (await engine.run(failures.blocking)).output is None


async def test_the_failure_of_a_run_is_the_first_in_the_order_of_its_steps(engine, stage):
    ended = await engine.run(failures.several)
    assert ended.execution.failure.step == "second_to_fail"
    assert ended.execution.error == "step 'second_to_fail' failed"


async def test_odd_messages_are_kept_as_far_as_they_can_be(engine):
    ended = await engine.run(failures.unprintable)
    assert ended.step("mute").failure.message == "<its message cannot be shown: ValueError>"
    assert ended.step("odd").failure.message == "nul \\x00 and half \\udc80"
    assert len(ended.step("long").failure.message) < 20_000
