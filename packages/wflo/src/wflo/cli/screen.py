"""The last lines of a terminal, drawn again and again; what is printed meanwhile stands above."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

_UP = "\x1b[{}F"  # to the start of a line so many lines above
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"


class Screen:
    """Draws lines, and remembers how many there are to be drawn over.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.RLock()  # steps print from threads
        self._drawn: list[str] = []

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines that can be drawn."""
        try:
            found = os.get_terminal_size(self._stream.fileno())
        except OSError:
            found = os.terminal_size((0, 0))
        columns, lines = found.columns or 80, found.lines or 24  # some terminals say that it is 0
        return os.terminal_size((columns - 1, lines - 1))

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those before."""
        with self._lock:
            self._write("".join(f"{line}{_CLEAR_LINE}\n" for line in lines) + _CLEAR_BELOW)
            self._drawn = list(lines)

    def print_above(self, text: str) -> None:
        """Show a text, which ends with a line, before what is drawn."""
        with self._lock:
            drawn = "".join(f"{line}\n" for line in self._drawn)
            self._write(_CLEAR_BELOW + text + drawn)

    def leave(self) -> None:
        """Let what is drawn stand."""
        with self._lock:
            self._drawn = []

    def _write(self, text: str) -> None:
        up = _UP.format(len(self._drawn)) if self._drawn else ""
        self._stream.write(up + text)
        self._stream.flush()

    @contextmanager
    def holding_output(self) -> Iterator[None]:
        """Have what this process prints on a terminal stand above what is drawn."""
        streams = {name: getattr(sys, name) for name in ("stdout", "stderr")}
        above = {name: _Above(stream, self) for name, stream in streams.items() if _is_tty(stream)}
        try:
            for name, stream in above.items():
                setattr(sys, name, stream)
            yield
        finally:
            for name, stream in above.items():
                stream.end_line()
                setattr(sys, name, streams[name])


def _is_tty(stream: IO[str] | None) -> bool:
    return stream is not None and stream.isatty()


class _Above:
    """A stream whose lines go above what is drawn; all else is that of the stream it stands for."""

    def __init__(self, stream: IO[str], screen: Screen) -> None:
        self._stream = stream
        self._screen = screen
        self._begun = ""

    def write(self, text: str) -> int:
        lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._screen.print_above(lines + newline)
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """Nothing is held back but the begin of a line."""

    def end_line(self) -> None:
        if self._begun:
            self.write("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
