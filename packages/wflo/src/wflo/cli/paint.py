"""Lines with colours in them, and terminals that take them or do not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any, NamedTuple

import click

from wflo.cli.texts import cells, cut

_STYLES: dict[str, dict[str, Any]] = {
    "": {},
    "bold": {"bold": True},
    "dim": {"dim": True},
    "red": {"fg": "red"},
    "green": {"fg": "green"},
    "yellow": {"fg": "yellow"},
    "cyan": {"fg": "cyan"},
}


class Piece(NamedTuple):
    """A part of a line, in one of the styles above."""

    text: str
    style: str = ""


Line = list[Piece]


def plain_text(line: Iterable[Piece]) -> str:
    """The line's text."""
    return "".join(piece.text for piece in line).rstrip()


def painted(line: Iterable[Piece], *, colours: bool) -> str:
    """The line as a terminal takes it."""
    if not colours:
        return plain_text(line)
    return "".join(click.style(text, **_STYLES[style]) if style else text for text, style in line)


def fitted(line: Line, width: int, *, end: str = "…") -> Line:
    """As much of a line as goes into so many columns."""
    kept: Line = []
    for text, style in line:
        if cells(text) > width:
            return [*kept, Piece(cut(text, width, end=end), style)]
        kept.append(Piece(text, style))
        width -= cells(text)
    return kept


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether somebody looks at it, on what can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colours(stream: IO[str] | None) -> bool:
    """Whether to paint what goes there. See https://no-color.org."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def takes_symbols(stream: IO[str] | None) -> bool:
    """Whether its encoding has the symbols that we draw with."""
    try:
        "✓├─│━…◷⠋".encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
