import pytest
from flows import branches

from wflo.models import ExecutionStatus, StepStatus

COMPLETED, SKIPPED = StepStatus.COMPLETED, StepStatus.SKIPPED


async def test_what_depends_on_a_true_condition_runs(engine):
    ended = await engine.run(branches.choice, n=11)
    assert ended.output == {"bigger": "big 11!", "either": "big 11"}
    assert ended.results["is_big"] is True


async def test_what_depends_on_a_false_condition_is_skipped_with_what_follows(engine):
    ended = await engine.run(branches.choice, n=1)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.statuses == {
        "is_big": COMPLETED,
        "is_small": COMPLETED,
        "big": SKIPPED,
        "small": COMPLETED,
        "bigger": SKIPPED,
        "either": COMPLETED,
    }
    assert ended.results["is_big"] is False
    assert "big" not in ended.results


async def test_a_join_gets_none_for_what_was_skipped(engine):
    ended = await engine.run(branches.choice, n=1)
    assert ended.output == {"bigger": None, "either": "small 1"}


@pytest.mark.parametrize(
    ("n", "total"), [(11, ["one", "both"]), (1, ["one", None]), (0, None)], ids=str
)
async def test_a_skipped_condition_skips_too(engine, n, total):
    ended = await engine.run(branches.nested, n=n)
    assert ended.output == total
    assert (ended.statuses["total"] is SKIPPED) == (n == 0)
    assert (ended.statuses["inner"] is SKIPPED) == (n == 0)


async def test_a_condition_returns_a_bool(engine):
    ended = await engine.run(branches.odd)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.failure.kind == "wflo.errors.StepResultError"


async def test_when_is_asked_with_inputs_and_results(engine):
    ended = await engine.run(branches.asked, n=1, items=[])
    assert ended.results["wanted"] == "wanted"
    assert ended.results["follows"] == "after wanted"
    assert ended.results["meets"] == ["wanted", 1]


async def test_when_it_says_no_the_step_is_skipped(engine):
    ended = await engine.run(branches.asked, n=2, items=[])
    assert ended.statuses["wanted"] is SKIPPED
    assert ended.statuses["follows"] is SKIPPED
    assert ended.results["meets"] == [None, 1]


async def test_when_is_asked_for_each_item(engine):
    ended = await engine.run(branches.asked, n=2, items=[4, 5, 6])
    assert ended.results["halved"] == [2, None, 3]
    assert [each.status for each in ended.iterations("halved")] == [COMPLETED, SKIPPED, COMPLETED]


async def test_a_map_whose_items_are_all_skipped_is_skipped(engine):
    ended = await engine.run(branches.asked, n=2, items=[5, 7])
    assert "halved" not in ended.results
    assert ended.output["halved"] is None


async def test_when_of_a_loop_is_asked_before_its_first_iteration(engine):
    ended = await engine.run(branches.ask_once, n=1)
    assert ended.results["up"] == 3
    skipped = await engine.run(branches.ask_once, n=0)
    assert skipped.statuses == {"up": SKIPPED, "pause": SKIPPED}


async def test_when_returns_a_bool(engine):
    ended = await engine.run(branches.asks_wrongly)
    assert ended.status is ExecutionStatus.FAILED
    assert "when of step 'unsure' must return a bool, not 'yes'" in ended.execution.failure.message


async def test_every_attempt_can_be_read(engine):
    ended = await engine.run(branches.asked, n=2, items=[5])
    found = await engine.attempts(ended.execution.id)
    assert sorted(each.step for each in found) == ["halved", "meets", "start", "wanted"]
