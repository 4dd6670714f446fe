"""Where `Parallel` has always been imported from; it lives in ``kohakuengine-parallel``."""

from __future__ import annotations

from typing import Any

from kohakuengine import lazy_sibling


def __getattr__(name: str) -> Any:
    return lazy_sibling(__name__, name)
