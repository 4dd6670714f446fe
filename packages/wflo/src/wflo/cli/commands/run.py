"""``wflo run``: a workflow, here, to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from wflo.cli.inputs import read_inputs
from wflo.cli.options import chosen_target, database_option, input_options, target_argument
from wflo.cli.running import run_here
from wflo.cli.session import database_words, load_settings, opened
from wflo.cli.signals import listening
from wflo.cli.submitting import check_before, submit_run
from wflo.config.settings import Settings
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.embedded import relaying
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_workflow


@click.command("run")
@target_argument
@input_options
@click.option(
    "--id",
    "execution_id",
    metavar="ID",
    help="The run's id. One that exists is continued; its input may be left out.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Continue the run though the code of its steps has changed since it was submitted.",
)
@database_option
def command(
    *,
    target: str | None,
    inputs: tuple[str, ...],
    json_file: str | None,
    execution_id: str | None,
    accept_changes: bool,
    database: str | None,
) -> int:
    """Run a workflow here, and wait for its end.

    TARGET is FILE.py[:WORKFLOW] or MODULE[:WORKFLOW]. What the run comes to is printed on
    stdout, how it goes on stderr. Killed in the middle, it goes on where it was with the same --id.
    """
    target, json_file = chosen_target(target, json_file)
    settings = load_settings(database)
    code = load_workflow(target).code
    given = check_before(code, read_inputs(code.inputs, inputs, json_file), execution_id, settings)
    return asyncio.run(
        _run(
            settings,
            code,
            given,
            execution_id,
            accept_changes=accept_changes,
            as_json=json_file is not None,
            target=target,
            words=[*(["--accept-changes"] if accept_changes else []), *database_words(database)],
        )
    )


async def _run(
    settings: Settings,
    code: WorkflowCode,
    given: dict[str, Any] | None,
    execution_id: str | None,
    *,
    accept_changes: bool,
    as_json: bool,
    target: str,
    words: list[str],
) -> int:
    with listening() as ears:
        async with opened(settings, must_exist=False) as database, relaying(database, settings):
            engine = LocalEngine(database, [code], settings.engine, accept_changes=accept_changes)
            execution_id = await submit_run(database, engine, code, given, execution_id)
            return await run_here(
                database,
                engine,
                execution_id,
                ears=ears,
                logs=settings.logging,
                as_json=as_json,
                again=["wflo", "run", target, "--id", execution_id, *words],
                resume=["wflo", "resume", "--run", execution_id, *words],
            )
