"""Shows parallel runs on a terminal, while they go on, in its last lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from kohakuengine_cli.board import Board
from kohakuengine_cli.ticker import Ticker

__all__ = ["live"]

# Between two drawings, each of which takes some milliseconds of the processor.
_INTERVAL_S = 0.2


@contextmanager
def live(board: Board, console: Console) -> Iterator[None]:
    """Keep a board in the terminal's last lines; what is printed meanwhile stands above it."""
    shown = Live(
        console=console,
        get_renderable=lambda: board,
        auto_refresh=False,
        transient=True,
        # Of what goes elsewhere, nothing is to appear on the terminal.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        vertical_overflow="crop",
    )
    with shown, Ticker(_INTERVAL_S, shown.refresh):
        yield
