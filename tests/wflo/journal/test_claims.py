import pytest
from engine_bench import RUN, Bench, ended, flow

from wflo.journal.claims import Scope
from wflo.models import MapSpec, StepStatus, WorkflowStep

MAPPED = WorkflowStep(id="each", map=MapSpec(over="items"))


@pytest.fixture
def bench(database):
    return Bench(database)


async def test_no_more_is_claimed_than_there_is_room_for(bench):
    worker = bench.worker()
    await bench.submit(flow(MAPPED), {"items": list(range(5))})
    await worker.fire(await bench.due(), 0)
    first, second = (await worker.claim(3)).claimed, (await worker.claim(3)).claimed
    assert [len(first), len(second)] == [3, 2]
    assert {lease.iteration for lease in [*first, *second]} == set(range(5))
    assert (await worker.claim(3)).claimed == []


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg"])
async def test_a_driver_that_does_not_count_rows_claims_too(bench):
    worker = bench.worker()
    await bench.submit(flow(MAPPED), {"items": list(range(5))})
    await worker.fire(await bench.due(), 0)
    leases = (await worker.claim(10)).claimed
    await worker.commit([ended(lease) for lease in leases], 0)
    assert (await bench.run()).output == ["done"] * 5


async def test_what_another_worker_changed_is_read_again(bench):
    slow = bench.worker("slow")
    leases = await bench.start(slow, flow("one", WorkflowStep(id="two", depends_on=["one"])))
    await slow.give_back([leases["one"]])
    known = slow.runs.known(RUN)
    quick = bench.worker("quick")
    [lease] = (await quick.claim(1)).claimed
    await quick.commit([ended(lease)], 0)
    [lease] = (await slow.claim(1)).claimed
    assert lease.step == "two"
    assert slow.runs.known(RUN) is not known
    assert slow.runs.known(RUN).journal.get("one").status is StepStatus.COMPLETED


async def test_only_what_is_in_scope_is_claimed(bench):
    worker = bench.worker()
    await bench.submit(flow("one"))
    await bench.submit(flow("one"), run_id="run-2")
    await worker.fire(await bench.due(), 0)
    scope = worker.scope
    worker.scope = Scope(scope.workflow_ids, "run-2")
    assert [lease.execution_id for lease in (await worker.claim(9)).claimed] == ["run-2"]
    worker.scope = Scope(())
    assert (await worker.claim(9)).claimed == []


def test_a_scope_holds_a_workflow_and_a_run():
    assert Scope([1]).holds(1, RUN)
    assert not Scope([1]).holds(2, RUN)
    assert Scope([1], RUN).holds(1, RUN)
    assert not Scope([1], "run-2").holds(1, RUN)
