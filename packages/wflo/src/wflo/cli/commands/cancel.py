"""``wflo cancel``: ends a run."""

from __future__ import annotations

import click

from wflo.cli.options import database_option, id_argument, json_option
from wflo.cli.output import say, show_json
from wflo.cli.session import with_database
from wflo.db.engine import Database
from wflo.models import ExecutionStatus
from wflo.workflow.manager import WorkflowManager


@click.command("cancel")
@id_argument
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@json_option
@database_option
def command(*, execution_id: str, reason: str, as_json: bool, database: str | None) -> None:
    """End a run, and the runs that its steps started.

    Steps that are running are told to stop, and nothing that they do counts any more.
    """

    async def cancel(opened: Database) -> None:
        manager = WorkflowManager(opened)
        execution = await manager.cancel_execution(execution_id, reason)
        if execution.status is not ExecutionStatus.CANCELLED:
            raise click.ClickException(
                f"execution {execution_id!r} had ended already: {execution.status}"
            )
        if as_json:
            show_json(execution)
        say(f"execution {execution_id}: cancelled")

    with_database(database, cancel)
