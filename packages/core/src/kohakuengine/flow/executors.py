"""Where runs happen: the interface, the two executors of core, and the registry.

An executor is as narrow as works, in the words of `concurrent.futures`: it takes one run and gives
a future of its result. Order, retries, what happens on failure and all else is the driver's.

A complete plugin is a class with `Executor`'s members, and in its distribution's metadata::

    [project.entry-points."kohakuengine.executors"]
    cluster = "my_package:ClusterExecutor"

after which ``executor_named("cluster")`` returns it. Its tests subclass
`kohakuengine.testing.ExecutorContract`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from kohakuengine import sibling
from kohakuengine.engine.executor import run_script
from kohakuengine.errors import (
    KohakuEngineError,
    MissingDistribution,
    RunError,
    RunFailed,
    RunLost,
    RunTimeout,
    nearest,
)
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

__all__ = [
    "Executor",
    "InlineExecutor",
    "SubprocessExecutor",
    "executor_named",
    "executor_names",
    "result_of",
    "timed",
]

GROUP = "kohakuengine.executors"

# Known without reading every installed distribution's metadata, which takes tens of milliseconds.
_PARALLEL = {"fork": "ForkExecutor", "pool": "PoolExecutor", "subprocess": "SubprocessExecutor"}


class Executor(Protocol):
    """Runs what it is given.

    Attributes:
        capacity: How many runs it holds at once; the driver submits no more than that.
    """

    capacity: int

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        """Start a run, or put it in line.

        The future may be ended by any thread; the driver learns of it by its done-callback.

        A run that fails is a result, not an exception of the future. A future may be finished when
        it is returned.

        Raises:
            KeyboardInterrupt: The run took place in this very process and was interrupted.
        """
        ...

    def shutdown(self, *, cancel: bool = False) -> None:
        """Release everything; nothing is submitted afterwards.

        A `KeyboardInterrupt` meanwhile is passed on when all has been stopped at once.

        Args:
            cancel: Stop the runs that are under way too, instead of waiting for them.
        """
        ...


class InlineExecutor:
    """Runs each script in this process, at once."""

    capacity = 1

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        return _finished(timed(spec, _run_here))

    def shutdown(self, *, cancel: bool = False) -> None:
        """Nothing to release: a run is over when `submit` returns."""


class SubprocessExecutor:
    """Runs each script in a fresh interpreter, one after the other."""

    capacity = 1

    def submit(self, spec: RunSpec) -> Future[RunResult]:
        return _finished(timed(spec, _run_in_child))

    def shutdown(self, *, cancel: bool = False) -> None:
        """Nothing to release: a run is over when `submit` returns."""


def _run_here(spec: RunSpec) -> Any:
    outcome = run_script(spec.script, spec.config, argv=spec.argv, strict=spec.strict)
    if outcome.failed:
        assert outcome.error is not None
        raise _described(spec, outcome.error)
    return outcome.value


def _run_in_child(spec: RunSpec) -> Any:
    from kohakuengine.engine.child import run_in_child

    return run_in_child(
        spec.script,
        spec.config,
        argv=spec.argv,
        strict=spec.strict,
        environment=spec.environment,
        index=spec.index,
    )


def timed(spec: RunSpec, run: Callable[[RunSpec], Any]) -> RunResult:
    """The result of ``run(spec)``, with its times.

    Raises:
        KeyboardInterrupt: The run was interrupted.
    """
    started, clock = time.time(), time.perf_counter()
    result = result_of(spec, lambda: run(spec))
    result.started = started
    result.duration_s = time.perf_counter() - clock
    return result


def result_of(spec: RunSpec, run: Callable[[], Any]) -> RunResult:
    """The result of ``run()``, without times; an exception is a failed run's.

    An error of our own is the result's error as it is; any other becomes a `RunFailed`.

    Raises:
        KeyboardInterrupt: The run was interrupted.
    """
    try:
        value = run()
    except KeyboardInterrupt:
        raise
    except KohakuEngineError as error:
        return _result(spec, None, _status(error), error)
    except Exception as error:  # no Python, no file
        return _result(spec, None, RunStatus.FAILED, _described(spec, error))
    return _result(spec, value, RunStatus.SUCCESS)


def _described(spec: RunSpec, error: BaseException) -> RunFailed:
    """A script's exception as a `RunFailed`, with the traceback."""
    from kohakuengine.engine.ending import (
        exception_kinds,
        exception_place,
        exit_status,
        failure_line,
        traceback_text,
    )

    failed = RunFailed(
        f"{spec.script.location}: {failure_line(error)}",
        script=spec.script,
        config=spec.config,
        traceback="" if isinstance(error, SystemExit) else traceback_text(error),
        exit_code=exit_status(error),
        kinds=exception_kinds(error),
        where=exception_place(error),
    )
    failed.__cause__ = error
    return failed


def _result(
    spec: RunSpec, value: Any, status: RunStatus, error: KohakuEngineError | None = None
) -> RunResult:
    result = RunResult(
        spec.index, spec.script, spec.config, status, value, error, spec.attempt, spec.slot
    )
    if isinstance(error, RunError):
        result.log_path = error.log_path
    return result


def _status(error: KohakuEngineError) -> RunStatus:
    if isinstance(error, RunLost):
        return RunStatus.LOST
    return RunStatus.TIMEOUT if isinstance(error, RunTimeout) else RunStatus.FAILED


def _finished(result: RunResult) -> Future[RunResult]:
    future: Future[RunResult] = Future()
    future.set_result(result)
    return future


def executor_named(name: str) -> Any:
    """The class of an executor: a built-in one, or one that a distribution registers.

    "inline" is core's own; "fork", "pool" and "subprocess" are those of ``kohakuengine-parallel``,
    without which "subprocess" is the one here, which runs one script at a time.

    Raises:
        MissingDistribution: ``kohakuengine-parallel`` has it, and is not installed.
        KohakuEngineError: There is none of that name; the message lists those there are.
    """
    if name == "inline":
        return InlineExecutor
    if name in _PARALLEL:
        return _parallel(name)
    from importlib.metadata import entry_points

    for found in entry_points(group=GROUP, name=name):
        return found.load()
    names = executor_names()
    message = f"No executor is named {name!r}; there are {', '.join(names)}."
    raise KohakuEngineError(message + nearest(name, names))


def executor_names() -> list[str]:
    """The names of all executors that are installed."""
    from importlib.metadata import entry_points

    known = {"inline", "subprocess", *(_PARALLEL if has_parallel() else ())}
    return sorted({*known, *(found.name for found in entry_points(group=GROUP))})


def _parallel(name: str) -> Any:
    try:
        package = sibling("kohakuengine_parallel", "parallel", needed_for=f"executor {name!r}")
    except MissingDistribution:
        if name == "subprocess":
            return SubprocessExecutor
        raise
    return getattr(package, _PARALLEL[name])


def has_parallel() -> bool:
    """Whether ``kohakuengine-parallel`` is installed."""
    from importlib.util import find_spec

    return find_spec("kohakuengine_parallel") is not None
