"""One constructor for all flows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from kohakuengine.engine.script import Script
from kohakuengine.errors import WorkflowError, nearest
from kohakuengine.flow.base import ScriptWorkflow, Workflow

__all__ = ["Flow"]

_MODES = ("sequential", "parallel")


class Flow(Workflow):
    """Scripts, run one after the other or in parallel.

    Args:
        scripts: `Script`s, or paths.
        mode: "sequential" or "parallel" (which takes ``kohakuengine-parallel``).
        executor_class: A `ScriptWorkflow` of your own to run them by, instead of `mode`.
        max_workers: How many at once, in parallel.
        use_subprocess: See `Sequential` and `Parallel`; None is each one's default.
        executor: See `Parallel`; None is its default.
        options: See `ScriptWorkflow` and, for "parallel", `Parallel`.

    Raises:
        WorkflowError: No scripts, an invalid mode (a `ValueError`), or an executor for
            "sequential".
        MissingDistribution: "parallel" without ``kohakuengine-parallel``.
    """

    def __init__(
        self,
        scripts: Iterable[Script | str | os.PathLike[str]],
        mode: str = "sequential",
        executor_class: type[ScriptWorkflow] | None = None,
        max_workers: int | None = None,
        use_subprocess: bool | None = None,  # noqa: FBT001 - the established signature
        *,
        executor: str | None = None,
        **options: Any,
    ) -> None:
        if mode not in _MODES:
            message = f"Invalid mode {mode!r}; it is one of {', '.join(_MODES)}."
            raise WorkflowError(message + nearest(mode, _MODES))
        if executor is not None:
            if mode == "sequential" and executor_class is None:
                raise WorkflowError(f"executor={executor!r} takes mode='parallel'")
            options["executor"] = executor
        if use_subprocess is not None:
            options["use_subprocess"] = use_subprocess
        if mode == "parallel":
            options["max_workers"] = max_workers
        self.mode = mode
        self._workflow: ScriptWorkflow = (executor_class or _workflow(mode))(scripts, **options)

    @property
    def scripts(self) -> list[Script]:
        return self._workflow.scripts

    def validate(self) -> None:
        """See `ScriptWorkflow.validate`."""
        self._workflow.validate()

    def run(self) -> list[Any]:
        """See `ScriptWorkflow.run`."""
        return self._workflow.run()

    def stream(self) -> Any:
        """See `ScriptWorkflow.stream`."""
        return self._workflow.stream()

    def results(self) -> Any:
        """See `ScriptWorkflow.results`."""
        return self._workflow.results()


def _workflow(mode: str) -> Any:
    if mode == "parallel":
        from kohakuengine.flow import parallel

        return parallel.Parallel
    from kohakuengine.flow.sequential import Sequential

    return Sequential
