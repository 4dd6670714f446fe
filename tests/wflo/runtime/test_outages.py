"""Databases that go away, for a moment or for too long."""

import asyncio
import os
import signal
import sqlite3
import time

import pytest
from crash_traces import bookings
from crashing import Program, eventually
from postgres_server import Databases
from processes import is_gone
from sqlalchemy import func, select

from wflo.config.settings import EngineSettings
from wflo.db import tables
from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable
from wflo.journal import queries
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_app

RUNS = 200


@pytest.fixture(scope="module")
def workflows():
    import crash_flow

    return {workflow.name: workflow for workflow in load_app(crash_flow.__file__)}


@pytest.fixture(scope="module")
def server_url(postgres_server):
    """A database on the server that is restarted here."""
    databases = Databases(postgres_server.url)
    url = databases.create()
    asyncio.run(_make_tables(url))
    yield url
    databases.drop(url)


async def _make_tables(url):
    async with await Database.open(url) as database, database.begin() as conn:
        await conn.run_sync(bookings.create)


async def submit(database, workflow, execution_id, **values):
    engine = LocalEngine(database, [workflow.code], EngineSettings())
    await engine.submit(workflow.code, workflow.check_input(values), execution_id=execution_id)


async def has_completed(database, count):
    """Whether so many runs have. The database may be away."""
    query = (
        select(func.count())
        .select_from(tables.executions)
        .where(
            tables.executions.c.id.startswith("restarted-"),
            tables.executions.c.status == "completed",
        )
    )
    try:
        async with database.read() as conn:
            return (await conn.execute(query)).scalar_one() >= count
    except DatabaseUnavailable:
        return False


async def test_runs_survive_a_restart_of_postgresql(
    postgres_server, server_url, program, workflows, said
):
    settings = {"engine": {"poll_interval_s": 0.05}}
    async with await Database.open(server_url) as database:
        for n in range(RUNS):
            await submit(database, workflows["steady"], f"restarted-{n}")
        workers = [
            program.start("steady", server_url, serve=True, settings=settings) for _ in range(2)
        ]
        try:
            for threshold in (RUNS // 10, RUNS // 2):
                await eventually(lambda: has_completed(database, threshold))  # noqa: B023
                await asyncio.to_thread(postgres_server.restart)
            await eventually(lambda: has_completed(database, RUNS), within_s=100)
            for worker in workers:
                os.kill(worker, signal.SIGTERM)
                assert program.wait(worker) == 0, said()
        finally:
            for worker in workers:
                if not is_gone(worker):
                    os.kill(worker, signal.SIGKILL)
        await _check_steady(database)


async def _check_steady(database):
    async with database.read() as conn:
        for n in range(RUNS):
            steps = await queries.steps_of(conn, f"restarted-{n}")
            assert [(step.step, step.status, step.result) for step in steps] == [
                ("first", "completed", 1),
                ("second", "completed", 2),
                ("third", "completed", 3),
            ]
            events = await queries.history(conn, f"restarted-{n}")
            assert [event.sequence for event in events] == list(range(1, len(events) + 1))
            cost = (await queries.get_execution(conn, f"restarted-{n}")).cost
            assert (cost.micro_usd, cost.lines) == (1, 1)
        keys = (await conn.execute(select(bookings.c.idempotency_key))).scalars().all()
        running = await conn.execute(
            select(tables.step_attempts).where(tables.step_attempts.c.status == "running")
        )
        assert running.all() == []
    assert sorted(keys) == sorted(f"restarted-{n}/second/0" for n in range(RUNS))


async def test_a_database_that_stays_away_ends_the_run_here_and_not_the_run(
    postgres_server, server_url, workflows, tmp_path
):
    held = workflows["held"]
    settings = EngineSettings(lease_s=1.0, poll_interval_s=0.05)
    async with await Database.open(server_url) as database:
        await submit(database, held, "away", folder=str(tmp_path))
        work = asyncio.create_task(LocalEngine(database, [held.code], settings).run_until("away"))
        await eventually((tmp_path / "attempt 1").exists)
        await asyncio.to_thread(postgres_server.stop)
        try:
            since = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                await work
            assert time.monotonic() - since < 8  # a lease, and what ends take
        finally:
            await asyncio.to_thread(postgres_server.start)
        (tmp_path / "go on").touch()
        await LocalEngine(database, [held.code], settings).run_until("away")
        async with database.read() as conn:
            execution = await queries.get_execution(conn, "away")
            attempts = await queries.attempts(conn, "away")
    assert execution.status == "completed"
    assert [each.status for each in attempts] == ["lost", "completed"]


async def test_a_step_goes_on_while_the_database_is_away_for_a_moment(
    postgres_server, server_url, workflows, tmp_path
):
    held = workflows["held"]
    settings = EngineSettings(lease_s=30.0, poll_interval_s=0.05)
    async with await Database.open(server_url) as database:
        await submit(database, held, "moment", folder=str(tmp_path))
        work = asyncio.create_task(LocalEngine(database, [held.code], settings).run_until("moment"))
        await eventually((tmp_path / "attempt 1").exists)
        await asyncio.to_thread(postgres_server.stop)
        (tmp_path / "go on").touch()
        await asyncio.sleep(0.3)  # it has ended, and cannot be written
        await asyncio.to_thread(postgres_server.start)
        async with asyncio.timeout(30):
            assert await work == "completed"
        async with database.read() as conn:
            attempts = await queries.attempts(conn, "moment")
    assert [each.status for each in attempts] == ["completed"]


async def test_a_file_that_another_program_writes_to_for_too_long_ends_the_run_here(
    tmp_path, sqlite_template, workflows
):
    path = tmp_path / "wflo.db"
    path.write_bytes(sqlite_template.read_bytes())
    held = workflows["held"]
    settings = EngineSettings(lease_s=0.5, poll_interval_s=0.05)
    async with await Database.open(f"sqlite:///{path}", wait_s=0.2) as database:
        await submit(database, held, "locked", folder=str(tmp_path))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="was being written to by others"):
            async with asyncio.timeout(30):
                await LocalEngine(database, [held.code], settings).run_until("locked")
        other.execute("ROLLBACK")
        other.close()
        (tmp_path / "go on").touch()
        engine = LocalEngine(database, [held.code], settings)
        assert await engine.run_until("locked") == "completed"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("program") / "log")
    yield program
    program.close()
