"""A worker of the pool: one run after the other, until nobody asks any more."""

from __future__ import annotations

import gc
import marshal
import os
import sys

from kohakuengine.config import transport
from kohakuengine.config.plain import PlainConfig
from kohakuengine.engine.exchange import Report, attempted, report_of
from kohakuengine.engine.executor import Outcome, run_script
from kohakuengine.engine.script import Script
from kohakuengine_parallel.channel import FarEnd
from kohakuengine_parallel.zygote.values import BARE, USUAL_MARK, bare_loads, bare_value

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

__all__ = ["main", "task"]

# The script's location, argv0 and entrypoint, and the run's argv and strict.
_Request = tuple[str, str, str | None, tuple[str, ...], bool]


def task(environment: dict[str, str], request: _Request, config: bytes | None) -> bytes:
    """The message that has a worker do a run.

    Args:
        environment: Variables for it.
        request: Of the `kohakuengine.engine.exchange.Request`, all but the config.
        config: The config, as `kohakuengine_parallel.zygote.values` has it; None if there is none.
    """
    return marshal.dumps((environment, request, config))


def main(instead: str, descriptor: str) -> None:
    """Serve.

    Args:
        instead: See `FarEnd`.
        descriptor: The socket's number.
    """
    from kohakuengine.engine.notice import show_our_warnings

    show_our_warnings()
    os.set_inheritable(int(descriptor), False)
    channel = FarEnd(int(descriptor), instead)
    worker = _Worker()
    # Each run leaves cycles for the collector, which need not look at all of Python each time.
    gc.freeze()
    while True:
        message = channel.receive()
        if message is None:
            return
        answer = worker.do(*marshal.loads(message))  # noqa: S302 - from our own parent
        _flush()
        channel.send(answer)


class _Worker:
    def __init__(self) -> None:
        self._scripts: dict[tuple[str, str, str | None], Script] = {}

    def do(self, environment: dict[str, str], request: _Request, config: bytes | None) -> bytes:
        """Do a run, and say how it went."""
        for name, value in environment.items():
            if os.environ.get(name) != value:  # two of the three seldom change
                os.environ[name] = value

        def run() -> Outcome:
            given = None if config is None else _config(config)
            script = self._script(*request[:3])
            return run_script(script, given, argv=request[3], strict=request[4])

        came, _ = attempted(run)
        return _answer(came)

    def _script(self, location: str, argv0: str, entrypoint: str | None) -> Script:
        key = (location, argv0, entrypoint)
        script = self._scripts.get(key)
        if script is None:
            script = Script(location, entrypoint=entrypoint)
            script.argv0 = argv0
            self._scripts[key] = script
        return script


def _config(message: bytes) -> Any:
    if message[0] == BARE:
        return PlainConfig(bare_loads(message[1:]))
    return transport.loads(message[1:])


def _answer(came: Outcome | Report) -> bytes:
    if isinstance(came, Outcome):
        bare = bare_value(came.value)
        if bare is not None:
            return bare
        came = report_of(came.value)
    return USUAL_MARK + transport.dumps(came, what="the report of a run")


def _flush() -> None:
    """Write out what the run has printed, so that its report does not come before its output."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except OSError:
                continue  # the disk is full: of that the log is the victim, not the run
