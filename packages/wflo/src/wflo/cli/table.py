"""Draws a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wflo.cli.paint import Line, Piece
from wflo.cli.texts import cells, cut

_GAP = "  "


class Column(NamedTuple):
    """A column.

    Attributes:
        title: Its title.
        right: Whether its cells stand at the right: numbers.
        shrinks: Whether it gives way where the table is too wide.
    """

    title: str
    right: bool = False
    shrinks: bool = False


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[Piece]], width: int | None
) -> list[Line]:
    """The table, title first; columns that are empty in every row are left out.

    Args:
        columns: Its columns.
        rows: Its rows: a piece for each column.
        width: How wide it may be; None: as wide as it is.
    """
    used = [place for place in range(len(columns)) if any(row[place].text for row in rows)]
    titles = [Piece(columns[place].title, "dim") for place in used]
    shown = [titles, *([row[place] for place in used] for row in rows)]
    widths = [max(cells(row[place].text) for row in shown) for place in range(len(used))]
    kept = [columns[place] for place in used]
    if width is not None:
        _shrink(kept, widths, width)
    return [_line(row, kept, widths) for row in shown]


def _shrink(columns: Sequence[Column], widths: list[int], width: int) -> None:
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for place in reversed(range(len(columns))):
        if columns[place].shrinks and over > 0:
            room = max(8, widths[place] - over)
            over -= widths[place] - min(room, widths[place])
            widths[place] = min(room, widths[place])


def _line(row: Sequence[Piece], columns: Sequence[Column], widths: Sequence[int]) -> Line:
    line: Line = []
    for (text, style), column, width in zip(row, columns, widths, strict=True):
        shown = cut(text, width)
        padding = " " * (width - cells(shown))
        cell = (
            [Piece(padding), Piece(shown, style)]
            if column.right
            else [Piece(shown, style), Piece(padding)]
        )
        line += [*cell, Piece(_GAP)]
    return line
