"""Shows a run for as long as it lasts: drawn on a terminal, else in plain lines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import IO, Protocol

from wflo.cli.board import Board, Shown
from wflo.cli.lookout import Lookout
from wflo.cli.output import say
from wflo.cli.paint import has_colours, is_terminal, painted, takes_symbols
from wflo.cli.reports import Reports
from wflo.cli.screen import Screen
from wflo.cli.texts import duration_text
from wflo.journal.run import Run
from wflo.plan import Plan

_LIVE_INTERVAL_S = 0.15
_PLAIN_INTERVAL_S = 0.5

# A run that has ended is shown with this many lines at most, however high the terminal is.
_MOST_LINES = 60


class Display(Protocol):
    """Shows a run as it is now.

    Attributes:
        interval_s: How long after that it is to be shown again.
    """

    interval_s: float

    def draw(self, shown: Shown) -> None: ...


class Live:
    """Draws the run in the last lines of a terminal.

    Args:
        plan: The run's.
        stream: The terminal.
    """

    interval_s = _LIVE_INTERVAL_S

    def __init__(self, plan: Plan, stream: IO[str]) -> None:
        self._board = Board(plan, symbols=takes_symbols(stream))
        self._colours = has_colours(stream)
        self._screen = Screen(stream)
        self._tick = 0

    def draw(self, shown: Shown) -> None:
        """Draw over what was drawn before."""
        self._tick += 1
        size = self._screen.size
        height = max(size.lines, _MOST_LINES) if shown.status.ended else size.lines
        lines = self._board.lines(shown, width=size.columns, height=height, tick=self._tick)
        self._screen.draw([painted(line, colours=self._colours) for line in lines])

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """What is printed meanwhile stands above; in the end, what was drawn last is left."""
        try:
            with self._screen.holding_output():
                yield
        finally:
            self._screen.leave()


class Lines:
    """Prints a line on stderr for what is new.

    Args:
        plan: The run's.
        execution_id: Which one.
    """

    interval_s = _PLAIN_INTERVAL_S

    def __init__(self, plan: Plan, execution_id: str) -> None:
        definition = plan.definition
        self._title = f"execution {execution_id} of {definition.name} {definition.version}"
        self._reports = Reports()

    def draw(self, shown: Shown) -> None:
        """Print what is new."""
        if self._title:
            say(self._title)
            self._title = ""
        for line in self._reports.lines(shown):
            say(line)
        if shown.status.ended and shown.started_at_us and shown.ended_at_us:
            seconds = (shown.ended_at_us - shown.started_at_us) / 1e6
            say(f"execution {shown.execution_id}: {shown.status} in {duration_text(seconds)}")

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """Nothing is in the way of what is printed meanwhile."""
        yield


def make_display(run: Run, stream: IO[str] | None) -> Live | Lines:
    """What suits the stream."""
    if stream is not None and is_terminal(stream):
        return Live(run.plan, stream)
    return Lines(run.plan, run.id)


async def watch(lookout: Lookout, display: Display, stop: asyncio.Event) -> None:
    """Show a run until it has ended, or until `stop` is set; then once more as it is then."""
    while True:
        stopped = stop.is_set()
        shown = await lookout.look()
        display.draw(shown)
        if stopped or shown.status.ended:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(display.interval_s):
                await stop.wait()
