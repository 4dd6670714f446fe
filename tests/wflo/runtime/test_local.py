"""What only this engine does: leases, hand-overs, its loop."""

import asyncio
import time

import pytest
from engine_bench import RUN, Bench
from sqlalchemy import text
from stage import stage

from wflo import Workflow
from wflo.config.settings import EngineSettings
from wflo.errors import ExecutionNotFound, NotSupported
from wflo.models import ExecutionStatus, RetryPolicy, StepStatus
from wflo.runtime.local.engine import LocalEngine

pausing = Workflow("pausing")


@pausing.step()
async def pause(ctx) -> int:
    await stage.pause("pause")
    return ctx.attempt


@pausing.step()
async def after(pause: int) -> int:
    return pause


mapping = Workflow("mapping")


@mapping.step(map_over="items", concurrency=50)
async def each(item: int) -> int:
    return item


@mapping.step()
async def total(each: list[int]) -> int:
    return sum(each)


writing = Workflow("writing")


@writing.step()
async def write(ctx) -> None:
    await stage.pause("write")
    async with ctx.tx() as connection:
        await connection.execute(text("CREATE TABLE never (n INTEGER)"))


slow = Workflow("slow")


@slow.step()
async def beside() -> str:
    await stage.pause("beside")
    return "beside"


@slow.step()
def writes_for_long(ctx) -> str:
    with ctx.tx() as connection:
        connection.execute("CREATE TABLE marks (n INTEGER)")
        time.sleep(0.9)
    return "written"


again = Workflow("again")
again.timer("meanwhile", seconds=0.1)


@again.step(retry=RetryPolicy(max_attempts=2, initial_delay_s=0.3, jitter=0))
async def fails_once(ctx) -> int:
    if ctx.attempt == 1:
        raise OSError
    return ctx.attempt


@pytest.fixture(autouse=True)
def clear_stage():
    stage.clear()


@pytest.fixture
def bench(database):
    return Bench(database)


def engine(bench, *workflows, **settings):
    settings = {"poll_interval_s": 0.02, "drain_s": 5.0} | settings
    codes = [workflow.code for workflow in workflows]
    return LocalEngine(bench.database, codes, EngineSettings(**settings))


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.005)


async def serve(made, stop):
    """A worker in a task."""
    return asyncio.create_task(made.serve(stop))


class TestHandingOver:
    async def test_who_is_told_to_stop_gives_back_what_takes_too_long(self, bench):
        await bench.submit(pausing.definition)
        stop = asyncio.Event()
        worker = await serve(engine(bench, pausing, drain_s=0), stop)
        await stage.arrived("pause")
        stop.set()
        await worker
        assert (await bench.step("pause")).status is StepStatus.READY
        stage.open("pause")
        assert await engine(bench, pausing).run_until(RUN) is ExecutionStatus.COMPLETED
        assert (await bench.run()).output == 2
        assert (await bench.attempts())[0] == ("pause", "released")

    async def test_who_is_cancelled_does_so_at_once(self, bench):
        await bench.submit(pausing.definition)
        run = asyncio.create_task(engine(bench, pausing).run_until(RUN))
        await stage.arrived("pause")
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await bench.step("pause")).status is StepStatus.READY

    async def test_who_is_cancelled_while_it_waits_for_the_last_steps_gives_them_back(self, bench):
        await bench.submit(pausing.definition)
        stop = asyncio.Event()
        worker = await serve(engine(bench, pausing, drain_s=60), stop)
        await stage.arrived("pause")
        stop.set()
        await asyncio.sleep(0.05)  # it waits for the step now
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        assert (await bench.step("pause")).status is StepStatus.READY

    async def test_who_waits_for_the_last_steps_sees_that_they_were_cancelled(self, bench):
        await bench.submit(pausing.definition)
        stop = asyncio.Event()
        worker = await serve(engine(bench, pausing, drain_s=60), stop)
        await stage.arrived("pause")
        stop.set()
        await bench.manager.cancel_execution(RUN)
        await asyncio.wait_for(worker, 10)
        assert (await bench.run()).status is ExecutionStatus.CANCELLED

    async def test_what_it_holds_without_knowing_is_given_back(self, bench):
        stage.open("pause")
        made = engine(bench, pausing)
        await bench.start(bench.worker(made.owner), pausing.definition)
        made._committer.unsure = True  # a COMMIT was answered by silence
        assert await made.run_until(RUN) is ExecutionStatus.COMPLETED
        assert (await bench.attempts())[0] == ("pause", "released")


