"""Draws the tables of a flow's runs and of its failures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kohakuengine.flow.failures import FailureGroup, FailureGroups
from kohakuengine.flow.runs import RunStatus
from kohakuengine_cli.summary import Row, Summary
from kohakuengine_cli.texts import (
    cut,
    duration_text,
    failure_text,
    is_number_text,
    path_text,
    run_text,
)

__all__ = ["show_counts", "show_failures", "show_summary"]

# Results of more columns than this stand in one, as `loss=0.1 accuracy=0.9 ...`.
_MAX_RESULTS = 6

_MAX_CELL = 40
_MIN_WRAPPED = 24  # where less is left for an error message, the columns before it give way
_GAP = 3  # spaces between columns

_STYLES = {RunStatus.SUCCESS: "green", RunStatus.CANCELLED: "yellow"}


class _Column(NamedTuple):
    title: str
    cells: Sequence[str]
    wraps: bool = False
    right: bool = False
    is_status: bool = False

    @property
    def width(self) -> int:
        width = max(map(cell_len, [self.title, *self.cells]))
        return min(width, _MIN_WRAPPED) if self.wraps else width


def show_summary(console: Console, summary: Summary, *, several_scripts: bool) -> None:
    """Print the table, if it says more than the failure that there was."""
    rows = summary.rows
    if not rows or (len(rows) == 1 and rows[0].reason):
        return
    end = "..." if console.options.ascii_only else "…"
    columns = list(_columns(rows, summary.varying, several_scripts=several_scripts, end=end))
    console.print()
    if sum(column.width + _GAP for column in columns) - _GAP <= console.width:
        _print(console, _table(rows, columns, gap=end))
    else:
        _print(console, _records(rows, summary.varying, several_scripts=several_scripts))
    console.print()


def show_counts(console: Console, summary: Summary) -> None:
    """Print the last line: how many runs there were, and how they went."""
    console.print(Text(str(summary), style="" if summary.all_well else "bold red"))


def show_failures(console: Console, failures: FailureGroups) -> None:
    """Print how many runs failed in the same way, of each kind the first one and its log."""
    if not failures.count:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="red")
    table.add_column(overflow="fold")
    for group in sorted(failures, key=lambda group: -group.count):
        table.add_row(f"{group.count}x", Text("\n").join(_failure(group)))
    if failures.others:
        table.add_row(f"{failures.others}x", "of other kinds")
    _print(console, table)
    console.print()


def _failure(group: FailureGroup) -> list[Text]:
    first = group.first
    lines = [Text(failure_text(first), "red")]
    lines.append(Text("  ".join([f"first: run {first.index + 1}", *run_text(first.config)])))
    if first.log_path and os.path.exists(first.log_path):
        lines.append(Text(f"log: {path_text(first.log_path)}"))
    return lines


def _print(console: Console, table: Table) -> None:
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    # In a file or a log, spaces at the end of lines are a nuisance.
    for line in drawn.get().splitlines():
        console.out(line.rstrip(), highlight=False)


def _columns(
    rows: Sequence[Row], names: Sequence[str], *, several_scripts: bool, end: str
) -> Iterable[_Column]:
    """A column for each name that varies, and for each part of the results."""
    yield _Column("run", [str(row.number) for row in rows], right=True)
    if several_scripts:
        yield _Column("script", [row.script for row in rows])
    for name in names:
        yield _values(name, [cut(row.values.get(name, ""), _MAX_CELL, end=end) for row in rows])
    if any(row.attempt > 1 for row in rows):
        yield _Column("attempt", [str(row.attempt) for row in rows], right=True)
    yield _Column("status", [str(row.status) for row in rows], is_status=True)
    yield _Column("duration", [duration_text(row.duration_s) for row in rows], right=True)
    results = dict.fromkeys(name for row in rows for name in row.outcome)
    if len(results) > _MAX_RESULTS:
        yield _Column("value", [_joined(row.outcome) for row in rows], wraps=True)
    else:
        for name in results:
            cells = [cut(row.outcome.get(name, ""), _MAX_CELL, end=end) for row in rows]
            yield _values(name, cells)
    if any(row.reason for row in rows):
        yield _Column("error", [row.reason for row in rows], wraps=True)


def _values(title: str, cells: Sequence[str]) -> _Column:
    return _Column(title, cells, right=all(map(is_number_text, cells)))


def _joined(values: Mapping[str, str]) -> str:
    return "  ".join(text if name == "value" else f"{name}={text}" for name, text in values.items())


def _table(rows: Sequence[Row], columns: Sequence[_Column], *, gap: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold",
        )
    previous = 0
    for index, row in enumerate(rows):
        if index and row.number != previous + 1:
            table.add_row(gap)
        previous = row.number
        cells = (
            Text(column.cells[index], style=_status_style(row) if column.is_status else "")
            for column in columns
        )
        table.add_row(*cells, style=_row_style(row))
    return table


def _records(rows: Sequence[Row], names: Sequence[str], *, several_scripts: bool) -> Table:
    """For a terminal that is too narrow for the table: some lines for each run."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for row in rows:
        head = Text(f"  {duration_text(row.duration_s)}")
        if several_scripts:
            head.append(f"  {row.script}")
        head = Text(str(row.status), style=_status_style(row)) + head
        values = _joined({name: row.values[name] for name in names if name in row.values})
        lines = [line for line in (values, _joined(row.outcome), row.reason) if line]
        table.add_row(
            str(row.number), Text("\n").join([head, *map(Text, lines)]), style=_row_style(row)
        )
    return table


def _status_style(row: Row) -> str:
    return _STYLES.get(row.status, "")


def _row_style(row: Row) -> str:
    return "" if row.status in _STYLES else "red"
