"""Stand-ins for the two ends of a driver: where runs happen, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from kohakuengine.errors import KohakuEngineError, RunFailed, RunLost, RunTimeout
from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

__all__ = ["FakeExecutor", "RecordingListener"]


class FakeExecutor:
    """Takes runs, does none of them, and lets the test say how they end.

    Args:
        capacity: See `kohakuengine.flow.executors.Executor`.
        react: Called after each submission, with this executor and the run submitted, to end those
            runs that are to be over by then; a driver that waits for a run which nobody ends waits
            for ever. Without it each run succeeds at once, and its value is its index.

    Attributes:
        submitted: All runs submitted, in that order.
        under_way: The futures of those that have not ended, by the run's index.
        shutdowns: The `cancel` of each call of `shutdown`.
    """

    def __init__(
        self,
        capacity: int = 1,
        react: Callable[[FakeExecutor, RunSpec], None] | None = None,
    ) -> None:
        self.capacity = capacity
        self._react = react or (lambda executor, spec: executor.succeed(spec.index, spec.index))
        self.submitted: list[RunSpec] = []
        self.under_way: dict[int, Future[RunResult]] = {}
        self.shutdowns: list[bool] = []

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        self.submitted.append(spec)
        future = self.under_way[spec.index] = Future()
        self._react(self, spec)
        return future

    def shutdown(self, *, cancel: bool = False) -> None:
        """Note it; with `cancel`, cancel what is under way."""
        self.shutdowns.append(cancel)
        if cancel:
            for future in self.under_way.values():
                future.cancel()

    def succeed(self, index: int, value: Any = None) -> None:
        """End a run that is under way, with a value."""
        self._end(index, RunStatus.SUCCESS, value=value)

    def fail(self, index: int, message: str = "it failed", **details: Any) -> None:
        """End a run as one whose script raised; `details` are those of `RunError`."""
        self._end(index, RunStatus.FAILED, error=RunFailed(message, **details))

    def lose(self, index: int, message: str = "it was lost", **details: Any) -> None:
        """End a run as one whose process died."""
        self._end(index, RunStatus.LOST, error=RunLost(message, **details))

    def time_out(self, index: int, message: str = "it took too long") -> None:
        """End a run as one that took longer than it was given."""
        self._end(index, RunStatus.TIMEOUT, error=RunTimeout(message))

    def refuse(self, index: int, error: KohakuEngineError) -> None:
        """End a run as one that the engine refused."""
        self._end(index, RunStatus.FAILED, error=error)

    def _end(self, index: int, status: RunStatus, **outcome: Any) -> None:
        spec = next(spec for spec in reversed(self.submitted) if spec.index == index)
        result = RunResult(
            index, spec.script, spec.config, status, attempt=spec.attempt, slot=spec.slot, **outcome
        )
        self.under_way.pop(index).set_result(result)


class RecordingListener(Listener):
    """Writes down what it is told.

    Attributes:
        events: The name of each call, and what it was given: the total for ``flow_started``, None
            for ``flow_ended``, otherwise the run or its result.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    @property
    def names(self) -> list[str]:
        """The names of the calls, with the index of the run where there is one."""
        return [
            f"{name} {about.index}" if isinstance(about, (RunSpec, RunResult)) else name
            for name, about in self.events
        ]

    def flow_started(self, total: int | None) -> None:
        self.events.append(("flow_started", total))

    def run_started(self, spec: RunSpec) -> None:
        self.events.append(("run_started", spec))

    def run_retried(self, result: RunResult) -> None:
        self.events.append(("run_retried", result))

    def run_finished(self, result: RunResult) -> None:
        self.events.append(("run_finished", result))

    def flow_ended(self) -> None:
        self.events.append(("flow_ended", None))
