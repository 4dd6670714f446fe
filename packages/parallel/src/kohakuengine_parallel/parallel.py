"""The flow that runs scripts side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from kohakuengine.engine.script import Script
from kohakuengine.errors import WorkflowError
from kohakuengine.flow.base import ScriptWorkflow
from kohakuengine.flow.executors import Executor
from kohakuengine_parallel.pool import PoolExecutor

__all__ = ["Parallel"]


class Parallel(ScriptWorkflow):
    """Runs scripts side by side in long-lived worker processes.

    Values come back in the order given. As workers are spawned, a program that uses this needs
    ``if __name__ == "__main__":`` around it, as with all of `multiprocessing`.

    Args:
        scripts: `Script`s, or paths.
        max_workers: How many at once; by default as many as the CPUs that this process may use.
        options: See `ScriptWorkflow`.
    """

    def __init__(
        self,
        scripts: Iterable[Script | str | os.PathLike[str]],
        max_workers: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(scripts, **options)
        if max_workers is not None and max_workers < 1:
            raise WorkflowError(f"max_workers must be at least 1, got {max_workers}")
        self.max_workers = max_workers

    def make_executor(self) -> Executor:
        return PoolExecutor(self.max_workers)