class TestLeases:
    async def test_they_are_renewed_while_a_step_runs(self, bench):
        await bench.submit(pausing.definition)
        stop = asyncio.Event()
        workers = [await serve(engine(bench, pausing, lease_s=0.3), stop) for _ in range(2)]
        await stage.arrived("pause")
        await asyncio.sleep(0.8)  # more than two leases
        stage.open("pause")
        await until(lambda: has_ended(bench))
        stop.set()
        await asyncio.gather(*workers)
        assert (await bench.run()).output == 1

    async def test_they_hold_while_a_step_keeps_others_from_writing(self, bench):
        await bench.submit(slow.definition)
        run = asyncio.create_task(engine(bench, slow, lease_s=0.3).run_until(RUN))
        await until(lambda: is_in(bench, "writes_for_long", StepStatus.COMPLETED))
        await asyncio.sleep(0.2)
        stage.open("beside")
        assert await run is ExecutionStatus.COMPLETED
        assert [status for _, status in await bench.attempts()] == ["completed"] * 2

    async def test_those_of_a_dead_process_are_taken_over_before_they_expire(self, bench):
        machine, pid, _, rest = engine(bench, pausing).owner.split("|")
        dead = f"{machine}|{pid}|1|{rest}"  # that began at another time
        await bench.start(bench.worker(dead, lease_s=3600), pausing.definition)
        stage.open("pause")
        assert await engine(bench, pausing).run_until(RUN) is ExecutionStatus.COMPLETED
        assert (await bench.attempts())[0] == ("pause", "lost")

    async def test_a_step_that_has_lost_its_own_commits_nothing(self, bench):
        await bench.submit(writing.definition)
        made = engine(bench, writing, poll_interval_s=60, lease_s=60)
        run = asyncio.create_task(made.run_until(RUN))
        await stage.arrived("write")
        await bench.manager.cancel_execution(RUN)
        stage.open("write")
        assert await run is ExecutionStatus.CANCELLED
        async with bench.database.begin() as conn:
            await conn.execute(text("CREATE TABLE never (n INTEGER)"))  # it is not there yet


async def has_ended(bench):
    return (await bench.run()).status.ended


async def is_in(bench, step, status):
    steps = await bench.manager.get_execution(RUN)
    return steps.status is not ExecutionStatus.PENDING and (await bench.step(step)).status is status


class TestLoop:
    @pytest.mark.parametrize("scheme", ["postgresql+asyncpg"])
    async def test_it_runs_on_another_driver(self, bench):
        await bench.submit(mapping.definition, {"items": list(range(20))})
        assert await engine(bench, mapping).run_until(RUN) is ExecutionStatus.COMPLETED
        assert (await bench.run()).output == 190

    async def test_more_runs_than_are_looked_at_at_once_all_begin(self, bench):
        stage.open("pause")
        ids = [f"run-{n}" for n in range(210)]
        for run_id in ids:
            await bench.submit(pausing.definition, run_id=run_id)
        stop = asyncio.Event()
        worker = await serve(engine(bench, pausing, poll_interval_s=60), stop)
        done = {"status": ExecutionStatus.COMPLETED, "limit": 1000}
        await until(lambda: all_there(bench, done, 210))
        stop.set()
        await worker

    async def test_an_attempt_is_made_when_its_time_has_come_whatever_else_happens_before(
        self, bench
    ):
        await bench.submit(again.definition)
        async with asyncio.timeout(10):
            ended = await engine(bench, again, poll_interval_s=60).run_until(RUN)
        assert ended is ExecutionStatus.COMPLETED

    async def test_one_engine_may_run_several_one_after_the_other(self, bench):
        stage.open("pause")
        made = engine(bench, pausing)
        for run_id in ("first", "second"):
            assert await made.submit(pausing.code, {}, execution_id=run_id)
            assert await made.run_until(run_id) is ExecutionStatus.COMPLETED

    async def test_a_run_must_be_there(self, bench):
        with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
            await engine(bench, pausing).run_until("nobody")

    async def test_what_it_cannot_do_is_refused_before_anything_is_written(self, bench):
        code = pausing.code
        step = code.definition.steps[0].model_copy(update={"rollback_enabled": True})
        changed = code.definition.model_copy(update={"steps": (step,)})
        asking = type(code)(changed, code.source, code.steps, {}, code.inputs)
        with pytest.raises(NotSupported, match="step 'pause' is to be rolled back"):
            await engine(bench).submit(asking, {}, execution_id=RUN)
        assert (await bench.manager.list_executions()).executions == ()

    @pytest.mark.parametrize("scheme", ["sqlite"])
    async def test_what_goes_wrong_in_a_task_of_it_ends_it(self, bench):
        await bench.submit(pausing.definition)
        made = engine(bench, pausing, lease_s=0.3, poll_interval_s=60)
        run = asyncio.create_task(made.run_until(RUN))
        await stage.arrived("pause")
        async with bench.database.change_tables() as conn:
            await conn.execute(text("DROP TABLE step_attempts"))  # the heart misses it first
        with pytest.raises(Exception, match="no such table: step_attempts"):
            await run


async def all_there(bench, filters, count):
    return len((await bench.manager.list_executions(**filters)).executions) == count
