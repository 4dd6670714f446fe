from flows import graphs

from wflo.models import ExecutionStatus, StepStatus


async def test_steps_run_one_after_the_other(engine, stage):
    ended = await engine.run(graphs.linear, n=1)
    assert ended.status is ExecutionStatus.COMPLETED
    assert stage.given["order"] == ["fetch", "double", "report"]


async def test_a_run_knows_its_workflow_its_input_and_its_times(engine):
    execution = (await engine.run(graphs.linear, n=1)).execution
    assert (execution.workflow, execution.version) == ("linear", "1")
    assert execution.digest == graphs.linear.plan.digest
    assert execution.input == {"n": 1}
    assert execution.parent is None
    assert execution.error is None
    assert execution.created_at <= execution.started_at <= execution.ended_at


async def test_steps_know_their_attempts_and_times(engine):
    ended = await engine.run(graphs.linear, n=1)
    assert [step.step for step in ended.steps] == ["fetch", "double", "report"]
    for step in ended.steps:
        assert step.status is StepStatus.COMPLETED
        assert step.attempts == 1
        assert step.worker is None
        assert step.started_at <= step.ended_at


async def test_results_are_kept_by_step(engine):
    ended = await engine.run(graphs.linear, n=1)
    run_id = ended.execution.id
    assert ended.results == {"fetch": 2, "double": 4, "report": {"id": run_id, "n": 4}}
    assert [step.result for step in ended.steps] == [2, 4, {"id": run_id, "n": 4}]


async def test_the_output_is_the_result_of_the_only_last_step(engine):
    ended = await engine.run(graphs.linear, n=1)
    assert ended.output == {"id": ended.execution.id, "n": 4}


async def test_the_output_of_several_last_steps_is_theirs_by_name(engine):
    ended = await engine.run(graphs.branches)
    assert ended.output == {f"branch_{n}": f"branch_{n}" for n in range(10)}


async def test_both_sides_of_a_diamond_run_at_once(engine):
    ended = await engine.run(graphs.diamond)
    assert ended.output == [["top", "left"], ["top", "right"]]


async def test_parallel_branches_run_at_once(engine):
    ended = await engine.run(graphs.branches)  # each waits for the others
    assert ended.status is ExecutionStatus.COMPLETED


async def test_results_come_in_by_name_whichever_was_first(engine):
    ended = await engine.run(graphs.fan_in)
    assert ended.output == ["slow", "quick", "later"]


async def test_a_dependency_needs_no_parameter(engine, stage):
    await engine.run(graphs.ordered)
    assert stage.given["order"] == ["before", "after"]


async def test_a_parameter_named_like_a_step_is_a_dependency(engine):
    assert graphs.reversed_.definition.dependencies() == {"second": ("first",), "first": ()}
    assert (await engine.run(graphs.reversed_)).output == "second after first"


async def test_plain_functions_run_in_threads(engine, stage):
    ended = await engine.run(graphs.threads)
    assert sorted(stage.given["threads"]) == sorted(ended.results)
