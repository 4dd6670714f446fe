"""``wflo resume``: lets a run go on that failed or was cancelled."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence

import click

from wflo.cli.ending import OK
from wflo.cli.options import database_option, id_argument, json_option
from wflo.cli.output import say, show_json
from wflo.cli.running import run_here
from wflo.cli.session import database_words, load_settings, opened
from wflo.cli.signals import listening
from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.errors import WorkflowNotFound
from wflo.journal.listing import get_summary
from wflo.journal.queries import get_source
from wflo.models import ExecutionStatus, WorkflowExecution
from wflo.runtime.local.embedded import relaying
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_source
from wflo.workflow.manager import WorkflowManager


@click.command("resume")
@id_argument
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
    if accept_changes and not here:
        raise click.UsageError(
            "--accept-changes needs --run; of a worker it is `wflo worker --accept-changes`"
        )
    settings = load_settings(database)
    again = ["wflo", "resume", "--run", execution_id]
    again += ["--accept-changes"] if accept_changes else []
    again += database_words(database)
    if here:
        work = _run(
            settings, execution_id, accept_changes=accept_changes, as_json=as_json, again=again
        )
    else:
        work = _reopen(settings, execution_id, as_json=as_json, again=again)
    return asyncio.run(work)


async def _run(
    settings: Settings,
    execution_id: str,
    *,
    accept_changes: bool,
    as_json: bool,
    again: Sequence[str],
) -> int:
    with listening() as ears:
        async with opened(settings) as database, relaying(database, settings):
            engine = await _engine(database, settings, execution_id, accept_changes=accept_changes)
            execution = await WorkflowManager(database).resume_execution(execution_id)
            if execution.status is ExecutionStatus.COMPLETED:
                say(f"execution {execution_id} has completed already")
            return await run_here(
                database,
                engine,
                execution_id,
                ears=ears,
                logs=settings.logging,
                as_json=as_json,
                again=again,
                resume=again,
            )


async def _engine(
    database: Database, settings: Settings, execution_id: str, *, accept_changes: bool
) -> LocalEngine:
    async with database.read() as conn:
        source = await get_source(conn, execution_id)
        summary = await get_summary(conn, execution_id)
    try:
        code = load_source(source, summary.workflow).code
    except WorkflowNotFound as error:
        error.add_note(f"The code of execution {execution_id!r} is {source}, as it was submitted.")
        raise
    return LocalEngine(database, [code], settings.engine, accept_changes=accept_changes)


async def _reopen(
    settings: Settings, execution_id: str, *, as_json: bool, again: Sequence[str]
) -> int:
    async with opened(settings) as database:
        execution = await WorkflowManager(database).resume_execution(execution_id)
    if execution.status.ended:
        raise click.ClickException(
            f"execution {execution_id!r} cannot be resumed: it has {_past(execution)}"
        )
    if as_json:
        show_json(execution)
    say(f"execution {execution_id}: {execution.status}; a worker goes on with it,")
    say(f"or this, here: {shlex.join(again)}")
    return OK


def _past(execution: WorkflowExecution) -> str:
    return str(execution.status).replace("_", " ")
