"""Parallel runs for KohakuEngine, in processes of this machine.

pool      PoolExecutor: long-lived worker processes, one run at a time in each
parallel  Parallel: the flow
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kohakuengine_parallel.parallel import Parallel as Parallel
    from kohakuengine_parallel.pool import PoolExecutor as PoolExecutor

__all__ = ["Parallel", "PoolExecutor"]

_HOMES = {"Parallel": "parallel", "PoolExecutor": "pool"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
