"""How one writes durations, sizes, numbers and names on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

__all__ = ["count", "duration", "fraction", "megabytes", "names", "number", "wait", "workers"]

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MEGABYTES = {"": 1.0, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0 * 1024}
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


def count(text: str) -> int:
    """How many times: 0 or more."""
    if not _is_whole(text):
        raise ArgumentTypeError(f"{text!r} is no number of times, such as 0 or 3")
    return int(text)


def number(text: str) -> int:
    """How many of something: 1 or more."""
    if not _is_whole(text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def workers(text: str) -> int | str:
    """How many runs at once, or ``auto``."""
    if text == "auto":
        return text
    if not _is_whole(text) or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of workers, such as 4; nor is it 'auto'")
    return int(text)


def fraction(text: str) -> float:
    """A number greater than 0, such as ``0.5``."""
    if not re.fullmatch(_NUMBER, text) or not float(text):
        raise ArgumentTypeError(f"{text!r} is no number greater than 0, such as 0.5 or 2")
    return float(text)


def names(text: str) -> list[str]:
    """Names of exceptions and the like, with commas between them."""
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if not all(map(str.isidentifier, name.split("."))):
            message = "is no name, such as ValueError, OSError, package.Error, lost or timeout"
            raise ArgumentTypeError(f"{name!r} {message}")
    return found


def wait(text: str) -> float:
    """Seconds, from ``90``, ``90s``, ``5m`` or ``1h30m``; 0 or more."""
    parts = re.findall(rf"{_NUMBER}([smhd]?)", text)
    if "".join(f"{value}{unit}" for value, unit in parts) != text or not parts:
        raise ArgumentTypeError(f"{text!r} is no duration, such as 90, 90s, 5m or 1h30m")
    if len(parts) > 1 and not all(unit for _, unit in parts):
        raise ArgumentTypeError(f"{text!r} is no duration: each of its parts needs a unit")
    return float(sum(float(value) * _SECONDS[unit] for value, unit in parts))


def duration(text: str) -> float:
    """As `wait`, but more than 0."""
    seconds = wait(text)
    if not seconds:
        raise ArgumentTypeError(f"{text!r} is no time at all; give more than 0 seconds")
    return seconds


def megabytes(text: str) -> int:
    """MB, from ``512`` or ``4G``; 1 or more."""
    found = re.fullmatch(rf"{_NUMBER}([kmgt]?)b?", text.lower())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no amount of memory, such as 512 (MB) or 4G")
    size = int(float(found[1]) * _MEGABYTES[found[2]])
    if not size:
        raise ArgumentTypeError(f"{text!r} is less than 1 MB")
    return size


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()
