"""How times, durations and values look in a line."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import accumulate
from typing import Any
from unicodedata import category, combining, east_asian_width

_WIDE = ("W", "F")
_NO_WIDTH = ("Mn", "Me", "Cf")


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    if combining(char) or category(char) in _NO_WIDTH:
        return 0
    return 2 if east_asian_width(char) in _WIDE else 1


def cut(text: str, width: int, *, end: str = "…") -> str:
    """As much of a text as goes into so many columns."""
    if cells(text) <= width:
        return text
    room = width - cells(end)
    fitting = sum(used <= room for used in accumulate(map(_cells, text)))
    return text[:fitting] + end if room >= 0 else ""


def one_line(text: str) -> str:
    """A text without line ends, and without what would steer the terminal."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """A text of any number of lines, without what would steer the terminal."""
    if text.isprintable():
        return text
    return "".join(map(_harmless, text))


def _harmless(char: str) -> str:
    return char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()


def duration_text(seconds: float) -> str:
    """``3.2 ms``, ``0.4 s``, ``1:05``, ``2:00:00``, ``3 days``."""
    seconds = max(0.0, seconds)  # clocks of several machines are never the same
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    if seconds >= 3 * 86_400:
        return f"{seconds / 86_400:.0f} days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def time_text(time: datetime | None) -> str:
    """A time as the clock on the wall has it, to the second; "" where there is none."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def clock_text(time: datetime) -> str:
    """The same, to the millisecond."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]


def value_text(value: Any) -> str:
    """A value for people: a text as it is, anything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def short_value_text(value: Any, width: int) -> str:
    """A value as JSON on one line, cut to so many columns."""
    text = json.dumps(value, ensure_ascii=False)
    return cut(one_line(text[: 4 * width]), width)  # a value may be many megabytes


def names_text(names: tuple[str, ...], most: int = 4) -> str:
    """Names with commas between them; of many, the first and how many more there are."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
