"""Tells of failed runs while the others go on."""

from __future__ import annotations

from kohakuengine.errors import RunFailed
from kohakuengine.flow.driver import Listener
from kohakuengine.flow.failures import FailureKind, failure_kind
from kohakuengine.flow.runs import RunResult
from kohakuengine_cli.messages import say
from kohakuengine_cli.texts import path_text, reason_text, run_text, status_text

__all__ = ["Failures", "KindsOfFailure"]

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
            say(f"Error: {_which(result)} {_why(result)}")
        elif self._count == _LINES + 1:
            say("More runs fail: they are counted, and --json has each.")


class KindsOfFailure(Listener):
    """Shows the first failure of each kind: its traceback, which run it was, and its log.

    Args:
        retries: How many there may be.
    """

    def __init__(self, *, retries: int) -> None:
        self._retries = retries
        self._failed: set[FailureKind] = set()
        self._retried: set[FailureKind] = set()

    def run_retried(self, result: RunResult) -> None:
        """Tell why a run is tried again."""
        if self._is_new(result, self._retried):
            which = f"Attempt {result.attempt} of {self._retries + 1} of {_which(result)}"
            say(f"{which} failed, and it is tried again: {reason_text(result)}{_log(result)}")

    def show(self, result: RunResult) -> None:
        """Tell why a run failed."""
        if self._is_new(result, self._failed):
            if result.traceback and len(self._failed) <= _TRACEBACKS:
                say(result.traceback.rstrip())
            say(f"Error: {_which(result)} {_why(result)}{_log(result)}")

    @staticmethod
    def _is_new(result: RunResult, known: set[FailureKind]) -> bool:
        kind = failure_kind(result)
        if kind in known or len(known) >= _LINES:
            return False
        known.add(kind)
        return True


def _which(result: RunResult) -> str:
    values = ", ".join(run_text(result.config))
    return f"run {result.index + 1}" + (f" with {values}" if values else "")


def _why(result: RunResult) -> str:
    return f"{status_text(result.status)}: {reason_text(result)}"


def _log(result: RunResult) -> str:
    return f"; its output: {path_text(result.log_path)}" if result.log_path else ""
