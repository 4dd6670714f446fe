"""What all flows have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.engine.executor import check_runnable
from kohakuengine.engine.script import Script
from kohakuengine.errors import FlowFailed, FlowInterrupted, WorkflowError
from kohakuengine.flow.driver import Driver, Listener, OnError, check_policy, failure
from kohakuengine.flow.executors import Executor
from kohakuengine.flow.runs import RunResult, RunSpec

__all__ = ["ScriptWorkflow", "Workflow"]


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
        on_error: See `kohakuengine.flow.driver.Driver`; so are `retries` and `retry_delay_s`.
        retries: See there.
        retry_delay_s: See there.
        listeners: See there.
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
        listeners: Sequence[Listener] = (),
        argv: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        self.scripts = [_script(script) for script in scripts]
        if not self.scripts:
            raise WorkflowError("Workflow must have at least one script")
        check_policy(on_error, retries, retry_delay_s)
        self._on_error: OnError = on_error
        self._retries = retries
        self._retry_delay_s = retry_delay_s
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
            FlowFailed: A run failed, unless `on_error` is "continue".
            FlowInterrupted: Ctrl-C.
            Exception: What a generator of configs raised, after the runs under way have ended.
        """
        self.validate()
        return self._stream()

    def _stream(self) -> Iterator[RunResult]:
        # The executor is made when the first result is asked for: from then on it is shut down.
        driver = Driver(
            self.make_executor(),
            on_error=self._on_error,
            retries=self._retries,
            retry_delay_s=self._retry_delay_s,
            listeners=self._listeners,
        )
        yield from driver.stream(self._expanded(), self._total())

    def results(self) -> list[RunResult]:
        """Run everything and return the results in the order given.

        Raises:
            FlowFailed: A run failed, unless `on_error` is "continue"; it carries every result.
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
            first = index
            feedback: RunResult | None = None
            with closing(shared.configs(script.config)) as configs:
                while True:
                    try:
                        config = configs.send(feedback)
                    except StopIteration:
                        break
                    feedback = yield RunSpec(
                        index, script, config, argv=self._argv, strict=self._strict
                    )
                    index += 1
                    if feedback is not None and feedback.index < first:
                        feedback = None  # of a script before, of which these configs know nothing


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

    def configs(
        self, config: Config | ConfigGenerator | None
    ) -> Generator[Config | None, RunResult | None, None]:
        shared = self._uses[id(config)] > 1
        if isinstance(config, ConfigGenerator):
            return self._generated(config, shared=shared)
        return _once(config.copy() if config is not None and shared else config)

    def _generated(
        self, generator: ConfigGenerator, *, shared: bool
    ) -> Generator[Config | None, RunResult | None, None]:
        fresh = generator.fresh() if shared else None
        if fresh is not None:
            return _sent(fresh, None)
        if id(generator) in self._recorded:
            return _each(self._recorded[id(generator)])
        record: list[Config] | None = None
        if shared:
            record = self._recorded[id(generator)] = []
        return _sent(generator, record)


def _once(config: Config | None) -> Generator[Config | None, RunResult | None, None]:
    yield config


def _each(recorded: list[Config]) -> Generator[Config | None, RunResult | None, None]:
    for config in recorded:
        yield config.copy()


def _sent(
    generator: ConfigGenerator, record: list[Config] | None
) -> Generator[Config | None, RunResult | None, None]:
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
