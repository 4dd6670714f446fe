"""``wflo resume``: lets a run go on that failed or was cancelled."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence

import click

from wflo.cli.ending import FAILED, OK
from wflo.cli.options import database_option, json_option
from wflo.cli.output import say, show_json
from wflo.cli.running import run_here
from wflo.cli.session import database_words, load_settings, opened
from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.journal.listing import get_summary
from wflo.journal.queries import get_source
from wflo.models import ExecutionStatus, WorkflowExecution
from wflo.runtime.embedded import relaying
from wflo.runtime.local import LocalEngine
from wflo.sdk.loading import load_source
from wflo.workflow.manager import WorkflowManager


@click.command("resume")
@click.argument("execution_id", metavar="ID")
@click.option("--run", "here", is_flag=True, help="Run it here, to its end, like `wflo run`.")
@click.option(
    "--accept-changes",
    is_flag=True,
    help="With --run: though the code of its steps has changed since it was submitted.",
)
@json_option
@database_option
def command(
    *, execution_id: str, here: bool, accept_changes: bool, as_json: bool, database: str | None
) -> int:
    """Let a run that failed or was cancelled go on. What completed is not done again.

    A worker goes on with it, or this command with --run.
    """
    settings = load_settings(database)
    again = ["wflo", "resume", "--run", execution_id, *database_words(database)]

    async def resume() -> int:
        async with opened(settings) as db:
            if not here:
                return await _reopen(db, execution_id, as_json=as_json, again=again)
            engine = await _engine(db, settings, execution_id, accept_changes=accept_changes)
            execution = await WorkflowManager(db).resume_execution(execution_id)
            if execution.status is ExecutionStatus.COMPLETED:
                say(f"execution {execution_id} has completed already")
            async with relaying(db, settings):
                return await run_here(
                    db,
                    engine,
                    execution_id,
                    logs=settings.logging,
                    as_json=as_json,
                    again=again,
                    resume=again,
                )

    return asyncio.run(resume())


async def _engine(
    database: Database, settings: Settings, execution_id: str, *, accept_changes: bool
) -> LocalEngine:
    async with database.read() as conn:
        source = await get_source(conn, execution_id)
        summary = await get_summary(conn, execution_id)
    code = load_source(source, summary.workflow).code
    return LocalEngine(database, [code], settings.engine, accept_changes=accept_changes)


async def _reopen(
    database: Database, execution_id: str, *, as_json: bool, again: Sequence[str]
) -> int:
    execution = await WorkflowManager(database).resume_execution(execution_id)
    if as_json:
        show_json(execution)
    if execution.status.ended:
        say(f"Error: execution {execution_id!r} cannot be resumed: it has {_past(execution)}")
        return FAILED
    say(f"execution {execution_id}: {execution.status}; a worker goes on with it,")
    say(f"or this, here: {shlex.join(again)}")
    return OK


def _past(execution: WorkflowExecution) -> str:
    return str(execution.status).replace("_", " ")
