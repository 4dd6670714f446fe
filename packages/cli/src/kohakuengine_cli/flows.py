"""Runs a flow for a command: failures are shown as they come, the table or document at the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.engine.script import Script
from kohakuengine.errors import FlowFailed, RunError
from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunResult, RunStatus
from kohakuengine.flow.sequential import Sequential
from kohakuengine_cli.console import stderr_console
from kohakuengine_cli.document import Document, own_stdout
from kohakuengine_cli.ending import BAD_INPUT, OK, exit_code
from kohakuengine_cli.failures import Failures
from kohakuengine_cli.messages import flush
from kohakuengine_cli.progress import Progress
from kohakuengine_cli.signals import stopped_by_signals
from kohakuengine_cli.summary import Summary
from kohakuengine_cli.table import show_summary

__all__ = ["run_flow"]


def run_flow(
    load: Callable[[], Sequence[Script]], flags: argparse.Namespace, argv: Sequence[str]
) -> int:
    """Run scripts, each with its own config, and return the exit code.

    Args:
        load: Makes the scripts. What their config files print is kept out of the document.
        flags: Those of `add_run_flags`, and ``strict``.
        argv: Command-line arguments of each script.

    Raises:
        KohakuEngineError: Something is wrong with the flow as such.
        KeyboardInterrupt: It was interrupted.
    """
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals())
        document = None
        if flags.json:
            document = stack.enter_context(Document(stack.enter_context(own_stdout())))
        scripts = load()
        single = len(scripts) == 1 and not isinstance(scripts[0].config, ConfigGenerator)
        several = len(scripts) > 1
        listeners: list[Listener] = [Progress(several_scripts=several, retries=flags.retries)]
        if not single:
            listeners.append(stack.enter_context(_summary(several_scripts=several)))
        if document is not None:
            document.single = single
            listeners.append(document)
        return _drive(_workflow(scripts, flags, argv, listeners), flags, single=single)


def _workflow(
    scripts: Sequence[Script],
    flags: argparse.Namespace,
    argv: Sequence[str],
    listeners: Sequence[Listener],
) -> Sequential:
    return Sequential(
        scripts,
        use_subprocess=flags.subprocess,
        on_error="continue" if flags.keep_going else "stop",
        retries=flags.retries,
        listeners=listeners,
        argv=argv,
        strict=flags.strict,
    )


@contextmanager
def _summary(*, several_scripts: bool) -> Iterator[Summary]:
    """Keeps the rows of the table, and shows it also where something went wrong."""
    summary = Summary()
    try:
        yield summary
    finally:
        if summary.started:
            flush()
            show_summary(stderr_console(), summary, several_scripts=several_scripts)


def _drive(workflow: Sequential, flags: argparse.Namespace, *, single: bool) -> int:
    """Run it, show failures as they happen, and tell the exit code."""
    failures = Failures(single=single, told_by_child=flags.subprocess)
    code = OK
    try:
        for result in workflow.stream():
            if not (result.ok or result.status is RunStatus.CANCELLED):
                failures.show(result)
                code = max(code, _code(result, single=single))
    except FlowFailed:
        pass  # it says that a run failed, which has been shown
    return code


def _code(result: RunResult, *, single: bool) -> int:
    is_refusal = not isinstance(result.error, RunError)
    return exit_code(result.error) if single or is_refusal else BAD_INPUT
