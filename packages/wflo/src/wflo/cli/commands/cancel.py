"""``wflo cancel``: ends a run."""

from __future__ import annotations

import click

from wflo.cli.ending import FAILED, OK
from wflo.cli.options import database_option, json_option
from wflo.cli.output import say, show_json
from wflo.cli.session import with_database
from wflo.db.engine import Database
from wflo.models import ExecutionStatus
from wflo.workflow.manager import WorkflowManager


@click.command("cancel")
@click.argument("execution_id", metavar="ID")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@json_option
@database_option
def command(*, execution_id: str, reason: str, as_json: bool, database: str | None) -> int:
    """End a run, and the runs that its steps started.

    Steps that are running are told to stop, and nothing that they do counts any more.
    """

    async def cancel(opened: Database) -> int:
        manager = WorkflowManager(opened)
        execution = await manager.cancel_execution(execution_id, reason)
        if as_json:
            show_json(execution)
        if execution.status is ExecutionStatus.CANCELLED:
            say(f"execution {execution_id}: cancelled")
            return OK
        say(f"Error: execution {execution_id!r} had ended already: {execution.status}")
        return FAILED

    return with_database(database, cancel)
