from flows import loops

from wflo.models import ExecutionStatus, StepStatus


async def test_a_loop_goes_on_until_it_is_done(engine, stage):
    ended = await engine.run(loops.counting)
    assert ended.results == {"count": 5, "after": "counted to 5"}
    assert stage.calls["count"] == 5
    assert [each.result for each in ended.iterations("count")] == [1, 2, 3, 4, 5]


async def test_each_iteration_gets_what_the_one_before_returned(engine, stage):
    await engine.run(loops.counting)
    assert stage.given["previous"] == [None, 1, 2, 3, 4]


async def test_a_loop_that_is_done_at_once_runs_once(engine, stage):
    await engine.run(loops.counting, start=4)
    assert stage.calls["count"] == 1


async def test_a_loop_that_is_not_done_fails_after_its_last_iteration(engine, stage):
    ended = await engine.run(loops.counting, start=100)
    assert ended.status is ExecutionStatus.FAILED
    assert stage.calls["count"] == 10
    assert ended.execution.failure.kind == "wflo.errors.LoopBoundReached"
    assert ended.execution.failure.message == "step 'count' was not done after 10 iterations"
    assert ended.execution.failure.iteration == 9
    assert ended.statuses["after"] is StepStatus.BLOCKED


async def test_what_goes_from_one_iteration_to_the_next_may_be_big(engine):
    ended = await engine.run(loops.growing)
    assert len(ended.output) == 80_000
    assert len(ended.iterations("grow")) == 3


async def test_a_loop_goes_on_where_it_failed(engine, stage):
    ended = await engine.run(loops.stumbling)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.failure.iteration == 3
    stage.given["mended"].append(True)
    await engine.resume(ended.execution.id)
    ended = await engine.work(loops.stumbling, ended.execution.id)
    assert ended.output == 5
    assert stage.calls == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}


async def test_until_returns_a_bool(engine):
    ended = await engine.run(loops.confused)
    assert ended.status is ExecutionStatus.FAILED
    assert "until of step 'once' must return a bool, not None" in ended.execution.failure.message
