"""The loop over the runs of a flow, the same one for every executor.

It expands lazily, keeps no more runs under way than the executor holds, retries, stops as asked
when a run fails, hands results to whoever listens, and feeds them back to generators of configs.
What it remembers does not grow with the number of runs.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import Literal

from kohakuengine.errors import FlowFailed, FlowInterrupted, RunFailed, WorkflowError
from kohakuengine.flow.executors import Executor
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

__all__ = ["Driver", "Listener", "OnError", "check_policy", "failure"]

OnError = Literal["stop", "continue", "raise"]
_ON_ERROR = ("stop", "continue", "raise")

# How many retries may wait before nothing new is started: a bound for the memory, where all fails.
_MAX_WAITING = 1000

Runs = Generator[RunSpec, RunResult | None, None]


class Listener:
    """Is told what a flow does: progress displays, records, trackers. Every method may be left out.

    All calls come from the thread that drives the flow. An exception ends the flow.
    """

    def flow_started(self, total: int | None) -> None:
        """Before the first run; `total` is None where a generator cannot tell its length."""

    def run_started(self, spec: RunSpec) -> None:
        """A run, or another attempt at one, is about to be submitted."""

    def run_retried(self, result: RunResult) -> None:
        """An attempt did not succeed and will be followed by another."""

    def run_finished(self, result: RunResult) -> None:
        """A run is over, for better or worse."""

    def flow_ended(self) -> None:
        """After the last run, and also when the flow was stopped or interrupted."""


class Driver:
    """Drives one flow.

    Args:
        executor: Where the runs happen. The driver shuts it down.
        on_error: What a failed run does. "stop": nothing new starts, what runs may end, then
            `FlowFailed`. "continue": nothing. "raise": what runs is stopped too.
        retries: How often a run that did not succeed is tried again. One that the engine refused
            is not: it would be refused again.
        retry_delay_s: Seconds before the first retry; each further one waits twice as long.
        listeners: Who is told.

    Raises:
        WorkflowError: An argument is not among those accepted.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        on_error: OnError = "stop",
        retries: int = 0,
        retry_delay_s: float = 0.0,
        listeners: Sequence[Listener] = (),
    ) -> None:
        check_policy(on_error, retries, retry_delay_s)
        if executor.capacity < 1:
            raise WorkflowError(f"an executor of capacity {executor.capacity} cannot run anything")
        self._executor = executor
        self._on_error = on_error
        self._retries = retries
        self._retry_delay_s = retry_delay_s
        self._listeners = list(listeners)
        self._under_way: dict[Future[RunResult], RunSpec] = {}
        self._free_slots = list(range(executor.capacity))
        # A heap: when, index, what, and what came of it so far.
        self._again: list[tuple[float, int, RunSpec, RunResult]] = []
        # Not yet handed over. Each new run takes one: no more than there are slots and retries.
        self._unheard: list[RunResult] = []
        self._being_told: RunResult | None = None
        self._first_failure: RunResult | None = None
        self._exhausted = False
        self._broken: Exception | None = None

    def stream(self, runs: Runs, total: int | None = None) -> Iterator[RunResult]:
        """Run everything, and yield each result when its run is over.

        Args:
            runs: The runs. Results are sent to it: the newest one not yet handed over.
            total: How many there are, where that is known.

        Raises:
            FlowFailed: A run failed and `on_error` says so; ``__cause__`` is its error.
            FlowInterrupted: Ctrl-C. Both come with no more than the failed run's result: whoever
                consumes the stream has had the others.
            Exception: What `runs` raised, after the runs under way have ended.
        """
        interrupt: KeyboardInterrupt | None = None
        left: list[RunResult] = []
        try:
            self._tell("flow_started", total)
            yield from self._loop(runs)
        except KeyboardInterrupt as error:
            interrupt = error
        finally:
            # Runs are under way still where the flow was interrupted, abandoned, or "raise"d.
            self._executor.shutdown(cancel=bool(self._under_way))
            left = self._left()
            for result in left:
                self._tell("run_finished", result)
            self._tell("flow_ended")
            runs.close()
        if self._being_told is not None:  # when it was interrupted
            yield self._being_told
        yield from left
        if interrupt is not None:
            raise FlowInterrupted from interrupt
        if self._broken is not None:
            raise self._broken
        if self._first_failure is not None and self._stopping:
            raise failure([self._first_failure])

    def _loop(self, runs: Runs) -> Iterator[RunResult]:
        while True:
            for future in self._submit(runs):
                yield from self._take(future)
            if self._stopping:
                while self._again:  # their last attempt was the one that counts
                    yield self._finished(heapq.heappop(self._again)[3])
                if self._on_error == "raise":
                    return
            if self._under_way:
                timeout = self._pause_s() if self._again and self._free_slots else None
                for future in wait(self._under_way, timeout, FIRST_COMPLETED).done:
                    yield from self._take(future)
            elif self._again:
                time.sleep(self._pause_s())
            else:
                return

    @property
    def _stopping(self) -> bool:
        failed = self._first_failure is not None or self._broken is not None
        return failed and self._on_error != "continue"

    def _pause_s(self) -> float:
        """How long it is until the next retry."""
        return max(0.0, self._again[0][0] - time.monotonic())

    def _submit(self, runs: Runs) -> Iterator[Future[RunResult]]:
        """Fill the free slots, and meanwhile yield the futures that are finished."""
        while self._free_slots and not self._stopping:
            spec = self._next(runs)
            if spec is None:
                return
            slot = self._free_slots.pop(0)
            if spec.slot != slot:
                spec = replace(spec, slot=slot)
            self._tell("run_started", spec)
            self._start(spec)
            # All of them, so that a failure stops the next run, and the next config knows of it.
            yield from [future for future in self._under_way if future.done()]

    def _start(self, spec: RunSpec) -> None:
        sent = spec
        if self._retries and spec.config is not None:
            # The script may change the values that it is given; another attempt gets them new.
            sent = replace(spec, config=spec.config.copy())
        try:
            future = self._executor.submit(sent)
        except BaseException:
            self._under_way[Future()] = spec  # it was started, and has come to nothing
            raise
        self._under_way[future] = spec

    def _next(self, runs: Runs) -> RunSpec | None:
        if self._again and not self._pause_s():
            return heapq.heappop(self._again)[2]
        if self._exhausted or len(self._again) >= _MAX_WAITING:
            return None
        try:
            return runs.send(self._unheard.pop() if self._unheard else None)
        except StopIteration:
            self._exhausted = True
        except Exception as error:  # whatever a generator of configs raises
            self._exhausted, self._broken = True, error
        return None

    def _take(self, future: Future[RunResult]) -> Iterator[RunResult]:
        spec = self._under_way.pop(future)
        self._free_slots.append(spec.slot)
        self._free_slots.sort()
        result = _result(future, spec)
        if spec.attempt <= self._retries and _may_differ(result) and not self._stopping:
            self._tell("run_retried", result)
            when = time.monotonic() + self._retry_delay_s * 2 ** (spec.attempt - 1)
            again = replace(spec, attempt=spec.attempt + 1)
            heapq.heappush(self._again, (when, spec.index, again, result))
            return
        yield self._finished(result)

    def _finished(self, result: RunResult) -> RunResult:
        self._unheard.append(result)
        if not result.ok and self._first_failure is None:
            self._first_failure = result
        self._being_told = result
        self._tell("run_finished", result)
        self._being_told = None
        return result

    def _left(self) -> list[RunResult]:
        """Results of the runs that were under way, or waiting for a retry, when the flow ended."""
        left = [entry[3] for entry in self._again]
        for future, spec in self._under_way.items():
            result = _result(future, spec)
            if result.status is RunStatus.LOST:  # that was us
                result.status = RunStatus.CANCELLED
            left.append(result)
        return left

    def _tell(self, what: str, *arguments: object) -> None:
        for listener in self._listeners:
            getattr(listener, what)(*arguments)


