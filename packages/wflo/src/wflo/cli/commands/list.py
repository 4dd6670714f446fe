"""``wflo list``: runs, the newest first."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from pydantic import ValidationError

from wflo.cli.options import database_option, json_option
from wflo.cli.output import say, show_json, show_line
from wflo.cli.paint import Line, Piece, is_terminal
from wflo.cli.session import rows_of
from wflo.cli.statuses import STATUS_STYLES
from wflo.cli.table import Column, table_lines
from wflo.cli.texts import duration_text, one_line, time_text
from wflo.errors import InputError
from wflo.journal.pages import MAX_PAGE, page_of, page_query
from wflo.models import ExecutionStatus, format_usd
from wflo.models.listing import ExecutionFilter, ExecutionPage, ExecutionSummary

_COLUMNS = (
    Column("ID"),
    Column("WORKFLOW", shrinks=True),
    Column("STATUS"),
    Column("CREATED"),
    Column("DURATION", right=True),
    Column("COST", right=True),
    Column("ERROR", shrinks=True),
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """``2026-11-22``, ``2026-11-22T08:30``, or how long ago: ``90m``, ``2h``, ``7d``."""
    try:
        if value is None:
            return None
        if ago := re.fullmatch(r"([0-9]+)([smhdw])", value):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(value).astimezone()
    except (ValueError, OverflowError):
        accepted = "2026-11-22, 2026-11-22T08:30, or how long ago: 90m, 2h, 7d"
        raise click.BadParameter(f"{value!r} is no time: {accepted}", ctx, param) from None


@click.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([str(status) for status in ExecutionStatus]),
    help="Runs of this status. Repeatable.",
)
@click.option("--workflow", metavar="NAME", help="Runs of this workflow.")
@click.option("--version", metavar="VERSION", help="Runs of this version of it.")
@click.option("--parent", metavar="ID", help="Runs that steps of this run started.")
@click.option("--all", "everything", is_flag=True, help="Also runs that steps of others started.")
@click.option(
    "--since",
    metavar="TIME",
    callback=_time,
    help="Submitted then or later: a date, or 2h for ago.",
)
@click.option("--before", metavar="TIME", callback=_time, help="Submitted before.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_PAGE),
    default=20,
    show_default=True,
    help="How many.",
)
@click.option("--cursor", metavar="TEXT", help="Go on where a list ended that said this.")
@json_option
@database_option
def command(
    *, as_json: bool, database: str | None, limit: int, cursor: str | None, **filters: Any
) -> None:
    """List runs, the newest first."""
    query = page_query(_filter(**filters), limit=limit, cursor=cursor)
    page = page_of(rows_of(database, query), limit=limit)
    if as_json:
        show_json(page)
    else:
        _show(page)


def _filter(
    *,
    statuses: tuple[str, ...],
    everything: bool,
    since: datetime | None,
    before: datetime | None,
    **names: str | None,
) -> ExecutionFilter:
    try:
        return ExecutionFilter(
            statuses=tuple(ExecutionStatus(status) for status in statuses),
            top_level=not everything and names["parent"] is None,
            created_after=since,
            created_before=before,
            **names,
        )
    except ValidationError as error:
        [option, *_] = {str(each["loc"][0]) for each in error.errors()}
        raise InputError(f"--{option}: {names[option]!r} is none that there could be") from None


def _show(page: ExecutionPage) -> None:
    if not page.executions:
        say("No runs.")
        return
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    rows = [_row(execution) for execution in page.executions]
    for line in table_lines(_COLUMNS, rows, width):
        show_line(line)
    if page.next_cursor:
        say(f"More: --cursor {page.next_cursor}")


def _row(execution: ExecutionSummary) -> Line:
    cost = execution.cost_micro_usd
    return [
        Piece(execution.id, "bold"),
        Piece(f"{execution.workflow} {execution.version}"),
        Piece(execution.status, STATUS_STYLES[execution.status]),
        Piece(time_text(execution.created_at), "dim"),
        Piece(_duration(execution)),
        Piece(format_usd(cost) if cost else ""),
        Piece(one_line(execution.error or ""), "red"),
    ]


def _duration(execution: ExecutionSummary) -> str:
    if execution.started_at is None:
        return ""
    until = execution.ended_at or datetime.now(UTC)
    return duration_text((until - execution.started_at).total_seconds())
