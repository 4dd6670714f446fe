"""Workers that die, stop, hang and come back: what they held is run by others, once."""

import asyncio
import os
import signal
import time

import pytest
from crash_traces import bookings
from crashing import KILLED, eventually
from processes import is_gone
from sqlalchemy import func, select

from wflo.config.settings import EngineSettings
from wflo.journal import queries
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_app
from wflo.workflow.manager import WorkflowManager

QUICK = {"engine": {"poll_interval_s": 0.05}}


@pytest.fixture(scope="module")
def workflows():
    import crash_flow

    return {workflow.name: workflow for workflow in load_app(crash_flow.__file__)}


@pytest.fixture
def submit(shared_database, workflows):
    async def submit(name, execution_id, **values):
        code = workflows[name].code
        engine = LocalEngine(shared_database, [code], EngineSettings())
        await engine.submit(code, code.inputs.check(values), execution_id=execution_id)

    return submit


@pytest.fixture
def workers(program, shared_url):
    """Starts workers; those that are left at the end of the test are killed."""
    started = []

    def start(workflow, **engine):
        settings = {"engine": QUICK["engine"] | engine}
        started.append(program.start(workflow, shared_url, serve=True, settings=settings))
        return started[-1]

    yield start
    for pid in started:
        if not is_gone(pid):
            os.kill(pid, signal.SIGKILL)
            program.wait(pid)


async def ended(database, execution_id):
    """The run, once it has ended."""

    async def look():
        async with database.read() as conn:
            execution = await queries.get_execution(conn, execution_id)
        return execution if execution.status.ended else None

    return await eventually(look)


async def attempts_of(database, execution_id):
    async with database.read() as conn:
        found = await queries.attempts(conn, execution_id)
    return [(each.step, each.iteration, each.attempt, each.status) for each in found]


async def booked(database, execution_id):
    query = select(func.count()).where(bookings.c.idempotency_key.startswith(f"{execution_id}/"))
    async with database.read() as conn:
        return (await conn.execute(query)).scalar_one()


async def test_what_a_killed_worker_held_is_taken_over_before_its_lease_ends(
    program, submit, workers, shared_database, new_id, tmp_path
):
    pids = [workers("held", lease_s=600)]
    await submit("held", new_id, folder=str(tmp_path))
    await eventually((tmp_path / "attempt 1").exists)
    pids.append(workers("held", lease_s=600))
    os.kill(pids[0], signal.SIGKILL)
    program.wait(pids[0])
    since = time.monotonic()
    await eventually((tmp_path / "attempt 2").exists)
    assert time.monotonic() - since < 6  # two seconds, and what a busy machine takes
    (tmp_path / "go on").touch()
    assert (await ended(shared_database, new_id)).output == 2
    assert await attempts_of(shared_database, new_id) == [
        ("hold", 0, 1, "lost"),
        ("hold", 0, 2, "completed"),
    ]


@pytest.mark.parametrize("books", [False, True])
async def test_the_writes_of_a_worker_that_was_stopped_for_too_long_are_refused(
    books, program, submit, workers, shared_database, new_id, tmp_path, said
):
    stopped = workers("zombie", lease_s=1.0)
    await submit("zombie", new_id, folder=str(tmp_path), books=books)
    await eventually((tmp_path / "attempt 1").exists)
    os.kill(stopped, signal.SIGSTOP)
    other = workers("zombie", lease_s=1.0)
    execution = await ended(shared_database, new_id)  # a second later at the earliest
    assert execution.output == 2
    await asyncio.sleep(3.0 - 1.0)  # three lease times in all
    (tmp_path / "go on").touch()
    os.kill(other, signal.SIGKILL)
    program.wait(other)
    os.kill(stopped, signal.SIGCONT)
    # It has learnt that it holds the step no longer when it takes new work.
    await submit("zombie", f"{new_id}-b", folder=str(tmp_path), books=books)
    assert (await ended(shared_database, f"{new_id}-b")).output == 1
    assert (await ended(shared_database, new_id)).output == 2
    assert await attempts_of(shared_database, new_id) == [
        ("stay", 0, 1, "lost"),
        ("stay", 0, 2, "completed"),
    ]
    assert await booked(shared_database, new_id) == int(books)
    os.kill(stopped, signal.SIGTERM)
    assert program.wait(stopped) == 0, said()


