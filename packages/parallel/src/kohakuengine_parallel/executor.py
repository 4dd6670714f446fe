"""What the executors of this package have in common: slots, limits, logs, and the end of it all."""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from kohakuengine.config.transport import loads, private_directory
from kohakuengine.engine.exchange import lost, received
from kohakuengine.errors import KohakuEngineError, RunLost, TransportError, WorkflowError
from kohakuengine.flow.executors import timed
from kohakuengine.flow.runs import RunResult, RunSpec
from kohakuengine_parallel.launcher import Launcher, make_launcher
from kohakuengine_parallel.logs import RunLogs
from kohakuengine_parallel.memory import check_limit
from kohakuengine_parallel.oom_kills import OomKills
from kohakuengine_parallel.runs import KILL, RunUnderWay, Stop
from kohakuengine_parallel.slots import Slots
from kohakuengine_parallel.supervisor import Supervisor
from kohakuengine_parallel.zygote.order import Environment, Setting
from kohakuengine_parallel.zygote.values import BARE, bare_loads, packed_config

__all__ = ["ProcessExecutor"]


class ProcessExecutor(ABC):
    """Runs scripts in processes of this machine.

    A subclass says how a run gets its process. What it does with processes it does in the
    supervisor's thread, or under its lock.

    Args:
        max_workers: How many runs at once; by default as many as the CPUs that this process may
            use, and as the GPUs are enough for.
        timeout_s: How many seconds a run may take; then it is stopped and its result is a
            `RunTimeout`. None for no bound.
        grace_s: How many seconds a run that is to be stopped has between SIGTERM and SIGKILL.
        memory_limit_mb: How many MiB the address space of a run's process may grow to.
        threads_per_run: How many threads numerical libraries (OpenMP, MKL, OpenBLAS ...) use in a
            run; by default the CPUs are divided among the slots.
        gpus: GPUs to be divided among the slots, by ``CUDA_VISIBLE_DEVICES``: "0,1", a list of
            them, or "auto".
        gpus_per_run: How many GPUs a run gets, or which part of one (0.5).
        log_dir: The folder for the runs' output; by default a new one in ``.kogine/logs``.

    Raises:
        WorkflowError: One of these makes no sense, or cannot be had here.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        timeout_s: float | None = None,
        grace_s: float = 5.0,
        memory_limit_mb: int | None = None,
        threads_per_run: int | None = None,
        gpus: str | Iterable[int | str] | None = None,
        gpus_per_run: float = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if timeout_s is not None and timeout_s <= 0:
            raise WorkflowError(f"timeout_s must be more than 0, got {timeout_s}")
        if grace_s < 0:
            raise WorkflowError(f"grace_s cannot be negative, got {grace_s}")
        check_limit(memory_limit_mb)
        self.slots = Slots(
            max_workers, gpus=gpus, gpus_per_run=gpus_per_run, threads_per_run=threads_per_run
        )
        self.capacity = self.slots.count
        self.memory_limit_mb = memory_limit_mb
        self.logs = RunLogs(log_dir)
        self.setting = Setting(os.getcwd(), self.slots.common_environment, self.capacity)
        self.supervisor = Supervisor(self._broke)
        self.grace_s = grace_s
        self._timeout_s = timeout_s
        # Of their environment what is the same for all runs of a slot.
        self._fixed: dict[tuple[int, bool], Environment] = {}
        self._runs: set[RunUnderWay] = set()
        self._notices: deque[str] = deque()
        self._oom_kills = OomKills()
        self._files = ExitStack()
        self._folder = ""
        self._launcher: Launcher | None = None
        self._closing = False
        self._stopping = False
        self._over = False
        # Not an Event: an interrupt at the wrong moment leaves the lock in there locked for ever.
        self._ending = threading.Lock()
        self._ending.acquire()
        self._all_over = False
        self._has_ended = False
        # Should an interrupt keep `shutdown` from being called.
        weakref.finalize(self, self._files.close)
        self._broken: BaseException | None = None

    # -- the interface of executors ----------------------------------------------------------------

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        """Start a run in a process; see `kohakuengine.flow.executors.Executor`."""
        self._tell_notices()
        if self._broken is not None:
            raise RuntimeError("the supervisor of the runs has failed") from self._broken
        if not self._folder:
            self._folder = self._files.enter_context(private_directory())
        try:
            config = packed_config(spec.config, spec.script)
            log = self._log_path(spec)
        except KohakuEngineError as error:
            refused: Future[RunResult] = Future()
            refused.set_result(timed(spec, _raiser(error)))
            return refused
        run = RunUnderWay(spec, config, log, self._forget)
        self._begin_soon(run)
        return run.future

    def shutdown(self, *, cancel: bool = False) -> None:
        """End all that was started; see `kohakuengine.flow.executors.Executor`.

        Ctrl-C while it waits for runs to end stops them; once more, and they are killed.

        Raises:
            KeyboardInterrupt: It was interrupted, and was not told to cancel. All has ended.
        """
        if sys.is_finalizing():
            # A stream was left until Python itself ends, which has stopped the supervisor's thread.
            # The processes end with this one.
            return
        try:
            interrupt = self._wait_for_end(cancel=cancel)
        except KeyboardInterrupt as error:  # where it cannot be caught: between two attempts
            interrupt = error
            self._wait_for_end(cancel=True)
        if interrupt is not None and not cancel:
            raise interrupt

    def _wait_for_end(self, *, cancel: bool) -> KeyboardInterrupt | None:
        """Wait for the end of all, and hurry it with each interrupt; returns the last one."""
        interrupt: KeyboardInterrupt | None = None
        ways = [False, True] if not cancel else [True]
        while not self._has_ended:
            try:
                if ways:
                    self.supervisor.call(self._close, ways.pop(0))
                else:
                    self.supervisor.call(self._kill_all)
                while not self._all_over:
                    self._ending.acquire()
                self.supervisor.stop()
                self._tell_notices()
                self._has_ended = True
            except KeyboardInterrupt as error:
                interrupt = error
        return interrupt

    def _begin_soon(self, run: RunUnderWay) -> None:
        """Begin a run here, if its process is there already, and otherwise in the thread."""
        try:
            with self.supervisor.lock:
                self._runs.add(run)
                if not self._stopping and self.begin_at_once(run):
                    return
        except BaseException:  # interrupted: nobody knows how far it came, nor waits for it
            self._runs.discard(run)
            raise
        self.supervisor.call(self._begin, run)

    # -- for subclasses ----------------------------------------------------------------------------

    @abstractmethod
    def begin(self, run: RunUnderWay) -> None:
        """Give a run its process."""

    @abstractmethod
    def release(self) -> None:
        """End what is there besides the runs' processes; when that is done, call `released`."""

    def begin_at_once(self, run: RunUnderWay) -> bool:  # noqa: ARG002 - for subclasses
        """Give a run its process if that takes no time, and tell whether it did.

        In the thread that submits, under the supervisor's lock.
        """
        return False

    def kill_rest(self) -> None:  # noqa: B027 - most have nothing else
        """End at once what `release` waits for."""

    def abandon(self) -> None:
        """Let go of all processes: they end themselves then."""
        if self._launcher is not None:
            self._launcher.abandon()

    def released(self) -> None:
        """All has ended, but for the launcher."""
        if self._launcher is not None:
            self._launcher.close()
        self._tidy_up()

    @property
    def is_over(self) -> bool:
        """Whether `release` has been called."""
        return self._over

    @property
    def launcher(self) -> Launcher:
        """What starts commands."""
        if self._launcher is None or self._launcher.has_ended:
            log = self.file("launcher.log")
            self._launcher = make_launcher(self.supervisor, log, self.setting)
        return self._launcher

    def file(self, name: str) -> str:
        """A path in the private folder of this executor."""
        return f"{self._folder}{os.sep}{name}"

    def environment(self, spec: RunSpec, *, common: bool = True) -> Environment:
        """The variables that a run's process gets.

        Args:
            spec: The run.
            common: Whether those are among them that are the same for all.
        """
        names = (spec.slot, common)
        fixed = self._fixed.get(names)
        if fixed is None:
            given = self.slots.environment(spec.slot)
            left_out = {} if common else self.slots.common_environment
            fixed = _encoded({name: given[name] for name in given if name not in left_out})
            self._fixed[names] = fixed
        return fixed + _encoded(spec.environment)

    def note(self, message: str) -> None:
        """Warn of something, the next time that the caller's own thread is here."""
        self._notices.append(message)

    def running(self, run: RunUnderWay, process: Any) -> None:
        """A run has got its process."""
        run.started(process, self.supervisor, self._timeout_s, self.grace_s)
        if self._stopping:
            run.stop_by(Stop.CANCEL, self.supervisor, self.grace_s)

    def ended(
        self,
        run: RunUnderWay,
        value: Callable[[], Any] | None,
        status: int | None = None,
        reason: str = "",
    ) -> None:
        """A run is over.

        Args:
            run: Which.
            value: Returns its value, or raises why there is none; None if its process has not told.
            status: The process's status, as in `subprocess`, where that has ended.
            reason: Why it has not told, where that is known.
        """

        def nothing() -> Any:
            raise self._lost(run, status, reason)

        log_path = None if run.log is None else self.settled(run.log)
        timeout_s = self._timeout_s or 0.0
        run.finish(value or nothing, self.supervisor, log_path=log_path, timeout_s=timeout_s)

    def answered(
        self, run: RunUnderWay, message: bytes | bytearray | None
    ) -> Callable[[], Any] | None:
        """What `ended` is given where a run's process has sent a message, or None.

        Args:
            run: The run.
            message: See `kohakuengine_parallel.zygote.values`.
        """
        if message is None:
            return None
        if message[0] == BARE:
            return lambda: bare_loads(message[1:])
        return self.told(run, message[1:])

    def told(self, run: RunUnderWay, report: bytes | bytearray | None) -> Callable[[], Any] | None:
        """What `ended` is given where a run's process has sent a report, or None."""
        spec = run.spec
        if report is None:
            return None

        def value() -> Any:
            try:
                return received(loads(report), spec.script, spec.config, index=spec.index)
            except (KeyboardInterrupt, SystemExit) as error:
                # By the value's own code: nobody interrupts this thread.
                how = f"rebuilding it raised {type(error).__name__}"
                message = f"the value of {spec.script.location} cannot arrive: {how}"
                raise TransportError(message) from error

        return value

    def _lost(self, run: RunUnderWay, status: int | None, reason: str) -> RunLost:
        spec = run.spec
        if status is None:
            message = f"{spec.script.location}: {reason}"
            return RunLost(message, script=spec.script, config=spec.config)
        if status == -KILL and run.stop is None and self._oom_kills.claim():
            reason = "out of memory (the kernel's OOM killer ended it)"
        return lost(spec.script, spec.config, status, reason)

    # -- in the supervisor's thread ----------------------------------------------------------------

    def _begin(self, run: RunUnderWay) -> None:
        if self._stopping:
            run.stop = Stop.CANCEL
            self.ended(run, None, reason="it had not begun")
        else:
            run.restart_clock()
            self.begin(run)

    def settled(self, log: str) -> str | None:
        """The path of a run's log, if there is anything in it."""
        return self.logs.settle(log)

    def _forget(self, run: RunUnderWay) -> None:
        self._runs.discard(run)
        if self._closing and not self._runs:
            # Not at once: this may be one of several that end by the same cause.
            self.supervisor.call(self._end)

    def _close(self, cancel: bool) -> None:  # noqa: FBT001 - passed on by the supervisor
        self._closing = True
        self._stopping = self._stopping or cancel
        if cancel:
            for run in list(self._runs):
                run.stop_by(Stop.CANCEL, self.supervisor, self.grace_s)
        if not self._runs:
            self._end()

    def _kill_all(self) -> None:
        self._close(True)  # should an interrupt have come before it was told
        for run in list(self._runs):
            run.kill()
        self.kill_rest()

    def _end(self) -> None:
        if not self._runs and not self._over:
            self._over = True
            self.release()

    def _broke(self, error: BaseException) -> None:
        """Something of ours is wrong: nobody may wait for ever because of it."""
        self._broken = error
        for run in list(self._runs):
            if not run.future.done():
                run.future.set_exception(error)
        self.abandon()
        self._tidy_up()

    def _tidy_up(self) -> None:
        """In this thread, which no interrupt keeps from it."""
        self._files.close()
        self.logs.close()
        if not self._all_over:
            self._all_over = True
            self._ending.release()

    # -- in the caller's thread --------------------------------------------------------------------

    def _log_path(self, spec: RunSpec) -> str | None:
        try:
            return self.log_path(spec)
        except OSError as error:
            self.note(f"run {spec.index + 1} has no log: {error.strerror}")
            return None

    def log_path(self, spec: RunSpec) -> str | None:
        """Where the output of a run goes.

        Raises:
            OSError: There is no room.
        """
        return self.logs.path(spec.index, spec.attempt)

    def _tell_notices(self) -> None:
        while self._notices:
            warnings.warn(self._notices.popleft(), UserWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """The `stacklevel` for a warning that is about the line which runs the flow."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level


_OURS = {"kohakuengine", "kohakuengine_parallel"}


def _encoded(variables: Mapping[str, str]) -> Environment:
    return tuple(zip(map(_bytes, variables), map(_bytes, variables.values()), strict=True))


# Of what a run is given most is what the one before was given: the names, its slot, its attempt.
_bytes = lru_cache(os.fsencode)


def _raiser(error: KohakuEngineError) -> Any:
    def run(_: RunSpec) -> Any:
        raise error

    return run
