"""What all flows have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.config.slots import expanding
from kohakuengine.engine.executor import check_runnable
from kohakuengine.engine.script import Script
from kohakuengine.errors import FlowFailed, FlowInterrupted, WorkflowError
from kohakuengine.flow.driver import Driver, Listener, failure
from kohakuengine.flow.executors import Executor
from kohakuengine.flow.policy import OnError, Policy, RetryOn
from kohakuengine.flow.runs import RunResult, RunSpec

__all__ = ["ScriptWorkflow", "Workflow"]

_Configs = Generator[Config | None, RunResult | None, None]


class Workflow(ABC):
    """Something that can be checked, and run to a list of values."""

    @abstractmethod
    def run(self) -> list[Any]:
        """Run it and return the entrypoints' values, in the order given."""

    @abstractmethod
    def validate(self) -> None:
        """Check what can be checked before anything runs."""


class ScriptWorkflow(Workflow):
    """Scripts, each with its config or its sweep, run by an executor.

    A script whose config is a generator runs once for each config. One generator given to several
    scripts runs for each of them.

    Args:
        scripts: `Script`s, or paths.
        on_error: See `kohakuengine.flow.policy.Policy`; so is all else up to
            `max_identical_failures`.
        retries: See there.
        retry_delay_s: See there.
        retry_on: See there.
        max_failures: See there.
        max_identical_failures: See there.
        listeners: Who is told what happens; see `kohakuengine.flow.driver.Listener`.
        argv: Command-line arguments of every script.
        strict: Whether arguments that an entrypoint does not take are an error.

    Raises:
        WorkflowError: There is no script, one is neither a `Script` nor a path, or the driver does
            not accept one of its arguments.
    """

    def __init__(
        self,
        scripts: Iterable[Script | str | os.PathLike[str]],
        *,
        on_error: OnError = "stop",
        retries: int = 0,
        retry_delay_s: float = 0.0,
        retry_on: RetryOn | None = None,
        max_failures: int | None = None,
        max_identical_failures: int | None = None,
        listeners: Sequence[Listener] = (),
        argv: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        self.scripts = [_script(script) for script in scripts]
        if not self.scripts:
            raise WorkflowError("Workflow must have at least one script")
        self._policy: dict[str, Any] = {
            "on_error": on_error,
            "retries": retries,
            "retry_delay_s": retry_delay_s,
            "retry_on": retry_on,
            "max_failures": max_failures,
            "max_identical_failures": max_identical_failures,
        }
        Policy(**self._policy)  # refused now rather than when it runs
        self._listeners = list(listeners)
        self._argv = tuple(argv)
        self._strict = strict

    @abstractmethod
    def make_executor(self) -> Executor:
        """A new executor for one pass over the scripts."""

    def validate(self) -> None:
        """Check that every script is there and holds something to run.

        Raises:
            EntrypointNotFound: A script with a config has no entrypoint.
            SyntaxError: A script is not Python.
        """
        for script in self.scripts:
            check_runnable(script)

    def stream(self) -> Iterator[RunResult]:
        """Run everything, and yield each result when its run is over.

        Raises:
            FlowFailed: A run failed; with `on_error` "continue", so many as `max_failures` or
                `max_identical_failures` say.
            FlowInterrupted: Ctrl-C.
            Exception: What a generator of configs raised, after the runs under way have ended.
        """
        self.validate()
        return self._stream()

    def _stream(self) -> Iterator[RunResult]:
        # The executor is made when the first result is asked for: from then on it is shut down.
        driver = Driver(self.make_executor(), **self._policy, listeners=self._listeners)
        yield from driver.stream(self._expanded(), self._total())

    def results(self) -> list[RunResult]:
        """Run everything and return the results in the order given.

        Raises:
            FlowFailed: As for `stream`; it carries every result.
            FlowInterrupted: Ctrl-C; it carries every result so far.
        """
        results: list[RunResult] = []
        try:
            results.extend(self.stream())
        except (FlowFailed, FlowInterrupted) as error:
            error.results = sorted(results, key=lambda result: result.index)
            raise
        return sorted(results, key=lambda result: result.index)

    def run(self) -> list[Any]:
        """Run everything and return the entrypoints' values in the order given.

        Raises:
            FlowFailed: A run failed. With ``on_error="continue"`` it comes after all have run: a
                failure is never turned into a value. It carries every result.
            FlowInterrupted: Ctrl-C; it carries every result so far.
        """
        results = self.results()
        if not all(result.ok for result in results):
            raise failure(results)
        return [result.value for result in results]

    def _total(self) -> int | None:
        total = 0
        for script in self.scripts:
            if not isinstance(script.config, ConfigGenerator):
                total += 1
            elif script.config.length is None:
                return None
            else:
                total += script.config.length
        return total

    def _expanded(self) -> Generator[RunSpec, RunResult | None, None]:
        """All runs, in order; what is sent to it reaches the generator that is being expanded."""
        index = 0
        shared = _Shared([script.config for script in self.scripts])
        for script in self.scripts:
            with closing(shared.configs(script.config)) as configs:
                index = yield from self._runs(script, configs, index)

    def _runs(
        self, script: Script, configs: _Configs, index: int
    ) -> Generator[RunSpec, RunResult | None, int]:
        """The runs of one script, from `index` on; returns the index after the last one's."""
        first = index
        try:
            with expanding():
                config = next(configs)
            while True:
                result = yield RunSpec(index, script, config, argv=self._argv, strict=self._strict)
                index += 1
                # These configs know nothing of the runs of a script before.
                is_theirs = result is not None and result.index >= first
                config = configs.send(result if is_theirs else None)
        except StopIteration:
            return index


def _script(script: Script | str | os.PathLike[str]) -> Script:
    if isinstance(script, Script):
        return script
    if isinstance(script, (str, os.PathLike)):
        return Script(script)
    raise WorkflowError(f"a script is a Script or a path, got {type(script).__name__}")


class _Shared:
    """Gives each script configs of its own, also where several scripts were given the same object.

    A single-pass generator is recorded for as long as another script is to follow; one that can be
    made again (a sweep) is.
    """

    def __init__(self, given: Sequence[Config | ConfigGenerator | None]) -> None:
        self._uses: dict[int, int] = {}
        for config in given:
            self._uses[id(config)] = self._uses.get(id(config), 0) + 1
        self._recorded: dict[int, list[Config]] = {}

    def configs(self, config: Config | ConfigGenerator | None) -> _Configs:
        shared = self._uses[id(config)] > 1
        if isinstance(config, ConfigGenerator):
            return self._generated(config, shared=shared)
        return _once(config.copy() if config is not None and shared else config)

    def _generated(self, generator: ConfigGenerator, *, shared: bool) -> _Configs:
        fresh = generator.fresh() if shared else None
        if fresh is not None:
            return _sent(fresh, None)
        if id(generator) in self._recorded:
            return _each(self._recorded[id(generator)])
        record: list[Config] | None = None
        if shared:
            record = self._recorded[id(generator)] = []
        return _sent(generator, record)


def _once(config: Config | None) -> _Configs:
    yield config


def _each(recorded: list[Config]) -> _Configs:
    for config in recorded:
        yield config.copy()


def _sent(generator: ConfigGenerator, record: list[Config] | None) -> _Configs:
    feedback: RunResult | None = None
    try:
        while True:
            try:
                config = generator.send(feedback)
            except StopIteration:
                return
            if record is not None:
                record.append(config.copy())
            feedback = yield config
    finally:
        generator.close()
