"""The flow that runs scripts side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from kohakuengine.engine.script import Script
from kohakuengine.errors import WorkflowError
from kohakuengine.flow.base import ScriptWorkflow
from kohakuengine.flow.executors import Executor, executor_named
from kohakuengine_parallel.launcher import can_fork
from kohakuengine_parallel.slots import check_whole

__all__ = ["Parallel"]

_AUTO = "auto"


class Parallel(ScriptWorkflow):
    """Runs scripts side by side, each run in a process.

    Values come back in the order given; `stream` yields results as runs end.

    Args:
        scripts: `Script`s, or paths.
        max_workers: How many at once; by default as many as the CPUs that this process may use.
        executor: Where. "fork": each run in a fork of a process that holds the script's imports.
            "subprocess": each in a fresh interpreter. "pool": in long-lived workers, one run after
            the other in each. "auto": "fork" on Linux, which sees for itself where that
            is not safe, and elsewhere "subprocess". Or the name of an executor that another
            distribution registers.
        use_subprocess: The established spelling: True for "subprocess", False for "pool".
        timeout_s: See `kohakuengine_parallel.executor.ProcessExecutor`; so are the next seven.
        grace_s: See there.
        memory_limit_mb: See there.
        threads_per_run: See there.
        gpus: See there.
        gpus_per_run: See there.
        log_dir: See there.
        options: See `ScriptWorkflow`.

    Raises:
        WorkflowError: As `ScriptWorkflow` and the executor do, the latter when the flow is run; or
            `executor` and `use_subprocess` contradict each other.
    """

    def __init__(
        self,
        scripts: Iterable[Script | str | os.PathLike[str]],
        max_workers: int | None = None,
        executor: str = _AUTO,
        use_subprocess: bool | None = None,  # noqa: FBT001 - the established signature
        *,
        timeout_s: float | None = None,
        grace_s: float | None = None,
        memory_limit_mb: int | None = None,
        threads_per_run: int | None = None,
        gpus: str | Iterable[int | str] | None = None,
        gpus_per_run: float | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(scripts, **options)
        self.max_workers = max_workers
        self.executor = _chosen(executor, use_subprocess)
        given = {
            "timeout_s": timeout_s,
            "grace_s": grace_s,
            "memory_limit_mb": memory_limit_mb,
            "threads_per_run": threads_per_run,
            "gpus": gpus,
            "gpus_per_run": gpus_per_run,
            "log_dir": log_dir,
        }
        self._options = {name: value for name, value in given.items() if value is not None}
        automatic = "fork" if can_fork() else "subprocess"
        self._make = executor_named(automatic if self.executor == _AUTO else self.executor)
        check_whole("max_workers", max_workers)

    def make_executor(self) -> Executor:
        """A new executor for one pass over the scripts."""
        try:
            made: Executor = self._make(self.max_workers, **self._options)
        except TypeError as error:  # one of another kind, such as "inline"
            given = ", ".join(["max_workers", *self._options])
            message = f"the executor {self.executor!r} cannot be made with {given}: {error}"
            raise WorkflowError(message) from error
        return made


def _chosen(executor: str, use_subprocess: bool | None) -> str:  # noqa: FBT001 - passed on
    if use_subprocess is None:
        return executor
    meant = "subprocess" if use_subprocess else "pool"
    if executor not in {_AUTO, meant}:
        raise WorkflowError(
            f"use_subprocess={use_subprocess} means executor={meant!r}, but executor={executor!r} "
            "was given; give one of the two"
        )
    return meant
