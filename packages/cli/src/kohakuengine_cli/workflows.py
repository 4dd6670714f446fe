"""From flags to the flow that they describe."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kohakuengine.flow.sequential import Sequential

if TYPE_CHECKING:
    from kohakuengine.engine.script import Script
    from kohakuengine.flow.base import ScriptWorkflow
    from kohakuengine.flow.driver import Listener

__all__ = ["limits_text", "make_workflow"]

# flag -> option of every flow; of `Parallel` only
_OPTIONS = {
    "retries": "retries",
    "retry_delay": "retry_delay_s",
    "retry_on": "retry_on",
    "max_failures": "max_failures",
    "max_identical_failures": "max_identical_failures",
}
_PARALLEL_OPTIONS = {
    "mode": "executor",
    "timeout": "timeout_s",
    "grace": "grace_s",
    "memory_limit": "memory_limit_mb",
    "threads": "threads_per_run",
    "gpus": "gpus",
    "gpus_per_run": "gpus_per_run",
    "logs": "log_dir",
}


def make_workflow(
    scripts: Sequence[Script],
    flags: argparse.Namespace,
    *,
    argv: Sequence[str],
    listeners: Sequence[Listener],
) -> ScriptWorkflow:
    """The flow for these flags.

    Raises:
        MissingDistribution: It is parallel, and what that takes is not installed.
        WorkflowError: A flag's value makes no sense.
    """
    options = {**_set(flags, _OPTIONS), "argv": argv, "strict": flags.strict}
    limits = (flags.max_failures, flags.max_identical_failures)
    options["on_error"] = "continue" if flags.keep_going or any(limits) else "stop"
    options["listeners"] = listeners
    if flags.workers is None:
        return Sequential(scripts, use_subprocess=flags.subprocess, **options)
    from kohakuengine import Parallel

    options.update(_set(flags, _PARALLEL_OPTIONS))
    if flags.subprocess:
        options["executor"] = "subprocess"
    max_workers = None if flags.workers == "auto" else flags.workers
    workflow: ScriptWorkflow = Parallel(scripts, max_workers, **options)
    return workflow


def limits_text(flags: argparse.Namespace) -> str:
    """The flags that end a flow after so many failures."""
    limits = {
        "--max-failures": flags.max_failures,
        "--max-identical-failures": flags.max_identical_failures,
    }
    return " or ".join(f"{name} {limit}" for name, limit in limits.items() if limit)


def _set(flags: argparse.Namespace, names: dict[str, str]) -> dict[str, Any]:
    """The options whose flags were given."""
    found = {option: getattr(flags, flag, None) for flag, option in names.items()}
    return {option: value for option, value in found.items() if value is not None}
