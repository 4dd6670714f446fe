"""What a process knows of runs."""

import asyncio

import pytest
from engine_bench import RUN, Bench, ended, flow

from wflo.journal import inputs
from wflo.journal.run import Parent, Runs
from wflo.models import MapSpec, StatePatch, WorkflowStep


async def test_state_that_is_committed_while_it_is_read_is_not_lost(database):
    bench = Bench(database)
    worker = bench.worker()
    lease = (await bench.start(worker, flow("one", "two")))["one"]
    run = worker.runs.known(RUN)
    async with database.read() as conn:
        await conn.exec_driver_sql("SELECT * FROM state_patches")  # it reads as of now
        patches = (
            StatePatch(op="set", key="new", value=1),
            StatePatch(op="set", key="gone", value=1),
            StatePatch(op="delete", key="gone"),
        )
        await asyncio.create_task(worker.commit([ended(lease, patches=patches)], 0))
        await inputs.read(conn, run, [])
    assert run.state == {"new": 1}
    run.patch(StatePatch(op="delete", key="new"))
    assert run.state == {}


@pytest.mark.parametrize("scheme", ["sqlite"])
async def test_runs_that_were_not_needed_for_long_are_forgotten(database):
    bench = Bench(database)
    ids = [f"run-{n:04}" for n in range(502)]
    for run_id in ids:
        await bench.submit(flow("one"), run_id=run_id)
    runs = Runs()
    async with database.read() as conn:
        await runs.get(conn, ids[:500], lock=False)
        await runs.get(conn, ids[:1], lock=False)  # needed again
        await runs.get(conn, ids[500:], lock=False)
    assert [run_id for run_id in ids if runs.known(run_id) is None] == ids[1:3]


async def test_input_is_only_read_where_it_is_mapped_over(database):
    bench = Bench(database)
    await bench.submit(flow("one"), {"items": [1, 2]}, run_id="plain")
    mapped = flow(WorkflowStep(id="each", map=MapSpec(over="items")))
    await bench.submit(mapped, {"items": [1, 2], "other": 1}, run_id="mapped")
    runs = Runs()
    async with database.read() as conn:
        await runs.get(conn, ["plain", "mapped", "nobody"], lock=False)
    assert runs.known("plain").journal.input_sizes == {}
    assert runs.known("mapped").journal.input_sizes == {"items": 2}
    assert runs.known("nobody") is None


def test_ids_of_children_are_as_long_as_ids_may_be():
    short, long = Parent("run", "step", 3).child_id, Parent("r" * 255, "step", 3).child_id
    assert short == "run/step/3"
    assert len(long) == 255
    assert long != Parent("r" * 255, "step", 4).child_id
