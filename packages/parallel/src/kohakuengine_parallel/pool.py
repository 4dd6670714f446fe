"""Runs in long-lived worker processes: for many short runs that need not be apart from each other.

A worker imports what its runs import, once, and keeps it. Each run has a module, an ``argv`` and a
``sys.path`` of its own, as in-process runs have; what else a script leaves behind in its process
(the environment, the insides of modules) the next run in that worker finds.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from kohakuengine.config.transport import dumps, loads
from kohakuengine.engine.exchange import Report, Request, do, lost, received
from kohakuengine.flow.executors import timed
from kohakuengine.flow.runs import RunResult, RunSpec

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["PoolExecutor", "usable_cpus"]

# Forking a process that has threads (ours has one for each worker) can deadlock the child.
_processes = get_context("spawn")


def usable_cpus() -> int:
    """How many CPUs this process may use, which in a container is not what the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PoolExecutor:
    """Runs each script in one of a fixed number of worker processes.

    A worker that dies costs the run that it had; the next one gets a new worker.

    Args:
        max_workers: How many; by default as many as the CPUs that this process may use.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self.capacity = usable_cpus() if max_workers is None else max_workers
        if self.capacity < 1:
            raise ValueError(f"max_workers must be at least 1, got {max_workers}")
        # One thread waits for each worker, so that a slot is a worker.
        self._threads = ThreadPoolExecutor(self.capacity, thread_name_prefix="kogine-pool")
        self._workers: dict[int, _Worker] = {}
        self._closed = False

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        """Run in the worker of the spec's slot."""
        return self._threads.submit(timed, spec, self._value)

    def shutdown(self, *, cancel: bool = False) -> None:
        """End the workers; see `Executor`."""
        self._closed = cancel
        if cancel:
            for worker in list(self._workers.values()):
                worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=cancel)
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def _value(self, spec: RunSpec) -> Any:
        request = Request.of(spec.script, spec.config, spec.argv, strict=spec.strict)
        data = dumps((request, spec.environment), what="a request")
        worker = self._workers.get(spec.slot)
        if worker is None:
            worker = self._workers[spec.slot] = _Worker()
            if self._closed:  # between the kill and here
                worker.kill()
        report = worker.ask(data)
        if report is None:
            del self._workers[spec.slot]
            raise lost(spec.script, spec.config, worker.close())
        return received(report, spec.script, spec.config)


class _Worker:
    """One worker process, and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, other = _processes.Pipe()
        self._process = _processes.Process(target=_serve, args=(other,), daemon=False)
        self._process.start()
        other.close()

    def ask(self, data: bytes) -> Report | None:
        """Let it do a run; None if it died over it."""
        try:
            self._pipe.send_bytes(data)
            report: Report = loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            return None
        return report

    def kill(self) -> None:
        """Kill it and all that its script has started."""
        import psutil

        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self._process.kill()
        for process in family:
            with suppress(psutil.NoSuchProcess):  # it was quicker
                process.kill()

    def close(self) -> int:
        """Let it end, and return its status."""
        self._pipe.close()
        self._process.join()
        status = self._process.exitcode
        self._process.close()
        return status or 0


def _serve(pipe: Connection) -> None:
    """The worker: one run after the other, until the other end of the pipe is closed."""
    # Ctrl-C reaches the whole group; what becomes of the workers then is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            request, environment = loads(pipe.recv_bytes())
        except EOFError:
            return
        os.environ.update(environment)
        report, _ = do(request)
        pipe.send_bytes(dumps(report, what="the report of a run"))
