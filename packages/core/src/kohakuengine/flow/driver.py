"""The loop over the runs of a flow, the same one for every executor.

It expands lazily, keeps no more runs under way than the executor holds, retries, stops as asked
when runs fail, hands results to whoever listens, and feeds them back to generators of configs.
What it remembers does not grow with the number of runs.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from queue import Empty, SimpleQueue

from kohakuengine.errors import FlowFailed, FlowInterrupted, WorkflowError
from kohakuengine.flow.executors import Executor
from kohakuengine.flow.failures import FailureGroups
from kohakuengine.flow.policy import OnError, Policy, RetryOn
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

__all__ = ["Driver", "Listener", "failure"]

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
        on_error: See `kohakuengine.flow.policy.Policy`; so is all else up to
            `max_identical_failures`.
        retries: See there.
        retry_delay_s: See there.
        retry_on: See there.
        max_failures: See there.
        max_identical_failures: See there.
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
        retry_on: RetryOn | None = None,
        max_failures: int | None = None,
        max_identical_failures: int | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._policy = Policy(
            on_error=on_error,
            retries=retries,
            retry_delay_s=retry_delay_s,
            retry_on=retry_on,
            max_failures=max_failures,
            max_identical_failures=max_identical_failures,
        )
        if executor.capacity < 1:
            raise WorkflowError(f"an executor of capacity {executor.capacity} cannot run anything")
        self._executor = executor
        self._listeners = list(listeners)
        # What was asked for, and the same in its slot.
        self._under_way: dict[Future[RunResult], tuple[RunSpec, RunSpec]] = {}
        # Filled by whichever threads end the runs; waiting for it can be interrupted.
        self._done: SimpleQueue[Future[RunResult]] = SimpleQueue()
        self._free_slots = list(range(executor.capacity))  # a heap
        # A heap: when, index, what, and what came of it so far.
        self._again: list[tuple[float, int, RunSpec, RunResult]] = []
        # Not yet handed over. Each new run takes one: no more than there are slots and retries.
        self._unheard: list[RunResult] = []
        self._being_told: RunResult | None = None
        self._failures = FailureGroups()
        self._bound_reached = ""
        self._stopping = False
        self._exhausted = False
        self._broken: Exception | None = None

    def stream(self, runs: Runs, total: int | None = None) -> Iterator[RunResult]:
        """Run everything, and yield each result when its run is over.

        Args:
            runs: The runs. Results are sent to it: the newest one not yet handed over.
            total: How many there are, where that is known.

        Raises:
            FlowFailed: Runs failed, and the policy ends the flow by that; ``__cause__`` is the
                first one's error.
            FlowInterrupted: Ctrl-C. Both come with no more than the first failed run's result:
                whoever consumes the stream has had the others.
            Exception: What `runs`, or a config in its slot, raised, after the runs under way have
                ended.
        """
        interrupt: KeyboardInterrupt | None = None
        left: list[RunResult] = []
        abandoned = True
        try:
            self._tell("flow_started", total)
            yield from self._loop(runs)
            abandoned = False
        except KeyboardInterrupt as error:
            interrupt, abandoned = error, False
        finally:
            another = self._shut_down()
            interrupt = interrupt or another
            left = self._left()
            for result in left:
                self._tell("run_finished", result)
            self._tell("flow_ended")
            runs.close()
            if abandoned and another is not None:
                raise another
        if self._being_told is not None:  # when it was interrupted
            yield self._being_told
        yield from left
        if interrupt is not None:
            raise FlowInterrupted from interrupt
        if self._broken is not None:
            raise self._broken
        if self._stopping:
            raise failure([next(iter(self._failures)).first], self._failures, self._bound_reached)

    def _loop(self, runs: Runs) -> Iterator[RunResult]:
        while True:
            started = self._start_one(runs)
            while self._stopping and self._again:  # their last attempt was the one that counts
                self._being_told = self._again[0][3]
                heapq.heappop(self._again)
                yield self._finished(self._being_told)
            if self._stopping and self._policy.on_error == "raise":
                return
            if not (started or self._under_way or self._again):
                return
            # All that are done, so that a failure stops the next run, and its config knows of it.
            for future in self._ended(wait=not started):
                result = self._take(future)
                if result is not None:
                    yield result

    def _start_one(self, runs: Runs) -> bool:
        """Start a run, if there is one and a slot for it."""
        if not self._free_slots or self._stopping:
            return False
        asked = self._next(runs)
        if asked is None:
            return False
        try:
            spec = asked.in_slot(self._free_slots[0])
        except Exception as error:  # whatever a file of configs raises
            self._broken, self._exhausted, self._stopping = error, True, True
            return False
        heapq.heappop(self._free_slots)
        for listener in self._listeners:
            listener.run_started(spec)
        self._start(asked, spec)
        if asked.attempt > 1:
            heapq.heappop(self._again)
        return True

    def _start(self, asked: RunSpec, spec: RunSpec) -> None:
        sent = spec
        if self._policy.retries and spec.config is not None:
            # The script may change the values that it is given; another attempt gets them new.
            sent = replace(spec, config=spec.config.copy())
        try:
            future = self._executor.submit(sent)
        except BaseException:
            self._under_way[Future()] = (asked, spec)  # it was started, and has come to nothing
            raise
        self._under_way[future] = (asked, spec)
        future.add_done_callback(self._done.put)

    def _next(self, runs: Runs) -> RunSpec | None:
        """What is next; a retry stays in line until it has been started."""
        if self._again and not self._pause_s():
            return self._again[0][2]
        if self._exhausted or len(self._again) >= _MAX_WAITING:
            return None
        try:
            return runs.send(self._unheard.pop() if self._unheard else None)
        except StopIteration:
            self._exhausted = True
        except Exception as error:  # whatever a generator of configs raises
            self._exhausted, self._broken = True, error
            self._stopping = self._policy.on_error != "continue"
        return None

    def _ended(self, *, wait: bool) -> Iterator[Future[RunResult]]:
        """The futures that are done; if none is, wait for one, or until a retry is due."""
        if wait and self._under_way:
            due = self._again and self._free_slots and not self._stopping
            try:
                future = self._done.get(timeout=self._pause_s() if due else None)
            except Empty:
                return
            yield future
        elif wait and self._again:
            time.sleep(self._pause_s())
        while not self._done.empty():
            yield self._done.get()

    def _pause_s(self) -> float:
        """How long it is until the next retry."""
        return max(0.0, self._again[0][0] - time.monotonic())

    def _take(self, future: Future[RunResult]) -> RunResult | None:
        """The result of a run that is over; None if there will be another attempt."""
        asked, spec = self._under_way[future]
        result = _result(future, spec)
        heapq.heappush(self._free_slots, spec.slot)
        # From here to where it is noted elsewhere nothing must come in between: Python looks for
        # signals after calls.
        if self._stopping or not self._policy.wants_retry(result, spec.attempt):
            del self._under_way[future]
            self._being_told = result
            return self._finished(result)
        when = time.monotonic() + self._policy.delay_s(spec.attempt)
        heapq.heappush(self._again, (when, spec.index, asked.again(), result))
        del self._under_way[future]
        self._tell("run_retried", result)
        return None

    def _finished(self, result: RunResult) -> RunResult:
        self._unheard.append(result)
        if not result.ok:
            self._count(result)
        for listener in self._listeners:
            listener.run_finished(result)
        self._being_told = None
        return result

    def _count(self, result: RunResult) -> None:
        group = self._failures.add(result)
        identical = 0 if group is None else group.count
        bound = self._policy.bound_reached(self._failures.count, identical)
        self._bound_reached = self._bound_reached or bound
        self._stopping |= bool(bound) or self._policy.on_error != "continue"

    def _shut_down(self) -> KeyboardInterrupt | None:
        """Shut the executor down, and return the interrupt by which that was hurried."""
        try:
            # Runs are under way still where the flow was interrupted, abandoned, or "raise"d.
            self._executor.shutdown(cancel=bool(self._under_way))
        except KeyboardInterrupt as error:
            return error
        return None

    def _left(self) -> list[RunResult]:
        """Results of the runs that were under way, or waiting for a retry, when the flow ended."""
        left = {entry[1]: entry[3] for entry in self._again}
        for future, (_, spec) in self._under_way.items():
            is_broken = future.done() and not future.cancelled() and future.exception() is not None
            result = _cancelled(spec) if is_broken else _result(future, spec)
            if result.status is RunStatus.LOST:  # that was us
                result.status = RunStatus.CANCELLED
            left[spec.index] = result
        if self._being_told is not None:
            left.pop(self._being_told.index, None)
        return list(left.values())

    def _tell(self, what: str, *arguments: object) -> None:
        for listener in self._listeners:
            getattr(listener, what)(*arguments)


def _result(future: Future[RunResult], spec: RunSpec) -> RunResult:
    """What came of a run; for one that was cancelled, or will not end any more, that it was."""
    if not future.done():
        return _cancelled(spec)
    try:
        result = future.result()
    except CancelledError:
        return _cancelled(spec)
    # The executor may have had copies, which crossed a process border or which the script changed.
    result.script, result.config = spec.script, spec.config
    return result


def _cancelled(spec: RunSpec) -> RunResult:
    return RunResult(
        spec.index,
        spec.script,
        spec.config,
        RunStatus.CANCELLED,
        attempt=spec.attempt,
        slot=spec.slot,
    )


def failure(
    results: Sequence[RunResult], groups: FailureGroups | None = None, bound: str = ""
) -> FlowFailed:
    """The error for a flow in which runs failed, caused by the first one's.

    Args:
        results: What the error carries, with at least one failed run.
        groups: All failures, where `results` are not all of them.
        bound: What ended the flow, where that was not the first failure.
    """
    failed = [result for result in results if not result.ok]
    if groups is None:
        groups = FailureGroups()
        for result in failed:
            groups.add(result)
    first = failed[0]
    number = first.index + 1  # people count from 1
    which = f"run {number} of the flow did not succeed"
    if groups.count > 1:
        kinds = groups.text()
        which = (
            f"{groups.count} runs of the flow did not succeed ({kinds}); the first is run {number}"
        )
    if bound:
        which = f"the flow stopped at {bound}: {which}"
    error = FlowFailed(f"{which}: {first.error or first.status}", results)
    error.__cause__ = first.error
    return error