def check_policy(on_error: str, retries: int, retry_delay_s: float) -> None:
    """Refuse what a `Driver` does not accept.

    Raises:
        WorkflowError: It is one of these.
    """
    if on_error not in _ON_ERROR:
        raise WorkflowError(f"on_error is {on_error!r}; it takes {', '.join(_ON_ERROR)}")
    if retries < 0 or retry_delay_s < 0:
        raise WorkflowError("retries and retry_delay_s cannot be negative")


def _result(future: Future[RunResult], spec: RunSpec) -> RunResult:
    """What came of a run; for one that was cancelled, or will not end any more, that it was."""
    if future.cancelled() or not future.done():
        cancelled = RunStatus.CANCELLED
        return RunResult(
            spec.index, spec.script, spec.config, cancelled, attempt=spec.attempt, slot=spec.slot
        )
    result = future.result()
    # The executor may have had copies, which crossed a process border or which the script changed.
    result.script, result.config = spec.script, spec.config
    return result


def _may_differ(result: RunResult) -> bool:
    """Whether another attempt may do better."""
    return result.status is RunStatus.LOST or isinstance(result.error, RunFailed)


def failure(results: Sequence[RunResult]) -> FlowFailed:
    """The error for a flow in which runs failed, caused by the first one's."""
    failed = [result for result in results if not result.ok]
    first = failed[0]
    number = first.index + 1  # people count from 1
    which = f"run {number} of the flow did not succeed"
    if len(failed) > 1:
        which = f"{len(failed)} runs of the flow did not succeed; the first is run {number}"
    error = FlowFailed(f"{which}: {first.error or first.status}", results)
    error.__cause__ = first.error
    return error
