"""Tells of failed runs while the others go on."""

from __future__ import annotations

from kohakuengine.errors import RunFailed
from kohakuengine.flow.runs import RunResult
from kohakuengine_cli.messages import say
from kohakuengine_cli.texts import reason_text, run_text

__all__ = ["Failures"]

# Where every run of a long sweep fails, the first ones tell what is to be known.
_TRACEBACKS = 20
_LINES = 100


class Failures:
    """Shows the traceback of a failed run, cut to the user's frames, and which run it was.

    Args:
        single: Whether there is but one run, whose traceback tells enough.
        told_by_child: Whether the runs' own processes print their tracebacks.
    """

    def __init__(self, *, single: bool, told_by_child: bool) -> None:
        self._single = single
        self._told_by_child = told_by_child
        self._count = 0

    def show(self, result: RunResult) -> None:
        """Tell of one; of many, less and less."""
        self._count += 1
        told = self._told_by_child and isinstance(result.error, RunFailed)
        if result.traceback and not told and self._count <= _TRACEBACKS:
            say(result.traceback.rstrip())
        if self._single:
            if not (result.traceback or told):
                say(f"Error: {result.error}")
        elif self._count <= _LINES:
            say(f"Error: {_line(result)}")
        elif self._count == _LINES + 1:
            say("More runs fail: they are counted, and --json has each.")


def _line(result: RunResult) -> str:
    values = ", ".join(run_text(result.config))
    given = f" with {values}" if values else ""
    return f"run {result.index + 1}{given} {result.status}: {reason_text(result)}"
