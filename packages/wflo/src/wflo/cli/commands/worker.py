"""``wflo worker``: runs what was submitted."""

from __future__ import annotations

import asyncio
import sys

import click

from wflo.cli.ending import INTERRUPTED, OK
from wflo.cli.options import database_option, json_option
from wflo.cli.output import say, show_json
from wflo.cli.session import load_settings, opened
from wflo.cli.signals import listening
from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.journal.queries import unfinished_states
from wflo.observability.logging import configure_logging
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.codes import check_supported
from wflo.runtime.local.embedded import relaying
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_app


@click.command("worker")
@click.option(
    "--app",
    "apps",
    metavar="MODULE",
    multiple=True,
    required=True,
    help="A module, or FILE.py, whose workflows this worker runs; one of them, if :NAME follows. "
    "Repeatable.",
)
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1, 10_000),
    help="How many steps at once, instead of WFLO_ENGINE__MAX_CONCURRENCY.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Also run what was submitted of the same version when the code of its steps was another.",
)
@json_option
@database_option
def command(
    *,
    apps: tuple[str, ...],
    concurrency: int | None,
    accept_changes: bool,
    as_json: bool,
    database: str | None,
) -> int:
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
    return asyncio.run(_serve(settings, codes, accept_changes=accept_changes, as_json=as_json))


async def _serve(
    settings: Settings, codes: list[WorkflowCode], *, accept_changes: bool, as_json: bool
) -> int:
    stopping = _Stopping(settings.engine.drain_s)
    with listening() as ears:
        async with opened(settings, must_exist=False) as database, relaying(database, settings):
            with ears.doing(stopping.hear):
                _tell(settings, codes, database, as_json=as_json)
                if not accept_changes:
                    await _warn(database, codes)
                engine = LocalEngine(
                    database, codes, settings.engine, accept_changes=accept_changes
                )
                return await stopping.serve(engine)


class _Stopping:
    """Lets an engine work until the process is told to stop: gently, then at once."""

    def __init__(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._stop = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._given_up = False

    def hear(self, times: int) -> None:
        if times == 1:
            say(f"Stopping: waiting up to {self._drain_s:g} s for running steps.")
            self._stop.set()
        elif self._work is not None and not self._given_up:
            self._given_up = True
            say("Stopping: giving running steps back.")
            self._work.cancel()

    async def serve(self, engine: LocalEngine) -> int:
        self._work = asyncio.create_task(engine.serve(self._stop))
        try:
            await self._work
        except asyncio.CancelledError:
            if not self._given_up:
                raise
            return INTERRUPTED
        return OK


def _tell(
    settings: Settings, codes: list[WorkflowCode], database: Database, *, as_json: bool
) -> None:
    concurrency = settings.engine.max_concurrency
    names = [(code.definition.name, code.definition.version) for code in codes]
    listed = ", ".join(" ".join(name) for name in names)
    say(f"Working on {listed}, {concurrency} steps at once; {database.url}")
    if as_json:
        workflows = [{"name": name, "version": version} for name, version in names]
        show_json(
            {"workflows": workflows, "concurrency": concurrency, "database": str(database.url)}
        )


async def _warn(database: Database, codes: list[WorkflowCode]) -> None:
    """Tell of runs that wait for other code than this: nothing else says why they wait."""
    known = {code.plan.digest for code in codes}
    async with database.read() as conn:
        states = await unfinished_states(conn, [code.definition.name for code in codes])
    for name in dict.fromkeys(
        f"{state.name} {state.version}" for state in states if state.digest not in known
    ):
        say(
            f"Warning: some runs of {name} were submitted with other code, and are left alone; "
            "--accept-changes runs those of the version that is here"
        )
