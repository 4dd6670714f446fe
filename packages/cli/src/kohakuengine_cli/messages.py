"""Lines of ours: what was asked for, on stdout; all else, on stderr."""

from __future__ import annotations

import sys

__all__ = ["flush", "say", "show"]


def say(text: str) -> None:
    """Print a line, on stderr."""
    if sys.stderr is not None:  # where it is closed, `print` would turn to stdout
        print(f"{text}\n", end="", file=sys.stderr, flush=True)  # in one go: a thread may say more


def show(text: str) -> None:
    """Print a line that was asked for, on stdout, whatever characters that can take."""
    if sys.stdout is not None:
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding))


def flush() -> None:
    """Hand over what was printed so far, so that it comes before what others print next."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
