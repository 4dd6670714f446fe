"""``wflo logs``: what a run's steps said."""

from __future__ import annotations

import asyncio

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.cli.ending import INTERRUPTED, OK
from wflo.cli.options import database_option, id_argument, json_option
from wflo.cli.output import show_json, show_line
from wflo.cli.paint import Line, Piece
from wflo.cli.session import with_database
from wflo.cli.signals import told
from wflo.cli.texts import clock_text, harmless, names_text, short_value_text
from wflo.db.engine import Database
from wflo.errors import InputError, nearest
from wflo.journal.listing import get_summary
from wflo.journal.queries import get_logs, get_run
from wflo.models.record import LogEntry

_INTERVAL_S = 0.5
_AT_ONCE = 1_000
_MOST_CELLS = 500
_STYLES = {"debug": "dim", "warning": "yellow", "error": "red"}


@click.command("logs")
@id_argument
@click.option("--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--step", metavar="STEP", help="What this step said.")
@json_option
@database_option
def command(
    *, execution_id: str, follow: bool, step: str | None, as_json: bool, database: str | None
) -> int:
    """Print what a run's steps said by ctx.log, in the order in which they were committed.

    With --json, each line is an object.
    """

    async def show(opened: Database) -> int:
        stop = asyncio.Event()
        with told(lambda _times: stop.set()):
            await _show(opened, execution_id, follow=follow, step=step, as_json=as_json, stop=stop)
        return INTERRUPTED if stop.is_set() else OK

    return with_database(database, show)


async def _show(
    database: Database,
    execution_id: str,
    *,
    follow: bool,
    step: str | None,
    as_json: bool,
    stop: asyncio.Event,
) -> None:
    after = 0
    while not stop.is_set():
        async with database.read() as conn:
            summary = await get_summary(conn, execution_id)
            if not after and step is not None:
                await _check_step(conn, execution_id, step)
            entries = await get_logs(conn, execution_id, after=after, limit=_AT_ONCE)
        for entry in entries:
            after = entry.id
            if step in (None, entry.step):
                _print(entry, as_json=as_json)
        if len(entries) == _AT_ONCE:
            continue
        if not follow or summary.status.ended:
            return
        try:
            async with asyncio.timeout(_INTERVAL_S):
                await stop.wait()
        except TimeoutError:
            pass


async def _check_step(conn: AsyncConnection, execution_id: str, step: str) -> None:
    steps = (await get_run(conn, execution_id)).plan.steps
    if step not in steps:
        hint = nearest(step, steps) or f"; it has {names_text(tuple(steps))}"
        raise InputError(f"execution {execution_id!r} has no step {step!r}{hint}")


def _print(entry: LogEntry, *, as_json: bool) -> None:
    if as_json:
        show_json(entry)
    else:
        show_line(_line(entry))


def _line(entry: LogEntry) -> Line:
    where = f"{entry.step}[{entry.iteration}]" if entry.iteration else entry.step
    again = f" (attempt {entry.attempt})" if entry.attempt > 1 else ""
    fields = "".join(
        f" {name}={short_value_text(value, _MOST_CELLS)}" for name, value in entry.fields.items()
    )
    return [
        Piece(clock_text(entry.created_at), "dim"),
        Piece(f" {entry.level:<7} ", _STYLES.get(entry.level, "")),
        Piece(where, "bold"),
        Piece(f"{again}: {harmless(entry.message)}"),
        Piece(fields, "dim"),
    ]