async def test_a_step_that_kills_its_worker_fails_after_some_workers(
    program, shared_url, shared_database, new_id, said
):
    order = {"id": new_id, "values": {}, "settings": QUICK}
    for _ in range(4):  # the first, and three losses more
        assert program.run("poison", shared_url, **order) == KILLED
    assert program.run("poison", shared_url, **order) == 1
    assert "ExecutionFailed" in said()
    execution = await ended(shared_database, new_id)
    assert execution.status == "failed"
    assert execution.failure.kind == "WorkerLost"
    assert execution.failure.message.startswith("worker lost 4 times: ")
    statuses = [each[-1] for each in await attempts_of(shared_database, new_id)]
    assert statuses == ["lost"] * 4


async def test_in_a_process_of_its_own_it_costs_the_attempt_only(
    program, shared_url, shared_database, new_id, said
):
    order = {"id": new_id, "values": {}, "settings": QUICK}
    assert program.run("apart_poison", shared_url, **order) == 1
    assert "was killed by SIGKILL" in said()
    execution = await ended(shared_database, new_id)
    assert execution.failure.kind == "wflo.errors.StepProcessDied"
    statuses = [each[-1] for each in await attempts_of(shared_database, new_id)]
    assert statuses == ["failed", "failed"]


async def test_many_processes_share_many_parallel_steps(
    program, submit, workers, shared_database, shared_url, new_id, said
):
    for _ in range(3):
        workers("wide", max_concurrency=20)
    ids = [f"{new_id}-{n}" for n in range(2)]
    for execution_id in ids:
        await submit("wide", execution_id, items=list(range(50)))
    own = f"{new_id}-own"
    order = {"id": own, "values": {"items": list(range(50))}, "settings": QUICK}
    assert program.run("wide", shared_url, **order) == 0, said()
    for execution_id in [*ids, own]:
        execution = await ended(shared_database, execution_id)
        assert execution.output == list(range(50))
        assert execution.cost.micro_usd == 50
        assert await booked(shared_database, execution_id) == 50
    assert said() == ""  # above all not that the database is locked


async def test_at_an_interruption_steps_are_given_back(
    program, shared_url, shared_database, new_id, tmp_path, said
):
    order = {"id": new_id, "values": {"folder": str(tmp_path)}}
    order["settings"] = {"engine": {"poll_interval_s": 0.05, "lease_s": 600}}
    pid = program.start("held", shared_url, **order)
    await eventually((tmp_path / "attempt 1").exists)
    os.kill(pid, signal.SIGINT)
    assert program.wait(pid) == 1
    assert "KeyboardInterrupt" in said()
    assert await attempts_of(shared_database, new_id) == [("hold", 0, 1, "released")]
    (tmp_path / "go on").touch()
    assert program.run("held", shared_url, **order) == 0
    assert await attempts_of(shared_database, new_id) == [
        ("hold", 0, 1, "released"),
        ("hold", 0, 2, "completed"),
    ]


async def test_a_worker_that_is_told_to_stop_gives_back_what_takes_too_long(
    program, submit, workers, shared_database, new_id, tmp_path, said
):
    worker = workers("held", lease_s=600, drain_s=0.1)
    await submit("held", new_id, folder=str(tmp_path))
    await eventually((tmp_path / "attempt 1").exists)
    os.kill(worker, signal.SIGTERM)
    assert program.wait(worker) == 0, said()
    assert await attempts_of(shared_database, new_id) == [("hold", 0, 1, "released")]
    await WorkflowManager(shared_database).cancel_execution(new_id)


async def test_another_process_is_told_that_a_run_was_cancelled(
    program, shared_url, shared_database, new_id, tmp_path, said
):
    order = {"id": new_id, "values": {"folder": str(tmp_path)}, "settings": QUICK}
    pid = program.start("held", shared_url, **order)
    await eventually((tmp_path / "attempt 1").exists)
    since = time.monotonic()
    await WorkflowManager(shared_database).cancel_execution(new_id)
    assert program.wait(pid) == 1
    assert time.monotonic() - since < 3
    assert "ExecutionCancelled" in said()
    assert await attempts_of(shared_database, new_id) == [("hold", 0, 1, "cancelled")]
