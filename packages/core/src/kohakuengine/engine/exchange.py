"""What crosses between the process that wants a run and the one that does it.

A `Request` goes one way and a `Report` the other, each pickled by `kohakuengine.config.transport`.
How they travel (files, pipes) is up to whoever starts the processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kohakuengine.config.plain import PlainConfig
from kohakuengine.config.transport import dumps, loads
from kohakuengine.engine.ending import (
    exception_kinds,
    exception_place,
    exit_status,
    failure_line,
    signal_name,
    traceback_text,
)
from kohakuengine.engine.script import Script
from kohakuengine.errors import KohakuEngineError, RunFailed, RunLost, TransportError

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import Config
    from kohakuengine.engine.executor import Outcome

__all__ = [
    "Report",
    "Request",
    "Unpicklable",
    "attempted",
    "do",
    "lost",
    "received",
    "report_of",
]


class Request:
    """A run to be done elsewhere.

    Attributes:
        location: The script's file, absolute, or its module's name.
        argv0: The script as it was named, from wherever that was.
        entrypoint: The entrypoint's name, or None.
        config: What it runs with, pickled by itself, so that an error names the value in it.
        argv: See `kohakuengine.engine.executor.run_script`.
        strict: See there.
    """

    __slots__ = ("argv", "argv0", "config", "entrypoint", "location", "strict")

    def __init__(
        self,
        location: str,
        argv0: str,
        entrypoint: str | None,
        config: bytes,
        argv: tuple[str, ...],
        *,
        strict: bool,
    ) -> None:
        self.location = location
        self.argv0 = argv0
        self.entrypoint = entrypoint
        self.config = config
        self.argv = argv
        self.strict = strict

    @classmethod
    def of(
        cls, script: Script, config: Config | None, argv: Sequence[str], *, strict: bool
    ) -> Request:
        """The request for a run of `script`.

        Raises:
            TransportError: The config cannot cross; the message names the value.
        """
        plain = None if config is None else PlainConfig.of(config)
        packed = dumps(plain, what=f"the config of {script.name}")
        location = script.module_name or script.filename
        return cls(location, script.argv0, script.entrypoint, packed, tuple(argv), strict=strict)

    def script(self) -> Script:
        """The script, in this process."""
        script = Script(self.location, entrypoint=self.entrypoint)
        script.argv0 = self.argv0
        return script


class Unpicklable:
    """Stands for a run's value that could not leave the run's process, or not arrive in this one.

    Attributes:
        description: What the value looked like there.
        reason: Why it could not be pickled, or rebuilt.
    """

    __slots__ = ("description", "reason")

    def __init__(self, description: str, reason: str) -> None:
        self.description = description
        self.reason = reason

    def __repr__(self) -> str:
        return f"<unpicklable: {self.description}>"


class Report:
    """What is told of a run.

    Attributes:
        value: The entrypoint's value, pickled; None where there is none to tell.
        error: The first line of the error: type and message; "" for a run that succeeded.
        traceback: The traceback's text, cut to the user's frames.
        refused: The error by which the engine refused the run, or None.
        exit_code: The status with which ``python script.py`` would have ended.
        kinds: See `kohakuengine.errors.RunError`; so is `where`.
        where: See there.
        value_kind: The qualified name of the value's class.
    """

    __slots__ = (
        "error",
        "exit_code",
        "kinds",
        "refused",
        "traceback",
        "value",
        "value_kind",
        "where",
    )

    def __init__(
        self,
        value: bytes | None,
        error: str = "",
        traceback: str = "",
        refused: KohakuEngineError | None = None,
        exit_code: int = 0,
        kinds: tuple[str, ...] = (),
        where: str = "",
        value_kind: str = "",
    ) -> None:
        self.value = value
        self.error = error
        self.traceback = traceback
        self.refused = refused
        self.exit_code = exit_code
        self.kinds = kinds
        self.where = where
        self.value_kind = value_kind

    @property
    def exited(self) -> bool:
        """Whether the script ended by ``sys.exit``."""
        return self.kinds[:1] == ("SystemExit",)


def do(request: Request, *, last: bool = False) -> tuple[Report, BaseException | None]:
    """Do the run, in this process.

    Args:
        request: What is to be done.
        last: See `kohakuengine.engine.executor.run_script`.

    Returns:
        The report, and the error by which the script ended, for whoever ends the process by it.
    """
    from kohakuengine.engine.executor import run_script

    def run() -> Outcome:
        script = request.script()
        config = loads(request.config)
        return run_script(script, config, argv=request.argv, strict=request.strict, last=last)

    came, error = attempted(run)
    return came if isinstance(came, Report) else report_of(came.value), error


def attempted(run: Callable[[], Outcome]) -> tuple[Outcome | Report, BaseException | None]:
    """The outcome of a run that went well, or what is to be told of another; and the error.

    Args:
        run: Does it.
    """
    try:
        outcome = run()
    except KohakuEngineError as refused:
        return Report(None, refused=refused, exit_code=1), None
    except (KeyboardInterrupt, Exception) as raised:  # interrupted, or no Python
        return _failed(raised), raised
    if outcome.error is not None and outcome.failed:  # most have none: that is read faster
        return _failed(outcome.error), outcome.error
    return outcome, outcome.error


def report_of(value: Any) -> Report:
    """What is to be told of a run that went well."""
    kind = _kind(value)
    return Report(_packed(value, kind), value_kind=kind)


def _failed(error: BaseException) -> Report:
    text = "" if isinstance(error, SystemExit) else traceback_text(error)
    return Report(
        None,
        failure_line(error),
        text,
        exit_code=exit_status(error),
        kinds=exception_kinds(error),
        where=exception_place(error),
    )


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _packed(value: Any, kind: str) -> bytes:
    try:
        return dumps(value, what="the value of the run")
    except TransportError as error:
        return dumps(Unpicklable(f"a {kind}", str(error)), what="its description")


def received(
    report: Report, script: Script, config: Config | None, *, index: int | None = None
) -> Any:
    """The value that a report holds.

    Args:
        report: What the run's process told.
        script: What ran.
        config: What it ran with.
        index: The run's place in its flow, from 0; None for a run that is in no flow.

    Warns:
        UserWarning: The value stayed where it was made; an `Unpicklable` describes it.

    Raises:
        RunFailed: The script failed there.
        KohakuEngineError: The engine refused the run there.
    """
    if report.refused is not None:
        raise report.refused
    if report.error:
        how = f" failed with exit code {report.exit_code}"
        raise RunFailed(
            f"{script.location}{'' if report.exited else how}: {report.error}",
            script=script,
            config=config,
            traceback=report.traceback,
            exit_code=report.exit_code,
            kinds=report.kinds,
            where=report.where,
        )
    assert report.value is not None
    value = _rebuilt(report.value, report.value_kind)
    if isinstance(value, Unpicklable):
        import warnings

        run = "" if index is None else f" in run {index + 1}"  # people count from 1
        text = f"the value of {script.location}{run} stayed in its process: {value.reason}"
        warnings.warn(text, UserWarning, stacklevel=3)
    return value


def _rebuilt(data: bytes, kind: str) -> Any:
    try:
        return loads(data)
    except TransportError as error:
        return Unpicklable(f"a {kind}", str(error))


def lost(script: Script, config: Config | None, status: int, reason: str = "") -> RunLost:
    """The error for a run whose process ended without a report.

    Args:
        script: What ran.
        config: What it ran with.
        status: The process's status, negative for a signal, as in `subprocess`.
        reason: Why it ended, where that is known: "out of memory".
    """
    how = f"ended with exit code {status}"
    if status < 0:
        how = f"was killed by {signal_name(-status)} (exit code {status})"
    message = f"{script.location}: its process {how} before the run was over"
    if reason:
        message += f": {reason}"
    return RunLost(message, script=script, config=config, exit_code=status)
