"""Exit codes, and how a command's errors become one of them.

    0    every run succeeded
    1    a run failed, or the input is bad
    2    wrong usage, or nothing to run in the script
    130  interrupted

A single ``kogine run`` ends with the script's own status, unless that is run in parallel (``-j``).
"""

from __future__ import annotations

import os
import sys

from kohakuengine.errors import EntrypointNotFound, KohakuEngineError, MultipleEntrypoints
from kohakuengine_cli.messages import say

TYPE_CHECKING = False  # importing `typing` for this would take longer than it is worth
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "OK",
    "USAGE",
    "exit_code",
    "guarded",
    "usage_error",
]

OK = 0
BAD_INPUT = 1
USAGE = 2
INTERRUPTED = 130


def usage_error(message: str) -> NoReturn:
    """End with a message about the command line.

    Raises:
        SystemExit: Always.
    """
    say(f"Error: {message}")
    raise SystemExit(USAGE)


def exit_code(error: BaseException | None) -> int:
    """The code of a command whose one run ended with `error`.

    It is the script's own status where it came to have one. A process killed by a signal counts as
    it does in shells: 128 and the signal's number.
    """
    if isinstance(error, (EntrypointNotFound, MultipleEntrypoints)):
        return USAGE
    status = int(getattr(error, "exit_code", None) or BAD_INPUT)
    return status if status > 0 else 128 - status


def guarded(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run a command; a user's mistake becomes a message and an exit code, never a traceback."""
    try:
        return command(argv)
    except KohakuEngineError as error:
        say("\n".join([f"Error: {error}", *getattr(error, "__notes__", ())]))
        return exit_code(error)
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # whoever read it has gone, and knows why
        return BAD_INPUT
    except Exception as error:
        return _end_by(error)


def _drop_output() -> None:
    """Let what is still buffered go nowhere: at its exit Python would try again, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _end_by(error: Exception) -> int:
    """End with an error that is none of ours.

    The user's code raised it, or the system refused something. What else there is must be a bug of
    ours, and goes on with its whole traceback.
    """
    from kohakuengine_cli.frames import users_frames

    theirs = users_frames(error.__traceback__)
    if theirs is None and isinstance(error, (OSError, Warning)):  # Warning: `python -W error`
        say(f"Error: {error}")
        if isinstance(error, OSError):
            _drop_output()  # it may be stdout that the system refuses
        return BAD_INPUT
    if theirs is None and not isinstance(error, SyntaxError):
        raise error
    error.__traceback__ = theirs
    sys.excepthook(type(error), error, theirs)
    return BAD_INPUT
