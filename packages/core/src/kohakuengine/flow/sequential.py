"""Flows that run one script after the other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from kohakuengine.engine.script import Script
from kohakuengine.flow.base import ScriptWorkflow
from kohakuengine.flow.executors import Executor, InlineExecutor, SubprocessExecutor

__all__ = ["Pipeline", "Sequential"]


class Sequential(ScriptWorkflow):
    """Runs scripts one after the other, in this process or each in a fresh interpreter.

    Args:
        scripts: `Script`s, or paths.
        use_subprocess: Run each in a fresh interpreter. Values cross a process border then, and
            children find their worker slot (always 0 here) in ``KOGINE_WORKER_ID``.
        options: See `ScriptWorkflow`.
    """

    def __init__(
        self,
        scripts: Iterable[Script | str | os.PathLike[str]],
        use_subprocess: bool = False,  # noqa: FBT001, FBT002 - the established signature
        **options: Any,
    ) -> None:
        super().__init__(scripts, **options)
        self.use_subprocess = use_subprocess

    def make_executor(self) -> Executor:
        return SubprocessExecutor() if self.use_subprocess else InlineExecutor()


class Pipeline(Sequential):
    """At present the same as `Sequential`, under the name that users know."""
