"""Runs in long-lived worker processes: for many short runs that need not be apart from each other.

A worker imports what its runs import, once, and keeps it. Each run has a module, an ``argv`` and a
``sys.path`` of its own, as in-process runs have; what else a script leaves behind in its process
(the environment, the insides of modules) the next run in that worker finds.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from kohakuengine.engine.child import interpreter_command
from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.channel import Channel
from kohakuengine_parallel.executor import ProcessExecutor
from kohakuengine_parallel.instead import read_instead
from kohakuengine_parallel.launcher import can_fork
from kohakuengine_parallel.runs import KILL
from kohakuengine_parallel.worker import task
from kohakuengine_parallel.zygote.order import Start

if TYPE_CHECKING:
    from kohakuengine.flow.runs import RunSpec
    from kohakuengine_parallel.runs import RunUnderWay

__all__ = ["PoolExecutor"]


class PoolExecutor(ProcessExecutor):
    """Runs each script in one of a fixed number of worker processes.

    A worker that dies costs the run that it had; the next one in its slot gets a new worker.

    Args:
        options: See `ProcessExecutor`.

    Raises:
        WorkflowError: This is Windows, where a process cannot be given a socket as it is here.
    """

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        if sys.platform == "win32":
            raise WorkflowError(
                "executor 'pool' does not work on Windows, whose processes cannot be handed a "
                "socket by its number; use executor='subprocess'"
            )
        super().__init__(max_workers, **options)
        self._workers: dict[int, _Worker] = {}

    def begin(self, run: RunUnderWay) -> None:
        """Hand the run to the worker of its slot."""
        worker = self._workers.get(run.spec.slot)
        if worker is None:
            worker = self._workers[run.spec.slot] = _Worker(self, run)
        worker.ask(run)

    def begin_at_once(self, run: RunUnderWay) -> bool:
        """Hand the run to the worker of its slot, if there is one."""
        worker = self._workers.get(run.spec.slot)
        if worker is None:
            return False
        worker.ask(run)
        return True

    def release(self) -> None:
        """End the workers; those that do not end by themselves are made to."""
        for worker in list(self._workers.values()):
            worker.close()
        self.supervisor.later(self.grace_s, self.kill_rest)
        self._check_released()

    def kill_rest(self) -> None:
        """Make workers end that have not done so by themselves."""
        for worker in list(self._workers.values()):
            worker.signal(KILL)

    def abandon(self) -> None:
        """See `ProcessExecutor.abandon`."""
        for worker in self._workers.values():
            worker.close()
        super().abandon()

    def forget(self, worker: _Worker) -> None:
        """A worker has ended."""
        if self._workers.get(worker.slot) is worker:
            del self._workers[worker.slot]
        self.logs.settle(worker.log)
        self._check_released()

    def _check_released(self) -> None:
        if self.is_over and not self._workers:
            self.released()

    def log_path(self, spec: RunSpec) -> str:
        """All runs of a slot write to the log of their worker."""
        return self.logs.worker_path(spec.slot)

    def settled(self, log: str) -> str | None:
        """A worker's log stays for as long as there may be more to come."""
        return log if self.logs.has_content(log) else None


class _Worker:
    """One worker process, and the socket to it."""

    def __init__(self, executor: PoolExecutor, run: RunUnderWay) -> None:
        self.slot = run.spec.slot
        self.log = run.log or os.devnull
        self._executor = executor
        self._run: RunUnderWay | None = None
        self._launcher = executor.launcher
        self._key = self._launcher.new_key()
        self._instead = executor.file(f"worker-{id(self._launcher)}-{self._key}")
        self._channel = Channel(executor.supervisor, self._received)
        self._launcher.start(self._order(run), self._channel.other, self)

    def ask(self, run: RunUnderWay) -> None:
        """Let it do a run."""
        self._run = run
        config = None if run.spec.config is None else run.config
        self._channel.send(task(run.spec.environment, run.request, config))
        self._executor.running(run, self)

    def signal(self, number: int) -> None:
        """See `kohakuengine_parallel.runs.Process`."""
        self._launcher.signal(self._key, number)

    def close(self) -> None:
        """Let it end."""
        self._channel.close()

    def ended(self, status: int | None, reason: str = "") -> None:
        """See `kohakuengine_parallel.zygote.client.Tenant`."""
        self._channel.finish()
        self._executor.forget(self)
        run, self._run = self._run, None
        if run is not None:
            report = read_instead(self._instead) if run.stop is None else None
            self._executor.ended(run, self._executor.answered(run, report), status, reason)

    def told(self, _: bytes | bytearray) -> None:
        """Only forks send reports by way of the zygote."""
        raise AssertionError

    def moved(self) -> None:
        """A launcher holds no modules that could be outdated."""
        raise AssertionError

    def _received(self, message: bytes | bytearray) -> None:
        run = self._run
        # One that was told to end is over when the worker is: there is no other way to be sure.
        if run is not None and run.stop is not None:
            self.close()
        elif run is not None:
            self._run = None
            self._executor.ended(run, self._executor.answered(run, message))

    def _order(self, run: RunUnderWay) -> Start:
        program = "worker:main" if can_fork() else "fresh:serve"
        return Start(
            key=self._key,
            environment=self._executor.environment(run.spec),
            log=self.log,
            slot=self.slot,
            memory_limit_mb=self._executor.memory_limit_mb,
            command=interpreter_command(f"kohakuengine_parallel.{program}", self._instead),
        )
