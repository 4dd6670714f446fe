"""Parallel runs for KohakuEngine, in processes of this machine.

parallel      Parallel: the flow
fork          ForkExecutor: each run in a fork of a process that holds the script's imports
subprocesses  SubprocessExecutor: each run in a fresh interpreter
pool          PoolExecutor: long-lived worker processes (`worker`), one run at a time in each
executor      what these have in common; `runs`: one run under way
supervisor    the thread that watches all of it; `channel`: messages to and from processes
zygote        the process that starts processes; `launcher`: what stands in for it elsewhere
slots         how many runs at once, with which GPUs and threads (`cpus`, `gpus`)
memory, logs  limits and what the kernel says of them; where output goes
"""

from __future__ import annotations

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kohakuengine_parallel.fork import ForkExecutor as ForkExecutor
    from kohakuengine_parallel.parallel import Parallel as Parallel
    from kohakuengine_parallel.pool import PoolExecutor as PoolExecutor
    from kohakuengine_parallel.subprocesses import SubprocessExecutor as SubprocessExecutor

__all__ = ["ForkExecutor", "Parallel", "PoolExecutor", "SubprocessExecutor"]

_HOMES = {
    "ForkExecutor": "fork",
    "Parallel": "parallel",
    "PoolExecutor": "pool",
    "SubprocessExecutor": "subprocesses",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
