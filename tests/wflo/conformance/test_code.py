import asyncio

import pytest
from conformance_engine import new_id
from flows import changed, graphs, values

from wflo.errors import CodeChanged, ExecutionExists, ExecutionNotFound
from wflo.models import ExecutionStatus


async def test_the_same_id_is_the_same_run(engine):
    run_id = new_id()
    assert await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    assert not await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    first = await engine.work(graphs.linear, run_id)
    assert not await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    assert await engine.work(graphs.linear, run_id) == first


async def test_many_at_once_with_one_id_are_one_run(engine):
    run_id = new_id()
    made = await asyncio.gather(
        *(engine.submit(graphs.linear, {"n": 1}, run_id=run_id) for _ in range(8))
    )
    assert sorted(made) == [False] * 7 + [True]


async def test_other_input_is_refused(engine):
    run_id = new_id()
    await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    with pytest.raises(ExecutionExists, match=f"execution '{run_id}' exists, with other input"):
        await engine.submit(graphs.linear, {"n": 2}, run_id=run_id)


async def test_big_input_is_compared_too(engine):
    run_id = new_id()
    await engine.submit(values.echo, {"value": "x" * 100_000}, run_id=run_id)
    assert not await engine.submit(values.echo, {"value": "x" * 100_000}, run_id=run_id)
    with pytest.raises(ExecutionExists, match="with other input"):
        await engine.submit(values.echo, {"value": "x" * 100_001}, run_id=run_id)


async def test_another_workflow_is_refused(engine):
    run_id = new_id()
    await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    with pytest.raises(ExecutionExists, match="of workflow 'linear' version '1', not 'ordered'"):
        await engine.submit(graphs.ordered, run_id=run_id)


async def test_another_version_is_refused(engine):
    run_id = new_id()
    await engine.submit(changed.before, {"n": 1}, run_id=run_id)
    with pytest.raises(ExecutionExists, match="version '1', not 'changing' version '2'"):
        await engine.submit(changed.later, {"n": 1}, run_id=run_id)


async def fail_with_old_code(engine, workflow=changed.before):
    ended = await engine.run(workflow, n=5)
    assert ended.status is ExecutionStatus.FAILED
    await engine.resume(ended.execution.id)
    return ended.execution.id


async def test_changed_code_is_refused_by_the_steps_that_changed(engine, stage):
    run_id = await fail_with_old_code(engine)
    with pytest.raises(CodeChanged, match="submitted with other code: 'second' changed since"):
        await engine.work(changed.after, run_id)
    assert (await engine.execution(run_id)).status is ExecutionStatus.RUNNING


async def test_changed_code_is_run_when_that_is_accepted(engine, stage):
    run_id = await fail_with_old_code(engine)
    ended = await engine.work(changed.after, run_id, accept_changes=True)
    assert ended.output == "the new code with 5"
    assert stage.calls["first"] == 1


async def test_changed_policies_are_refused_too(engine):
    run_id = await fail_with_old_code(engine)
    with pytest.raises(CodeChanged, match="the policies of the workflow changed"):
        await engine.work(changed.slower, run_id)


async def test_code_without_a_step_is_never_accepted(engine):
    run_id = await fail_with_old_code(engine)
    with pytest.raises(CodeChanged, match="no longer has the step 'first'"):
        await engine.work(changed.shorter, run_id, accept_changes=True)


async def test_the_code_of_sub_workflows_counts_too(engine, stage):
    run_id = await fail_with_old_code(engine, changed.parent)
    with pytest.raises(CodeChanged, match="'inner' changed"):
        await engine.work(changed.parent_after, run_id)
    ended = await engine.work(changed.parent_after, run_id, accept_changes=True)
    assert ended.output == "the new code with 5"


async def test_another_workflows_code_is_refused(engine):
    run_id = await fail_with_old_code(engine)
    with pytest.raises(CodeChanged, match="is of workflow 'changing', not given here"):
        await engine.work(graphs.linear, run_id, accept_changes=True)


async def test_what_has_ended_needs_no_code(engine):
    ended = await engine.run(changed.before, n=5)
    assert await engine.work(changed.after, ended.execution.id) == ended


async def test_a_worker_leaves_runs_alone_whose_code_it_has_not(engine):
    run_id = new_id()
    await engine.submit(changed.before, {"n": 1}, run_id=run_id)
    async with engine.workers(changed.later, graphs.linear):
        other = new_id()
        await engine.submit(graphs.linear, {"n": 1}, run_id=other)
        assert (await engine.wait(other)).status is ExecutionStatus.COMPLETED
        assert not (await engine.execution(run_id)).status.ended


async def test_there_must_be_such_a_run(engine):
    with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
        await engine.work(graphs.linear, "nobody")
