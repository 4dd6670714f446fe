import asyncio

from conformance_engine import new_id
from flows import graphs, maps, shared

from wflo.models import ExecutionStatus, StepStatus


async def test_workers_share_the_steps_of_a_run(engine, stage):
    run_id = new_id()
    async with engine.workers(shared.spread, count=2, max_concurrency=2):
        await engine.submit(shared.spread, {"items": [1, 2, 3, 4]}, run_id=run_id)
        ended = await engine.wait(run_id)
    assert ended.output == 10
    assert stage.calls == {1: 1, 2: 1, 3: 1, 4: 1}
    attempts = await engine.attempts(run_id)
    assert len({each.worker for each in attempts if each.step == "together"}) == 2


async def test_workers_share_a_queue_of_runs(engine, stage):
    ids = [new_id() for _ in range(30)]
    async with engine.workers(shared.queued, count=3, max_concurrency=4):
        for n, run_id in enumerate(ids):
            await engine.submit(shared.queued, {"n": n}, run_id=run_id)
        ended = [await engine.wait(run_id) for run_id in ids]
    assert [each.output for each in ended] == [10 * n for n in range(30)]
    assert set(stage.calls.values()) == {1}
    assert len(stage.calls) == 60


async def test_a_worker_runs_no_more_steps_at_once_than_it_may(engine, stage):
    run_id = new_id()
    async with engine.workers(shared.busy, max_concurrency=3):
        await engine.submit(shared.busy, {"items": list(range(7))}, run_id=run_id)
        await stage.arrived("busy", 3)
        statuses = [step.status for step in await engine.steps(run_id)]
        assert statuses.count(StepStatus.RUNNING) == 3
        assert statuses.count(StepStatus.READY) == 4
        stage.open("busy")
        assert (await engine.wait(run_id)).output == list(range(7))
    assert stage.most["busy"] == 3


async def test_who_runs_its_own_run_is_helped_by_workers(engine, stage):
    async with engine.workers(maps.squares):
        ended = await engine.run(maps.squares, n=50)
    assert ended.status is ExecutionStatus.COMPLETED
    assert stage.calls["square"] == 50


async def test_many_work_on_one_run(engine, stage):
    run_id = new_id()
    await engine.submit(maps.squares, {"n": 60}, run_id=run_id)
    ended = await asyncio.gather(*(engine.work(maps.squares, run_id) for _ in range(4)))
    assert {each.output for each in ended} == {sum(i * i for i in range(60))}
    assert stage.calls["square"] == 60


async def test_a_run_that_was_submitted_waits_for_a_worker(engine):
    run_id = new_id()
    await engine.submit(graphs.linear, {"n": 1}, run_id=run_id)
    execution = await engine.execution(run_id)
    assert (execution.status, execution.started_at) == (ExecutionStatus.PENDING, None)
    async with engine.workers(graphs.linear):
        assert (await engine.wait(run_id)).status is ExecutionStatus.COMPLETED


async def test_workers_have_several_workflows(engine):
    async with engine.workers(graphs.linear, maps.squares):
        for workflow, values in ((graphs.linear, {"n": 1}), (maps.squares, {"n": 2})):
            run_id = new_id()
            await engine.submit(workflow, values, run_id=run_id)
            assert (await engine.wait(run_id)).status is ExecutionStatus.COMPLETED


async def test_a_worker_that_stops_lets_its_steps_end(engine, stage):
    run_id = new_id()
    async with engine.workers(shared.busy):
        await engine.submit(shared.busy, {"items": [1, 2]}, run_id=run_id)
        await stage.arrived("busy", 2)
        asyncio.get_running_loop().call_later(0.05, stage.open, "busy")
    statuses = [step.status for step in await engine.steps(run_id)]
    assert statuses == [StepStatus.COMPLETED] * 2
