"""Runs of workflows in a test's own process, and what they have left in the database."""

import asyncio

from sqlalchemy import insert, select, update

from wflo.config.settings import EngineSettings
from wflo.db import tables
from wflo.journal import queries
from wflo.runtime.local.engine import LocalEngine


def engine_on(database, workflow, **settings):
    settings = {"poll_interval_s": 0.05} | settings
    return LocalEngine(database, [workflow.code], EngineSettings(**settings))


async def submit(database, workflow, execution_id, **values):
    engine = engine_on(database, workflow)
    await engine.submit(workflow.code, workflow.check_input(values), execution_id=execution_id)


async def work(database, workflow, execution_id, **settings):
    async with asyncio.timeout(60):
        return await engine_on(database, workflow, **settings).run_until(execution_id)


async def execution_of(database, execution_id):
    async with database.read() as conn:
        return await queries.get_execution(conn, execution_id)


async def has_ended(database, execution_id):
    return (await execution_of(database, execution_id)).status.ended


async def attempts_of(database, execution_id):
    async with database.read() as conn:
        found = await queries.attempts(conn, execution_id)
    return [(each.step, each.attempt, each.status) for each in found]


async def add_timer(database, execution_id, kind):
    async with database.begin() as conn:
        row = (
            await conn.execute(
                select(tables.executions).where(tables.executions.c.id == execution_id)
            )
        ).one()
        await conn.execute(
            insert(tables.timers),
            {
                "execution_id": execution_id,
                "workflow_id": row.workflow_id,
                "root_id": row.root_id,
                "kind": kind,
                "due_at_us": database.now_us(),
            },
        )


async def set_attempts(database, execution_id, **columns):
    async with database.begin() as conn:
        await conn.execute(
            update(tables.step_attempts)
            .where(tables.step_attempts.c.execution_id == execution_id)
            .values(**columns)
        )
