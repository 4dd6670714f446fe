"""Runs a flow for a command, several runs at a time, each in a process of its own.

What the runs print goes to their logs, so that the terminal is ours: see `live`, and `reports` for
where there is none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from kohakuengine.errors import FlowFailed
from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunStatus
from kohakuengine_cli.board import Board
from kohakuengine_cli.console import stderr_console
from kohakuengine_cli.document import document_on_stdout
from kohakuengine_cli.ending import BAD_INPUT, OK
from kohakuengine_cli.failures import KindsOfFailure
from kohakuengine_cli.flows import DEADLY, is_single
from kohakuengine_cli.live import live
from kohakuengine_cli.messages import flush, say
from kohakuengine_cli.reports import Reports
from kohakuengine_cli.signals import stopped_by_signals
from kohakuengine_cli.summary import Summary
from kohakuengine_cli.table import show_counts, show_failures, show_summary
from kohakuengine_cli.tally import Tally
from kohakuengine_cli.texts import path_text
from kohakuengine_cli.ticker import Ticker
from kohakuengine_cli.workflows import limits_text, make_workflow

if TYPE_CHECKING:
    from kohakuengine.engine.script import Script
    from kohakuengine.flow.base import ScriptWorkflow

__all__ = ["run_parallel_flow"]

# How long a run that is told to end has for it, where no flag says otherwise.
_GRACE_S = 5.0

_FIRST = "the first failure; --keep-going goes on with the others"

_LOOK_S = 0.2  # how often it is looked whether a line is due


def run_parallel_flow(
    load: Callable[[], Sequence[Script]], flags: argparse.Namespace, argv: Sequence[str]
) -> int:
    """Run scripts as `kohakuengine_cli.flows.run_flow` does, but in parallel.

    Whatever a script's own exit code, that of a flow in which a run failed is 1.
    """
    tally = Tally()
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals(DEADLY, tally.interrupted))
        document = stack.enter_context(document_on_stdout()) if flags.json else None
        scripts = load()
        several = len(scripts) > 1
        kinds = KindsOfFailure(retries=flags.retries)
        summary = stack.enter_context(_summary(tally, several_scripts=several))
        listeners: list[Listener] = [tally, kinds, summary]
        if document is not None:
            document.single = is_single(scripts)
            listeners.append(document)
        display, listener = _display(tally, flags, several_scripts=several)
        workflow = make_workflow(scripts, flags, argv=argv, listeners=[*listeners, listener])
        with display:
            return _drive(workflow, kinds, tally, limits_text(flags) or _FIRST)


def _display(
    tally: Tally, flags: argparse.Namespace, *, several_scripts: bool
) -> tuple[AbstractContextManager[object], Listener]:
    """What shows it while it goes on, and who has to be told for that."""
    grace_s = _GRACE_S if flags.grace is None else flags.grace
    console = stderr_console()
    if sys.stderr is not None and sys.stderr.isatty() and not console.is_dumb_terminal:
        board = Board(tally, grace_s=grace_s, several_scripts=several_scripts)
        return live(board, console), Listener()
    workers = None if flags.workers == "auto" else flags.workers
    reports = Reports(tally, grace_s=grace_s, workers=workers)
    return Ticker(_LOOK_S, reports.tick), reports


@contextmanager
def _summary(tally: Tally, *, several_scripts: bool) -> Iterator[Summary]:
    """Keeps what the tables show, and shows them also where something went wrong."""
    summary = Summary(in_process=False)
    try:
        yield summary
    finally:
        if summary.started:
            flush()
            console = stderr_console()
            show_summary(console, summary, several_scripts=several_scripts)
            if tally.done > 1:
                show_failures(console, tally.failures)
            show_counts(console, summary)
            if os.path.isdir(tally.log_dir):  # it goes if nothing was printed
                say(f"Logs: {path_text(tally.log_dir)}")


def _drive(workflow: ScriptWorkflow, kinds: KindsOfFailure, tally: Tally, limits: str) -> int:
    """Run it, show failures as they happen, and tell the exit code.

    Args:
        workflow: What is run.
        kinds: Shows failures.
        tally: Knows how many runs there are to be.
        limits: What ends it before its time.
    """
    code = OK
    try:
        for result in workflow.stream():
            if not (result.ok or result.status is RunStatus.CANCELLED):
                code = BAD_INPUT
                kinds.show(result)
    except FlowFailed:  # which run failed has been shown
        if tally.total is None or tally.done < tally.total:
            say(f"Stopped at {limits}.")
    return code
