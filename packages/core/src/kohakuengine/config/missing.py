"""The sign for a value that is not known."""

from __future__ import annotations

__all__ = ["MISSING"]

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

#: Stands for a default that is not known, where None is a default like any other.
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
