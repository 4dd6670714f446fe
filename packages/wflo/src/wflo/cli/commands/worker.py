"""``wflo worker``: runs what was submitted."""

from __future__ import annotations

import asyncio
import sys

import click

from wflo.cli.ending import INTERRUPTED, OK
from wflo.cli.options import database_option
from wflo.cli.output import say
from wflo.cli.session import load_settings, opened
from wflo.cli.signals import told
from wflo.config.settings import Settings
from wflo.observability.logging import configure_logging
from wflo.runtime.code import WorkflowCode
from wflo.runtime.codes import check_supported
from wflo.runtime.embedded import relaying
from wflo.runtime.local import LocalEngine
from wflo.sdk.loading import load_app


@click.command("worker")
@click.option(
    "--app",
    "apps",
    metavar="MODULE",
    multiple=True,
    required=True,
    help="A module, or FILE.py, with the workflows that this worker runs. Repeatable.",
)
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1, 10_000),
    help="How many steps at once, instead of WFLO_ENGINE__MAX_CONCURRENCY.",
)
@database_option
def command(*, apps: tuple[str, ...], concurrency: int | None, database: str | None) -> int:
    """Run what was submitted, until it is told to stop.

    At SIGTERM or Ctrl-C it takes nothing new, and lets the steps end that it runs, for
    WFLO_ENGINE__DRAIN_S seconds. At the second one it gives them back at once.
    """
    settings = load_settings(database)
    if concurrency is not None:
        engine = settings.engine.model_copy(update={"max_concurrency": concurrency})
        settings = settings.model_copy(update={"engine": engine})
    codes = [workflow.code for app in apps for workflow in load_app(app)]
    for code in codes:
        check_supported(code.plan)
    configure_logging(settings.logging, sys.stderr)
    return asyncio.run(_serve(settings, codes))


async def _serve(settings: Settings, codes: list[WorkflowCode]) -> int:
    stop = asyncio.Event()
    given_up = False

    def end(times: int) -> None:
        nonlocal given_up
        if times == 1:
            say(f"Stopping: waiting up to {settings.engine.drain_s:g} s for running steps.")
            stop.set()
        elif not given_up:
            given_up = True
            say("Stopping: giving running steps back.")
            work.cancel()

    async with opened(settings, must_exist=False) as database, relaying(database, settings):
        names = ", ".join(f"{code.definition.name} {code.definition.version}" for code in codes)
        say(f"Working on {names}, {settings.engine.max_concurrency} steps at once; {database.url}")
        engine = LocalEngine(database, codes, settings.engine)
        work = asyncio.create_task(engine.serve(stop))
        with told(end):
            try:
                await work
            except asyncio.CancelledError:
                if not given_up:
                    raise
                return INTERRUPTED
    return OK
