"""``wflo show``: a run and its steps."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import Any

import click

from wflo.cli.board import Board
from wflo.cli.details import detail_lines
from wflo.cli.ending import INTERRUPTED, OK
from wflo.cli.lookout import look_for
from wflo.cli.options import database_option, id_argument, json_option
from wflo.cli.output import show_json, show_line
from wflo.cli.paint import is_terminal, takes_symbols
from wflo.cli.session import with_database
from wflo.cli.signals import told
from wflo.cli.watching import make_display, watch
from wflo.db.engine import Database
from wflo.journal.queries import acts_on, attempts, get_execution, get_source, steps_of
from wflo.journal.states import state_at

_NO_EDGE = 10_000  # columns, and lines, where there is no terminal that ends


@click.command("show")
@id_argument
@click.option("--follow", is_flag=True, help="Show how it goes until it has ended.")
@json_option
@database_option
def command(*, execution_id: str, follow: bool, as_json: bool, database: str | None) -> int:
    """Show a run and its steps."""

    async def show(opened: Database) -> int:
        if follow and not await _follow(opened, execution_id):
            return INTERRUPTED
        if as_json:
            show_json(await _document(opened, execution_id))
        else:
            await _show(opened, execution_id)
        return OK

    return with_database(database, show)


async def _follow(database: Database, execution_id: str) -> bool:
    """Show how it goes, until it has ended.

    Returns:
        False if we were told to stop before.
    """
    lookout = await look_for(database, execution_id)
    display = make_display(lookout.run, sys.stderr)
    stop = asyncio.Event()
    with display.drawing(), told(lambda _times: stop.set()):
        await watch(lookout, display, stop)
    return not stop.is_set()


async def _document(database: Database, execution_id: str) -> dict[str, Any]:
    async with database.read() as conn:
        return {
            "execution": await get_execution(conn, execution_id),
            "source": await get_source(conn, execution_id),
            "state": await state_at(conn, execution_id),
            "steps": await steps_of(conn, execution_id),
            "attempts": await attempts(conn, execution_id),
            "audit": [act._asdict() for act in await acts_on(conn, execution_id)],
        }


async def _show(database: Database, execution_id: str) -> None:
    lookout = await look_for(database, execution_id)
    shown = await lookout.look()
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else _NO_EDGE
    board = Board(lookout.run.plan, symbols=takes_symbols(sys.stdout))
    for line in board.lines(shown, width=width, height=_NO_EDGE):
        show_line(line)
    show_line([])
    async with database.read() as conn:
        execution = await get_execution(conn, execution_id)
        source = await get_source(conn, execution_id)
        state = await state_at(conn, execution_id)
        acts = await acts_on(conn, execution_id)
    for line in detail_lines(execution, source, state, acts):
        show_line(line)
