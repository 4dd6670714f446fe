"""``wflo submit``: a run for a worker to do."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from wflo.cli.inputs import read_inputs
from wflo.cli.options import chosen_target, database_option, input_options, target_argument
from wflo.cli.output import show, show_json
from wflo.cli.session import load_settings, opened
from wflo.cli.submitting import check_before, submit_run
from wflo.config.settings import Settings
from wflo.journal.listing import get_summary
from wflo.models.listing import ExecutionSummary
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_workflow


@click.command("submit")
@target_argument
@input_options
@click.option(
    "--id",
    "execution_id",
    metavar="ID",
    help="The run's id. One that exists, with the same input, is left as it is.",
)
@database_option
def command(
    *,
    target: str | None,
    inputs: tuple[str, ...],
    json_file: str | None,
    execution_id: str | None,
    database: str | None,
) -> None:
    """Create a run, for a worker to do, and print its id.

    TARGET is FILE.py[:WORKFLOW] or MODULE[:WORKFLOW]. Workers need the same code.
    """
    target, json_file = chosen_target(target, json_file)
    settings = load_settings(database)
    code = load_workflow(target).code
    given = check_before(code, read_inputs(code.inputs, inputs, json_file), execution_id, settings)
    submitted = asyncio.run(_submit(settings, code, given, execution_id))
    if json_file is None:
        show(submitted.id)
    else:
        show_json(submitted)


async def _submit(
    settings: Settings,
    code: WorkflowCode,
    given: dict[str, Any] | None,
    execution_id: str | None,
) -> ExecutionSummary:
    async with opened(settings, must_exist=False) as database:
        engine = LocalEngine(database, [code], settings.engine)
        execution_id = await submit_run(database, engine, code, given, execution_id)
        async with database.read() as conn:
            return await get_summary(conn, execution_id)
