"""How a script's error ends it: the status, the traceback, and how Python reports both."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import FrameType, TracebackType

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = [
    "end_as_python",
    "end_forked",
    "exception_kinds",
    "exception_place",
    "exit_status",
    "failure_line",
    "first_line",
    "kind_name",
    "reported_status",
    "signal_name",
    "traceback_text",
    "user_traceback",
]

# asyncio's frames lead only where the engine itself awaits an entrypoint; a script's own call of
# asyncio.run() has the script's frame before them. A frame of "sys" is how the engine calls it.
_ENGINE = {"kohakuengine", "kohakuengine_cli", "kohakuengine_parallel", "asyncio", "sys"}

_STANDARD_LIBRARY = (os.path.dirname(os.__file__) + os.sep, "<")  # the latter: <frozen importlib>
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def exit_status(error: BaseException) -> int:
    """The process's status when `error` ends it: 1, or what ``sys.exit`` was given.

    As in Python, None stands for 0 and anything that is no integer for 1. An interrupt is 130, the
    shells' number for it.
    """
    if isinstance(error, KeyboardInterrupt):
        return 130
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return int(error.code) if isinstance(error.code, int) else 1  # True is one, too


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; ``signal 63`` for one that has no name."""
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def user_traceback(error: BaseException) -> TracebackType | None:
    """The traceback of `error` without the frames that the engine put before the script's own."""
    traceback = error.__traceback__
    while traceback is not None and _is_engine(traceback.tb_frame):
        traceback = traceback.tb_next
    return traceback


def _is_engine(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _ENGINE


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it, cut to the user's frames."""
    from traceback import format_exception

    return "".join(format_exception(type(error), error, user_traceback(error)))


def first_line(error: BaseException) -> str:
    """The error in one line: ``ValueError: what it says``."""
    kind = kind_name(type(error))
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception as broken:
        message = f"<its message cannot be shown: {type(broken).__name__}>"
    return f"{kind}: {message}" if message else kind


def failure_line(error: BaseException) -> str:
    """How `error` made a run fail, in one line: as `first_line`, or with which status it exited."""
    if not isinstance(error, SystemExit):
        return first_line(error)
    said = f": {error.code}" if isinstance(error.code, str) else ""
    return f"exited with exit code {exit_status(error)}{said}"


def kind_name(kind: type[BaseException]) -> str:
    """The name of an exception's class, qualified unless it is built in or the script's own."""
    if kind.__module__ in {"builtins", "__main__", "__mp_main__"}:
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def exception_kinds(error: BaseException) -> tuple[str, ...]:
    """What `RunError.kinds` is for this exception."""
    return tuple(
        kind_name(kind)
        for kind in type(error).__mro__
        if issubclass(kind, BaseException) and kind is not BaseException
    ) or ("BaseException",)


def exception_place(error: BaseException) -> str:
    """What `RunError.where` is for this exception.

    Where no file of the user's led to it, the innermost one of a library serves.
    """
    if isinstance(error, SyntaxError) and error.filename and not _is_library(error.filename):
        return f"{os.path.basename(error.filename)}:{error.lineno or 1}"  # it ran nowhere
    place, is_library = "", True
    traceback = user_traceback(error)
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not _is_engine(traceback.tb_frame) and (is_library or not _is_library(filename)):
            place = f"{os.path.basename(filename)}:{traceback.tb_lineno}"
            is_library = _is_library(filename)
        traceback = traceback.tb_next
    return place


def _is_library(filename: str) -> bool:
    if any(part in filename for part in _INSTALLED):
        return True
    return filename.startswith(_STANDARD_LIBRARY)


def end_forked(error: BaseException | None, *, with_exit_handlers: bool) -> NoReturn:
    """End a process that a script forked, where its copy of the script ends.

    What is further up the stack belongs to the process that it was forked from: returning there
    would do all of that a second time.

    Args:
        error: What its copy of the script raised, or None.
        with_exit_handlers: Whether those of `atexit` are the script's, or also other people's.
    """
    status = 1
    try:
        status = reported_status(error)
        if with_exit_handlers:
            import atexit

            atexit._run_exitfuncs()  # noqa: SLF001 - os._exit() does not
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def reported_status(error: BaseException | None) -> int:
    """Say on stderr what Python says when `error` ends a process, and return the status."""
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        with suppress(SystemExit):
            end_as_python(error)
    elif error.code is not None and not isinstance(error.code, int):
        print(error.code, file=sys.stderr)  # noqa: T201 - so does Python
    return exit_status(error)


def end_as_python(error: BaseException) -> NoReturn:
    """End this process as Python does when `error` leaves a script.

    ``sys.excepthook``, which the script may have replaced, prints the traceback.

    Raises:
        SystemExit: Always.
    """
    if isinstance(error, SystemExit):
        raise error.with_traceback(None)
    _report(error.with_traceback(user_traceback(error)))
    raise SystemExit(exit_status(error))


def _report(error: BaseException) -> None:
    """Let ``sys.excepthook`` show `error`, with what Python does around that."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as broken:
        sys.stderr.write("Error in sys.excepthook:\n")
        broken = broken.with_traceback(user_traceback(broken))
        sys.__excepthook__(type(broken), broken, broken.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)
