from conformance_engine import new_id
from flows import children

from wflo.models import ExecutionStatus, StepStatus

COMPLETED, FAILED, CANCELLED = (
    ExecutionStatus.COMPLETED,
    ExecutionStatus.FAILED,
    ExecutionStatus.CANCELLED,
)


async def test_a_workflow_is_a_step_of_another(engine):
    ended = await engine.run(children.parent)
    assert ended.results == {"count": 21, "doubled": 42, "told": "it is 42"}


async def test_its_run_is_one_of_its_own(engine):
    ended = await engine.run(children.parent)
    child = await engine.execution(f"{ended.execution.id}/doubled/0")
    assert (child.workflow, child.parent) == ("doubling", ended.execution.id)
    assert (child.status, child.input, child.output) == (COMPLETED, {"n": 21}, 42)
    assert [each.step for each in await engine.steps(child.id)] == ["double"]


async def test_it_takes_its_inputs_by_name(engine):
    assert (await engine.run(children.by_name, n=4)).output == 8


async def test_its_input_is_checked(engine):
    ended = await engine.run(children.wrong_input)
    assert ended.status is FAILED
    assert ended.execution.failure.kind == "wflo.errors.StepInputError"
    assert "input 'n': Input should be a valid integer" in ended.execution.failure.message


async def test_its_failure_is_that_of_the_step(engine):
    ended = await engine.run(children.by_name, n=-1)
    child_id = f"{ended.execution.id}/doubled/0"
    assert ended.status is FAILED
    assert ended.execution.failure.step == "doubled"
    assert ended.execution.failure.kind == "wflo.errors.ExecutionFailed"
    assert ended.execution.failure.message == (
        f"execution {child_id!r} did not complete: step 'double' failed: ValueError: -1 is negative"
    )
    assert (await engine.execution(child_id)).failure.message == "-1 is negative"


async def test_it_may_run_for_each_item(engine):
    ended = await engine.run(children.over_items, items=[3, 1, 2])
    assert ended.results == {"each": [6, 2, 4], "total": 12}
    assert (await engine.run(children.over_items, items=[])).output == 0


async def test_one_of_many_may_fail(engine):
    ended = await engine.run(children.over_items, items=[1, -1])
    assert ended.status is FAILED
    assert [each.result for each in ended.iterations("each")] == [2, None]
    assert ended.execution.failure.iteration == 1


async def test_it_may_have_such_steps_itself(engine):
    ended = await engine.run(children.grandparent, items=[1, 2])
    assert ended.results == {"family": 6, "ends": {"left": 5, "right": 7}}


async def test_when_it_is_not_wanted_there_is_no_run(engine):
    assert (await engine.run(children.maybe, n=1)).output == 2
    ended = await engine.run(children.maybe, n=0)
    assert ended.statuses["doubled"] is StepStatus.SKIPPED


async def test_a_parent_waits(engine, stage):
    run_id = await engine.start(children.outer)
    await stage.arrived("in the child")
    assert (await engine.execution(run_id)).status is ExecutionStatus.WAITING
    stage.open("in the child")
    assert (await engine.wait(run_id)).status is COMPLETED


async def test_cancelling_reaches_children_and_theirs(engine, stage):
    run_id = await engine.start(children.outermost)
    await stage.arrived("in the child")
    await engine.cancel(run_id)
    ended = await engine.wait(run_id)
    assert ended.status is CANCELLED
    for descendant in (f"{run_id}/outer/0", f"{run_id}/outer/0/inner/0"):
        assert (await engine.wait(descendant)).status is CANCELLED


async def test_the_time_of_a_parent_is_that_of_its_children_too(engine, stage):
    ended = await engine.run(children.limited)
    assert ended.execution.error == "it took longer than 0.5 s"
    child = await engine.wait(f"{ended.execution.id}/inner/0")
    assert child.status is CANCELLED


async def test_a_child_that_is_cancelled_fails_the_step(engine, stage):
    run_id = await engine.start(children.outer)
    await stage.arrived("in the child")
    await engine.cancel(f"{run_id}/inner/0")
    ended = await engine.wait(run_id)
    assert ended.status is FAILED
    assert ended.execution.failure.message.endswith("did not complete: it was cancelled")


async def test_resuming_resumes_children(engine, stage):
    run_id = await engine.start(children.outermost)
    await stage.arrived("in the child")
    await engine.cancel(run_id)
    await engine.wait(run_id)
    stage.open("in the child")
    await engine.resume(run_id)
    ended = await engine.work(children.outermost, run_id)
    assert ended.status is COMPLETED
    assert stage.calls["done_before"] == 1


async def test_a_child_that_was_resumed_alone_is_not_run_again(engine, stage):
    ended = await engine.run(children.mendable)
    run_id = ended.execution.id
    assert ended.status is FAILED
    stage.given["mended"].append(True)
    await engine.resume(f"{run_id}/inner/0")
    assert (await engine.work(children.broken, f"{run_id}/inner/0")).status is COMPLETED
    await engine.resume(run_id)
    assert (await engine.work(children.mendable, run_id)).output == "mended"
    assert stage.calls["fails"] == 2


async def test_only_the_children_that_failed_are_run_again(engine, stage):
    stage.given["broken"].append(2)
    ended = await engine.run(children.over_fragile, items=[1, 2, 3])
    assert ended.status is FAILED
    stage.given["broken"].clear()
    await engine.resume(ended.execution.id)
    ended = await engine.work(children.over_fragile, ended.execution.id)
    assert ended.output == [1, 2, 3]
    assert stage.calls == {1: 1, 2: 2, 3: 1}


async def test_a_child_that_is_under_way_again_is_waited_for(engine, stage):
    run_id = await engine.start(children.outer)
    await stage.arrived("in the child")
    await engine.cancel(f"{run_id}/inner/0")
    await engine.wait(run_id)
    await engine.resume(f"{run_id}/inner/0")
    await engine.resume(run_id)
    stage.open("in the child")
    assert (await engine.work(children.outer, run_id)).output is None


async def test_the_longest_id_has_children_too(engine):
    run_id = (new_id() + "x" * 255)[:255]
    await engine.submit(children.by_name, {"n": 1}, run_id=run_id)
    assert (await engine.work(children.by_name, run_id)).output == 2
