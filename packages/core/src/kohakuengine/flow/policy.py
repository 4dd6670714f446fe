"""What a flow does about runs that do not succeed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from kohakuengine.engine.ending import kind_name
from kohakuengine.errors import KohakuEngineError, RunError, RunFailed, WorkflowError, nearest
from kohakuengine.flow.runs import RunResult, RunStatus

__all__ = ["OnError", "Policy", "RetryOn"]

OnError = Literal["stop", "continue", "raise"]
RetryOn = Sequence[type[BaseException] | str]

_ON_ERROR = ("stop", "continue", "raise")
_STATUSES = {"lost": RunStatus.LOST, "timeout": RunStatus.TIMEOUT}


class Policy:
    """What a flow does about runs that do not succeed.

    Args:
        on_error: What a failed run does. "stop": nothing new starts, what runs may end, then
            `FlowFailed`. "continue": nothing. "raise": what runs is stopped too.
        retries: How often a run that did not succeed is tried again. One that the engine refused
            is not: it would be refused again.
        retry_delay_s: Seconds before the first retry; each further one waits twice as long.
        retry_on: What is tried again, where that is not everything: classes of exceptions; their
            names, with their module or without; "lost" (the process died); "timeout". A class of
            the script itself can only be given by its name. Subclasses count.
        max_failures: With "continue": stop as "stop" does when so many runs have failed.
        max_identical_failures: The same for failures of one
            `kohakuengine.flow.failures.FailureKind`.

    Raises:
        WorkflowError: An argument is not among those accepted.
    """

    def __init__(
        self,
        *,
        on_error: OnError = "stop",
        retries: int = 0,
        retry_delay_s: float = 0.0,
        retry_on: RetryOn | None = None,
        max_failures: int | None = None,
        max_identical_failures: int | None = None,
    ) -> None:
        if on_error not in _ON_ERROR:
            near = nearest(str(on_error), _ON_ERROR)
            raise WorkflowError(f"on_error is {on_error!r}; it takes {', '.join(_ON_ERROR)}.{near}")
        if retries < 0 or retry_delay_s < 0:
            raise WorkflowError("retries and retry_delay_s cannot be negative")
        _check_bound("max_failures", max_failures, on_error)
        _check_bound("max_identical_failures", max_identical_failures, on_error)
        self.on_error = on_error
        self.retries = retries
        self.retry_delay_s = retry_delay_s
        self.max_failures = max_failures
        self.max_identical_failures = max_identical_failures
        self._retry_on = None if retry_on is None else _checked_retry_on(retry_on)

    def wants_retry(self, result: RunResult, attempt: int) -> bool:
        """Whether there is to be another attempt after this one, the first of which is 1."""
        if result.ok or attempt > self.retries or not _may_differ(result):
            return False
        return self._retry_on is None or any(_is(wanted, result) for wanted in self._retry_on)

    def delay_s(self, attempt: int) -> float:
        """How long to wait after this attempt, the first of which is 1."""
        # The number of attempts has no bound, but that of a float has.
        return self.retry_delay_s * 2 ** (attempt - 1) if self.retry_delay_s else 0.0

    def bound_reached(self, failures: int, identical: int) -> str:
        """The bound that a failed run has reached, in words; "" if none.

        Args:
            failures: How many runs have failed.
            identical: How many of them as this one did.
        """
        if self.max_failures is not None and failures >= self.max_failures:
            return f"max_failures={self.max_failures}"
        if self.max_identical_failures is not None and identical >= self.max_identical_failures:
            return f"max_identical_failures={self.max_identical_failures}"
        return ""


def _check_bound(name: str, bound: int | None, on_error: str) -> None:
    if bound is None:
        return
    if bound < 1:
        raise WorkflowError(f"{name} must be at least 1, got {bound}")
    if on_error != "continue":
        raise WorkflowError(f"{name} takes on_error='continue'; {on_error!r} ends at one failure")


def _checked_retry_on(retry_on: RetryOn) -> tuple[type[BaseException] | str, ...]:
    accepted = "classes of exceptions, their names, 'lost' and 'timeout'"
    if isinstance(retry_on, str) or not isinstance(retry_on, Sequence):
        raise WorkflowError(f"retry_on must be a list of {accepted}, got {retry_on!r}")
    for wanted in retry_on:
        if isinstance(wanted, str) and wanted:
            continue
        if not (isinstance(wanted, type) and issubclass(wanted, BaseException)):
            raise WorkflowError(f"retry_on takes {accepted}, got {wanted!r}")
    return tuple(retry_on)


def _may_differ(result: RunResult) -> bool:
    """Whether another attempt may do better."""
    return result.status in _STATUSES.values() or isinstance(result.error, RunFailed)


def _is(wanted: type[BaseException] | str, result: RunResult) -> bool:
    """Whether a failure is among those that an item of `retry_on` stands for."""
    if isinstance(wanted, type):
        if issubclass(wanted, KohakuEngineError):
            return isinstance(result.error, wanted)
        # Our errors derive from built-in ones: a lost run is no RuntimeError of the script's.
        return kind_name(wanted) in _kinds(result)
    if wanted in _STATUSES:
        return result.status is _STATUSES[wanted]
    return any(kind == wanted or kind.endswith(f".{wanted}") for kind in _kinds(result))


def _kinds(result: RunResult) -> tuple[str, ...]:
    return result.error.kinds if isinstance(result.error, RunError) else ()
