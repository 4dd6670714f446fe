"""Runs in fresh interpreters: for scripts that must not share even their imports."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from kohakuengine.config.plain import PlainConfig
from kohakuengine.config.transport import dumps
from kohakuengine.engine.child import (
    child_command,
    interpreter_command,
    read_report,
    write_request,
)
from kohakuengine.engine.exchange import Request
from kohakuengine_parallel.executor import ProcessExecutor
from kohakuengine_parallel.launcher import can_fork
from kohakuengine_parallel.zygote.order import Start
from kohakuengine_parallel.zygote.values import BARE

if TYPE_CHECKING:
    from kohakuengine_parallel.runs import RunUnderWay

__all__ = ["FreshRun", "SubprocessExecutor"]


class SubprocessExecutor(ProcessExecutor):
    """Runs each script in an interpreter of its own, several at once.

    The interpreters have the flags of this one (-O, -W, -X ...).

    Args:
        options: See `ProcessExecutor`.
    """

    def begin(self, run: RunUnderWay) -> None:
        """Start an interpreter for the run."""
        FreshRun(self, run)

    def release(self) -> None:
        """There is nothing else."""
        self.released()


class FreshRun:
    """A run in a fresh interpreter.

    Args:
        executor: Whose run it is.
        run: The run.
    """

    def __init__(self, executor: ProcessExecutor, run: RunUnderWay) -> None:
        self._executor = executor
        self._run = run
        self._launcher = executor.launcher
        self._key = self._launcher.new_key()
        self._folder = executor.file(f"fresh-{id(self._launcher)}-{self._key}")
        try:
            os.mkdir(self._folder, 0o700)
            write_request(self._folder, self._request())
        except OSError as error:
            self.ended(None, f"its request cannot be written: {error.strerror}")
            return
        self._launcher.start(self._order(), None, self)
        executor.running(run, self)

    def signal(self, number: int) -> None:
        """See `kohakuengine_parallel.runs.Process`."""
        self._launcher.signal(self._key, number)

    def ended(self, status: int | None, reason: str = "") -> None:
        """See `kohakuengine_parallel.zygote.client.Tenant`."""
        # What a script says of itself after it was told to end, says little of the run.
        report = read_report(self._folder) if self._run.stop is None else None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._executor.ended(self._run, self._executor.told(self._run, report), status, reason)

    def told(self, _: bytes | bytearray) -> None:
        """Only forks send reports by way of the zygote."""
        raise AssertionError

    def moved(self) -> None:
        """A launcher holds no modules that could be outdated."""
        raise AssertionError

    def _request(self) -> bytes:
        location, argv0, entrypoint, argv, strict = self._run.request
        request = Request(location, argv0, entrypoint, self._config(), argv, strict=strict)
        return dumps(request, what="a request")

    def _config(self) -> bytes:
        message, config = self._run.config, self._run.spec.config
        if message[0] != BARE:
            return message[1:]
        return dumps(None if config is None else PlainConfig.of(config), what="a config")

    def _order(self) -> Start:
        limit = self._executor.memory_limit_mb
        command = child_command(self._folder)
        if not can_fork():
            words = [self._folder] if limit is None else [self._folder, str(limit)]
            command = interpreter_command("kohakuengine_parallel.fresh:main", *words)
        return Start(
            key=self._key,
            environment=self._executor.environment(self._run.spec),
            log=self._run.log or os.devnull,
            slot=self._run.spec.slot,
            memory_limit_mb=limit,
            command=command,
        )
