"""``wflo history``: what happened to a run."""

from __future__ import annotations

import click

from wflo.cli.options import database_option, id_argument, json_option
from wflo.cli.output import show_json, show_line
from wflo.cli.paint import Line, Piece
from wflo.cli.session import with_database
from wflo.cli.texts import clock_text, one_line, short_value_text
from wflo.db.engine import Database
from wflo.events.schemas import Event
from wflo.journal.listing import get_summary
from wflo.journal.queries import history

_MOST_CELLS = 200


@click.command("history")
@id_argument
@json_option
@database_option
def command(*, execution_id: str, as_json: bool, database: str | None) -> None:
    """Print what happened to a run, in order."""

    async def query(opened: Database) -> list[Event]:
        async with opened.read() as conn:
            await get_summary(conn, execution_id)
            return await history(conn, execution_id)

    events = with_database(database, query)
    if as_json:
        show_json({"execution_id": execution_id, "events": events})
        return
    for event in events:
        show_line(_line(event))


def _line(event: Event) -> Line:
    where = event.step or ""
    if event.iteration:
        where += f"[{event.iteration}]"
    said = {name: value for name, value in event.payload.items() if value is not None}
    return [
        Piece(f"{event.sequence:>5}  ", "dim"),
        Piece(clock_text(event.created_at), "dim"),
        Piece(f"  {event.type:<20}  "),
        Piece(where, "bold"),
        Piece("".join(f"  {name}={_text(value)}" for name, value in said.items()), "dim"),
    ]


def _text(value: object) -> str:
    if isinstance(value, str):
        return one_line(value)[:_MOST_CELLS]
    return short_value_text(value, _MOST_CELLS)
