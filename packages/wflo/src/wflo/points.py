"""Named points of the engine, where a test may end the process.

Nothing is installed here in use, and reaching a point costs a comparison.
"""

from __future__ import annotations

from collections.abc import Callable

# Every point, in the order in which a step passes them.
POINTS = (
    "before claim",
    "after claim",
    "in step",
    "before commit",
    "in commit",
    "after commit",
    "in heartbeat",
    "before start",
    "in finish",
    "in takeover",
    "in relay",
    "after delivery",
)

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None] | None) -> None:
    """Call `hook` with the name of each point that is reached; None: no longer."""
    global _hook  # noqa: PLW0603 # one process, one hook: it exists to end the process
    _hook = hook


def reach(point: str) -> None:
    """Say that this point was reached."""
    if _hook is not None:
        _hook(point)
