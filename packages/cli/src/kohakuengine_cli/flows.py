"""Runs a flow for a command, one run after the other.

Failures are shown as they come, the table or the document at the end.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.errors import FlowFailed, RunError
from kohakuengine.flow.runs import RunResult, RunStatus
from kohakuengine_cli.console import stderr_console
from kohakuengine_cli.document import document_on_stdout
from kohakuengine_cli.ending import BAD_INPUT, OK, exit_code
from kohakuengine_cli.failures import Failures
from kohakuengine_cli.messages import flush, say
from kohakuengine_cli.progress import Progress
from kohakuengine_cli.signals import stopped_by_signals
from kohakuengine_cli.summary import Summary
from kohakuengine_cli.table import show_counts, show_summary
from kohakuengine_cli.workflows import limits_text, make_workflow

if TYPE_CHECKING:
    from kohakuengine.engine.script import Script
    from kohakuengine.flow.base import ScriptWorkflow
    from kohakuengine.flow.driver import Listener

__all__ = ["DEADLY", "is_single", "run_flow"]

# By SIGTERM a flow ends as by Ctrl-C. After a SIGHUP there is no terminal to tell anything to.
DEADLY = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []


def run_flow(
    load: Callable[[], Sequence[Script]], flags: argparse.Namespace, argv: Sequence[str]
) -> int:
    """Run scripts, each with its own config, and return the exit code.

    Args:
        load: Makes the scripts. What their config files print is kept out of the document.
        flags: Those of `kohakuengine_cli.flags`.
        argv: Command-line arguments of each script.

    Raises:
        KohakuEngineError: Something is wrong with the flow as such.
        KeyboardInterrupt: It was interrupted.
    """
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals(DEADLY))
        document = stack.enter_context(document_on_stdout()) if flags.json else None
        scripts = load()
        single = is_single(scripts)
        several = len(scripts) > 1
        listeners: list[Listener] = [Progress(several_scripts=several, retries=flags.retries)]
        if not single:
            listeners.append(stack.enter_context(_summary(several_scripts=several)))
        if document is not None:
            document.single = single
            listeners.append(document)
        workflow = make_workflow(scripts, flags, argv=argv, listeners=listeners)
        return _drive(workflow, flags, single=single)


def is_single(scripts: Sequence[Script]) -> bool:
    """Whether there is but one run."""
    return len(scripts) == 1 and not isinstance(scripts[0].config, ConfigGenerator)


@contextmanager
def _summary(*, several_scripts: bool) -> Iterator[Summary]:
    """Keeps the rows of the table, and shows it also where something went wrong."""
    summary = Summary()
    try:
        yield summary
    finally:
        if summary.started:
            flush()
            console = stderr_console()
            show_summary(console, summary, several_scripts=several_scripts)
            show_counts(console, summary)


def _drive(workflow: ScriptWorkflow, flags: argparse.Namespace, *, single: bool) -> int:
    """Run it, show failures as they happen, and tell the exit code."""
    failures = Failures(single=single, told_by_child=flags.subprocess)
    code = OK
    try:
        for result in workflow.stream():
            if not (result.ok or result.status is RunStatus.CANCELLED):
                failures.show(result)
                code = max(code, _code(result, single=single))
    except FlowFailed:  # which run failed has been shown
        if limits_text(flags):
            say(f"Stopped at {limits_text(flags)}.")
    return code


def _code(result: RunResult, *, single: bool) -> int:
    is_refusal = not isinstance(result.error, RunError)
    return exit_code(result.error) if single or is_refusal else BAD_INPUT
