"""One run while it is under way: its future, its clock, and why it is being stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from kohakuengine.errors import RunError, RunTimeout
from kohakuengine.flow.executors import result_of
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

if TYPE_CHECKING:
    from kohakuengine_parallel.supervisor import Supervisor, Timer

__all__ = ["KILL", "Process", "RunUnderWay", "Stop"]

# Windows has no such signal, and its number does not matter: all but SIGTERM end a process there.
KILL: int = getattr(signal, "SIGKILL", 9)


class Stop(Enum):
    """Why a run is stopped before its end."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"


class Process(Protocol):
    """The process of a run."""

    def signal(self, number: int) -> None:
        """Signal it and all that belongs to it."""
        ...


class RunUnderWay:
    """A run, from its submission to its result. For the supervisor's thread, once it is submitted.

    Args:
        spec: The run.
        config: Its config, as `kohakuengine_parallel.zygote.values` has it.
        log: The file for its output, or None.
        ended: Told when it is over.

    Attributes:
        spec: See above; so are `config` and `log`.
        future: Gets its result.
        process: Its process, while it has one.
        stop: Why it was told to end, once it was.
    """

    __slots__ = (
        "_clock",
        "_ended",
        "_started",
        "_timers",
        "config",
        "future",
        "log",
        "process",
        "spec",
        "stop",
    )

    def __init__(
        self,
        spec: RunSpec,
        config: bytes,
        log: str | None,
        ended: Callable[[RunUnderWay], object],
    ) -> None:
        self.spec = spec
        self.config = config
        self.log = log
        self.future: Future[RunResult] = Future()
        self.future.set_running_or_notify_cancel()
        self.stop: Stop | None = None
        self._ended = ended
        self.process: Process | None = None
        self._timers: list[Timer] = []
        self.restart_clock()

    @property
    def request(self) -> tuple[str, str, str | None, tuple[str, ...], bool]:
        """Its `kohakuengine.engine.exchange.Request`, all but the config, and in that order."""
        spec, script = self.spec, self.spec.script
        location = script.module_name or script.filename
        return location, script.argv0, script.entrypoint, spec.argv, spec.strict

    def restart_clock(self) -> None:
        """Begin to count the run's duration: what went before is not its own."""
        self._started, self._clock = time.time(), time.perf_counter()

    def started(
        self, process: Process, supervisor: Supervisor, timeout_s: float | None, grace_s: float
    ) -> None:
        """It has a process now, which is given so many seconds.

        Args:
            process: The process.
            supervisor: Who keeps the time.
            timeout_s: After how many seconds it is stopped; None for never.
            grace_s: How many seconds there are between SIGTERM and SIGKILL.
        """
        self.process = process
        self._cancel_timers()  # of the one that it had before
        if timeout_s is not None:

            def stop() -> None:
                self.stop_by(Stop.TIMEOUT, supervisor, grace_s)

            self._timers.append(supervisor.later(timeout_s, stop))

    def stop_by(self, why: Stop, supervisor: Supervisor, grace_s: float) -> None:
        """Ask its process to end, and make it end when the grace is over."""
        if self.process is None:
            return
        if self.stop is None:
            self.stop = why
            self.process.signal(signal.SIGTERM)
        self._timers.append(supervisor.later(grace_s, self.kill))

    def kill(self) -> None:
        """Make its process end."""
        if self.process is not None:
            self.process.signal(KILL)

    def finish(
        self,
        value: Callable[[], Any],
        supervisor: Supervisor,
        *,
        log_path: str | None,
        timeout_s: float,
    ) -> None:
        """It is over.

        Args:
            value: Returns its value, or raises why there is none.
            supervisor: Whose thread makes it known.
            log_path: The file with its output.
            timeout_s: For the message, where that is why.
        """
        duration_s = time.perf_counter() - self._clock
        self._cancel_timers()
        self.process = None
        result = result_of(self.spec, partial(self._outcome, value, timeout_s))
        result.started, result.duration_s = self._started, duration_s
        result.log_path = log_path
        if isinstance(result.error, RunError):
            result.error.log_path = log_path
        if self.stop is Stop.CANCEL and not result.ok:
            result.status = RunStatus.CANCELLED
        self._ended(self)
        supervisor.call_unlocked(partial(self.future.set_result, result))

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _outcome(self, value: Callable[[], Any], timeout_s: float) -> Any:
        if self.stop is not Stop.TIMEOUT:
            return value()
        message = f"{self.spec.script.location}: not over after {timeout_s:g} s, and stopped"
        raise RunTimeout(message, script=self.spec.script, config=self.spec.config)
