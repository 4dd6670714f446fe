"""Exit codes, and how a command's errors become one of them.

0    it is done; of a run: it completed
1    the run failed, or the input is bad
2    wrong usage
3    the run was cancelled
130  interrupted
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import click

from wflo.errors import MissingExtra, WfloError

OK = 0
FAILED = 1
USAGE = 2
CANCELLED = 3
INTERRUPTED = 130


@dataclass
class Mode:
    """How a command answers.

    Attributes:
        json: As JSON, on stdout.
        command: Which command it is, as far as that is known.
    """

    json: bool = False
    command: str = "wflo"


def guarded(command: Callable[[Mode], int]) -> int:
    """Run a command; a user's mistake becomes a message and an exit code, never a traceback."""
    mode = Mode()
    try:
        code = command(mode)
        _flush()
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message())
        return USAGE
    except click.UsageError as error:
        message = _sentence(error.format_message())
        _say(f"Error: {message}{_see_help(error, mode)}")
        _tell(mode, message)
        return USAGE
    except (WfloError, MissingExtra, click.ClickException) as error:
        _say("\n".join([f"Error: {error}", *getattr(error, "__notes__", ())]))
        _tell(mode, str(error))
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted.")
        return INTERRUPTED
    except OSError as error:  # it may be stdout that the system refuses
        if not isinstance(error, BrokenPipeError):  # whoever read it has gone, and knows why
            _say(f"Error: {error}")
        _drop_output()
        return FAILED
    return code


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def _see_help(error: click.UsageError, mode: Mode) -> str:
    path = error.ctx.command_path if error.ctx else mode.command
    return f" `{path} --help` says more."


def _say(text: str) -> None:
    click.echo(text, err=True)


def _tell(mode: Mode, message: str) -> None:
    from wflo.cli.output import show_json

    if mode.json:
        show_json({"error": message})
        _flush()


def _flush() -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:  # nobody reads it: that changes nothing of what was done
            _drop(sys.stderr)
    if sys.stdout is not None:
        sys.stdout.flush()


def _drop_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            _drop(stream)


def _drop(stream: IO[str]) -> None:
    """Let what is still buffered go nowhere: at its exit Python would try again, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
