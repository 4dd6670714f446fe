"""Running a workflow in this process, from its input to its result."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.errors import ExecutionCancelled, ExecutionFailed
from wflo.events.relay import Relay
from wflo.events.sinks import make_sinks
from wflo.journal.queries import get_execution, results_of
from wflo.journal.run import Runs
from wflo.models import ExecutionResult, ExecutionStatus, WorkflowExecution
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.engine import LocalEngine
from wflo.runtime.local.owner import is_dead, new_owner

# How long the end of a program may be held up by sinks. A guess.
_LAST_EVENTS_S = 10.0


def new_execution_id() -> str:
    """An id that is greater than those that were made before it, to the millisecond."""
    return f"{time.time_ns() // 1_000_000:011x}-{secrets.token_hex(5)}"


async def open_database(settings: Settings) -> Database:
    """The database that the settings name, with its tables."""
    section = settings.database
    return await Database.open(
        section.url.get_secret_value(),
        pool_size=section.pool_size,
        synchronous=section.synchronous,
        wait_s=section.wait_s,
    )


@asynccontextmanager
async def relaying(database: Database, settings: Settings) -> AsyncIterator[None]:
    """Deliver events while this is entered, and at its end those that are left.

    What cannot be delivered by then stays in the database, for the next process that does this.

    Raises:
        SettingsError: The settings name a sink that cannot be used.
    """
    sinks = make_sinks(settings.events)
    if not sinks:
        yield
        return
    relay = Relay(database, sinks, owner=new_owner(), is_dead=is_dead)
    stop = asyncio.Event()
    work = asyncio.create_task(relay.run(stop, interval_s=settings.engine.poll_interval_s))
    try:
        yield
    finally:
        stop.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_EVENTS_S):
                await work
                await relay.flush()


async def run_workflow(
    workflow: WorkflowCode,
    values: dict[str, Any],
    *,
    execution_id: str | None = None,
    settings: Settings | None = None,
) -> ExecutionResult:
    """Run a workflow to its end.

    Args:
        workflow: Which.
        values: Its input, checked.
        execution_id: Its id; one that exists is continued. By default a new one.
        settings: The database among them; by default those of the environment.

    Returns:
        How it ended, where it completed.

    Raises:
        ExecutionFailed: It failed.
        ExecutionCancelled: It was cancelled.
        ExecutionExists: The id belongs to another workflow or input.
        CodeChanged: The run was submitted with other code.
    """
    chosen = settings or Settings()
    async with await open_database(chosen) as database:
        engine = LocalEngine(database, [workflow], chosen.engine)
        execution_id = execution_id or new_execution_id()
        async with relaying(database, chosen):
            await engine.submit(workflow, values, execution_id=execution_id)
            await engine.run_until(execution_id)
        return await _read_result(database, execution_id, engine.new_runs())


async def _read_result(database: Database, execution_id: str, runs: Runs) -> ExecutionResult:
    """How a run ended that completed.

    Raises:
        ExecutionFailed: It failed.
        ExecutionCancelled: It was cancelled.
    """
    async with database.read() as conn:
        execution = await get_execution(conn, execution_id)
        if execution.status is not ExecutionStatus.COMPLETED:
            raise failed(execution)
        results = await results_of(conn, execution_id, runs)
        return ExecutionResult(execution=execution, results=results)


def failed(execution: WorkflowExecution) -> ExecutionFailed:
    """The error for a run that did not complete."""
    lines = [f"execution {execution.id!r} of workflow {execution.workflow!r}: {execution.error}"]
    failure = execution.failure
    if failure is not None:
        lines[0] += f": {failure.kind}: {failure.message}"
        lines += [failure.traceback.rstrip()] if failure.traceback else []
    cancelled = execution.status is ExecutionStatus.CANCELLED
    kind = ExecutionCancelled if cancelled else ExecutionFailed
    return kind("\n".join(lines), execution_id=execution.id, failure=failure)
