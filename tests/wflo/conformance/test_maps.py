import pytest
from conformance_engine import new_id
from flows import maps

from wflo.errors import InputError
from wflo.models import ExecutionStatus, StepStatus


@pytest.mark.parametrize("n", [0, 1, 5])
async def test_a_map_runs_once_for_each_item(engine, stage, n):
    ended = await engine.run(maps.squares, n=n)
    assert ended.results["square"] == [i * i for i in range(n)]
    assert ended.output == sum(i * i for i in range(n))
    assert stage.calls["square"] == n
    assert len(ended.iterations("square")) == n


async def test_results_are_in_the_order_of_the_items(engine, stage):
    ended = await engine.run(maps.backwards, items=["a", "b", "c", "d"])
    assert ended.output == ["A", "B", "C", "D"]
    assert stage.given["ended"] == ["d", "c", "b", "a"]


async def test_no_more_items_are_under_way_than_may_be(engine, stage):
    ended = await engine.run(maps.capped, items=list(range(20)))
    assert ended.output == list(range(20))
    assert stage.most["few"] == 3


async def test_too_many_items_fail_before_one_begins(engine, stage):
    assert (await engine.run(maps.bounded, items=[1, 2, 3])).output == [1, 2, 3]
    stage.clear()
    ended = await engine.run(maps.bounded, items=[1, 2, 3, 4])
    assert ended.status is ExecutionStatus.FAILED
    assert stage.calls["at_most_three"] == 0
    failure = ended.execution.failure
    assert failure.kind == "wflo.errors.MapTooLarge"
    assert failure.message == (
        "step 'at_most_three' maps over the input 'items', which has 4 items; "
        "it may have 3 (max_items)"
    )


async def test_an_input_that_is_mapped_must_be_a_list(engine):
    with pytest.raises(InputError, match="input 'items': step 'few' maps over it"):
        await engine.submit(maps.capped, {"items": "text"}, run_id=new_id())


async def test_a_result_that_is_mapped_must_be_a_list(engine):
    ended = await engine.run(maps.no_list)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.failure.kind == "wflo.errors.StepInputError"
    assert "maps over the result of step 'text', which is no list" in (
        ended.execution.failure.message
    )


async def test_one_failed_item_fails_the_step_after_the_others_have_ended(engine):
    ended = await engine.run(maps.failing, items=[6, 7, 8])
    assert ended.status is ExecutionStatus.FAILED
    assert [each.status for each in ended.iterations("no_sevens")] == [
        StepStatus.COMPLETED,
        StepStatus.FAILED,
        StepStatus.COMPLETED,
    ]
    assert ended.execution.failure.iteration == 1
    assert ended.execution.failure.message == "seven"
    assert ended.statuses["after"] is StepStatus.BLOCKED
    assert ended.results == {}


async def test_an_item_is_tried_again_alone(engine, stage):
    ended = await engine.run(maps.one_again, items=[0, 1, 2])
    assert ended.output == [0, 1, 2]
    assert stage.calls == {0: 1, 1: 2, 2: 1}


async def test_a_map_over_what_was_skipped_is_skipped(engine):
    ended = await engine.run(maps.skipped)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.statuses["of_nothing"] is StepStatus.SKIPPED
    assert ended.output is None


async def test_a_map_goes_over_the_results_of_a_map(engine):
    ended = await engine.run(maps.mapped_map, rows=[[1, 2], [], [3]])
    assert ended.results["doubled"] == [[2, 4], [], [6]]
    assert ended.output == [6, 0, 6]


async def test_an_item_comes_with_the_other_arguments(engine):
    ended = await engine.run(maps.over_results, suffix="?")
    assert ended.output == ["a of 2?", "b of 2?"]


async def test_a_thousand_items(engine, stage):
    ended = await engine.run(maps.squares, n=1000)
    assert ended.output == sum(i * i for i in range(1000))
    assert stage.calls["square"] == 1000
    events = await engine.history(ended.execution.id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
