"""Runs something here: shows how it goes, and prints what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
from collections.abc import Sequence

from wflo.cli.ending import CANCELLED, FAILED, INTERRUPTED, OK
from wflo.cli.lookout import look_for
from wflo.cli.output import say, show, show_json
from wflo.cli.signals import Ears
from wflo.cli.texts import value_text
from wflo.cli.watching import make_display, watch
from wflo.config.sections import LoggingSettings
from wflo.db.engine import Database
from wflo.errors import DatabaseError
from wflo.journal.queries import get_execution, results_of
from wflo.models import ExecutionResult, ExecutionStatus, WorkflowExecution
from wflo.observability.logging import configure_logging
from wflo.runtime.local.embedded import failed
from wflo.runtime.local.engine import LocalEngine

_CODES = {ExecutionStatus.COMPLETED: OK, ExecutionStatus.CANCELLED: CANCELLED}


async def run_here(
    database: Database,
    engine: LocalEngine,
    execution_id: str,
    *,
    ears: Ears,
    logs: LoggingSettings,
    as_json: bool,
    again: Sequence[str],
    resume: Sequence[str],
) -> int:
    """Work on a run until it has ended, or until the process is told to stop.

    Args:
        database: Where the run is.
        engine: It has the run's code.
        execution_id: Which run.
        ears: They hear that the process is told to stop.
        logs: What of the engine's own messages is said, and how.
        as_json: Print all of it as JSON, not only what it came to.
        again: The command that continues it where it was interrupted.
        resume: The command that continues it where it failed.

    Returns:
        The exit code.
    """
    try:
        ended = await _work(database, engine, execution_id, ears, logs)
    except DatabaseError as error:
        error.add_note(f"To go on: {shlex.join(again)}")
        raise
    if not ended:
        say(f"Interrupted; what completed is kept. To go on: {shlex.join(again)}")
        if as_json:
            show_json({"error": "interrupted", "execution_id": execution_id})
        return INTERRUPTED
    async with database.read() as conn:
        execution = await get_execution(conn, execution_id)
        results = await results_of(conn, execution_id)
    if as_json:
        show_json(ExecutionResult(execution=execution, results=results))
    _tell(execution, as_json=as_json, resume=resume)
    return _CODES.get(execution.status, FAILED)


async def _work(
    database: Database,
    engine: LocalEngine,
    execution_id: str,
    ears: Ears,
    logs: LoggingSettings,
) -> bool:
    """Run it, and show how it goes.

    Returns:
        False if it was interrupted.
    """
    lookout = await look_for(database, execution_id)
    display = make_display(lookout.run, sys.stderr)
    stop = asyncio.Event()
    interrupted = False

    def end(_times: int) -> None:
        nonlocal interrupted
        interrupted = True
        work.cancel()

    with display.drawing():
        configure_logging(logs, sys.stderr)
        work = asyncio.create_task(engine.run_until(execution_id))
        shown = asyncio.create_task(watch(lookout, display, stop))
        try:
            with ears.doing(end):
                await work
        except asyncio.CancelledError:
            if not interrupted:
                raise
        finally:
            stop.set()
            [problem] = await asyncio.gather(shown, return_exceptions=True)
    if problem is not None:
        with contextlib.suppress(OSError):  # it may be that nobody looks any more
            say(f"Warning: how it went could not be shown: {problem}")
    return not interrupted


def _tell(execution: WorkflowExecution, *, as_json: bool, resume: Sequence[str]) -> None:
    if execution.status is ExecutionStatus.COMPLETED:
        if not as_json and execution.output is not None:
            show(value_text(execution.output))
        return
    say(f"Error: {failed(execution)}")
    say(f"To try again what did not complete: {shlex.join(resume)}")
