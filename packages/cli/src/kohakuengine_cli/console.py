"""Where rich draws: stderr."""

from __future__ import annotations

from rich.console import Console

__all__ = ["stderr_console"]


def stderr_console() -> Console:
    """A console on stderr. Where it is no terminal, it has no width to keep to."""
    console = Console(stderr=True, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = 1000
    return console
