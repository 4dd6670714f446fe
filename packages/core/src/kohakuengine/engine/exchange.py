"""What crosses between the process that wants a run and the one that does it.

A `Request` goes one way and a `Report` the other, each pickled by `kohakuengine.config.transport`.
How they travel (files, pipes) is up to whoever starts the processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kohakuengine.config.transport import dumps, loads
from kohakuengine.engine.ending import exit_status, first_line, traceback_text
from kohakuengine.engine.script import Script
from kohakuengine.errors import KohakuEngineError, RunFailed, RunLost, TransportError

if TYPE_CHECKING:
    from kohakuengine.config.base import Config

__all__ = ["Report", "Request", "Unpicklable", "do", "lost", "received"]


class Request(NamedTuple):
    """A run to be done elsewhere.

    Attributes:
        location: The script's file, absolute, or its module's name.
        argv0: The script as it was named, from wherever that was.
        entrypoint: The entrypoint's name, or None.
        config: What it runs with, pickled by itself, so that an error names the value in it.
        argv: See `kohakuengine.engine.executor.run_script`.
        strict: See there.
    """

    location: str
    argv0: str
    entrypoint: str | None
    config: bytes
    argv: tuple[str, ...]
    strict: bool

    @classmethod
    def of(
        cls, script: Script, config: Config | None, argv: Sequence[str], *, strict: bool
    ) -> Request:
        """The request for a run of `script`.

        Raises:
            TransportError: The config cannot cross; the message names the value.
        """
        packed = dumps(config, what=f"the config of {script.name}")
        location = script.module_name or script.filename
        return cls(location, script.argv0, script.entrypoint, packed, tuple(argv), strict)


class Unpicklable:
    """Stands for a run's value that could not leave the run's process.

    Attributes:
        description: What the value looked like there.
        reason: Why it could not be pickled.
    """

    __slots__ = ("description", "reason")

    def __init__(self, description: str, reason: str) -> None:
        self.description = description
        self.reason = reason

    def __repr__(self) -> str:
        return f"<unpicklable: {self.description}>"


class Report(NamedTuple):
    """What is told of a run.

    Attributes:
        value: The entrypoint's value, pickled; None where there is none to tell.
        error: The first line of the error: type and message; "" for a run that succeeded.
        traceback: The traceback's text, cut to the user's frames.
        refused: The error by which the engine refused the run, or None.
        exit_code: The status with which ``python script.py`` would have ended.
    """

    value: bytes | None
    error: str = ""
    traceback: str = ""
    refused: KohakuEngineError | None = None
    exit_code: int = 0


def do(request: Request) -> tuple[Report, BaseException | None]:
    """Do the run, in this process.

    Returns:
        The report, and the error by which the script ended, for whoever ends the process by it.
    """
    from kohakuengine.engine.executor import run_script

    try:
        script = Script(request.location, entrypoint=request.entrypoint)
        script.argv0 = request.argv0
        config = loads(request.config)
        outcome = run_script(script, config, argv=request.argv, strict=request.strict)
    except KohakuEngineError as refused:
        return Report(None, refused=refused, exit_code=1), None
    except (KeyboardInterrupt, Exception) as raised:  # interrupted, or no Python
        return _failed(raised), raised
    if outcome.failed:
        assert outcome.error is not None
        return _failed(outcome.error), outcome.error
    return Report(_packed(outcome.value)), outcome.error


def _failed(error: BaseException) -> Report:
    text = "" if isinstance(error, SystemExit) else traceback_text(error)
    return Report(None, first_line(error), text, exit_code=exit_status(error))


def _packed(value: Any) -> bytes:
    try:
        return dumps(value, what="the value of the run")
    except TransportError as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return dumps(Unpicklable(f"a {kind}", str(error)), what="its description")


def received(report: Report, script: Script, config: Config | None) -> Any:
    """The value that a report holds.

    Warns:
        UserWarning: The value stayed where it was made; an `Unpicklable` describes it.

    Raises:
        RunFailed: The script failed there.
        KohakuEngineError: The engine refused the run there.
    """
    if report.refused is not None:
        raise report.refused
    if report.error:
        raise RunFailed(
            f"{script.location} failed with exit code {report.exit_code}: {report.error}",
            script=script,
            config=config,
            traceback=report.traceback,
            exit_code=report.exit_code,
        )
    assert report.value is not None
    value = loads(report.value)
    if isinstance(value, Unpicklable):
        import warnings

        text = f"the value of {script.location} stayed in its process: {value.reason}"
        warnings.warn(text, UserWarning, stacklevel=3)
    return value


def lost(script: Script, config: Config | None, status: int) -> RunLost:
    """The error for a run whose process ended without a report.

    Args:
        script: What ran.
        config: What it ran with.
        status: The process's status, negative for a signal, as in `subprocess`.
    """
    import signal

    how = f"ended with exit code {status}"
    if status < 0:
        names = {number.value: number.name for number in signal.Signals}
        name = names.get(-status, f"signal {-status}")
        how = f"was killed by {name} (exit code {status})"
    message = f"{script.location}: its process {how} before the run was over"
    return RunLost(message, script=script, config=config, exit_code=status)
