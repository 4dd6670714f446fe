"""What a fork of the zygote does before anything else, and how a command takes its place.

It has what a process that a shell started would have: a session of its own, the usual signal
handlers, and no other files than its streams.

This is written for few copies of pages: few functions of Python's, and C functions by names of
their own, not looked up in their modules.
"""

from __future__ import annotations

import os
from _signal import (  # type: ignore[import-not-found]  # those of `signal` turn numbers into enums
    SIG_SETMASK,
    pthread_sigmask,
)
from os import _exit, close, dup2, getppid, putenv, setsid
from os import open as open_file

from kohakuengine_parallel.zygote.family import die_with_parent

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NoReturn

    from kohakuengine_parallel.zygote.order import Environment, Start
    from kohakuengine_parallel.zygote.reports import Way

__all__ = ["CANNOT_START", "Family", "become_command", "say", "settle"]

# Of the zygote: its process id, its files, the way for reports, and what signals its own parent had
# it block.
Family = tuple[int, tuple[int, ...], "Way", set[int]]

# What is behind `os.environ`, which takes eight functions to set a variable.
_environ: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001

CANNOT_START = 127  # as in shells
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def become_command(order: Start, channel: int, zygote: Family) -> NoReturn:
    """Have a command take the place of this fork.

    Args:
        order: The command.
        channel: The socket to who ordered it, or -1.
        zygote: Whose fork this is.
    """
    try:
        settle(zygote, *order[2:5])
        command = order.command
        if channel >= 0:
            os.set_inheritable(channel, True)
            command = [*command, str(channel)]
        os.execv(command[0], command)  # noqa: S606 - a list, no shell
    except BaseException as error:  # nothing may return to where the zygote forked
        say(error)
    finally:
        os._exit(CANNOT_START)


def settle(
    zygote: Family,
    environment: Environment,
    log: str,
    memory_limit_mb: int | None,
) -> None:
    """Become a process like any other.

    Args:
        zygote: Whose fork this is.
        environment: Variables that it gets.
        log: The file for what it writes.
        memory_limit_mb: How many MiB its address space may grow to.
    """
    pid, files, _, mask = zygote
    for file in files:
        close(file)
    setsid()
    die_with_parent()
    if getppid() != pid:  # it ended before that
        _exit(CANNOT_START)
    pthread_sigmask(SIG_SETMASK, mask)
    try:
        output = open_file(log, _APPEND, 0o600)
    except OSError:  # the disk is full, and a run is worth more than its log
        output = open_file(os.devnull, os.O_WRONLY)
    dup2(output, 1)
    dup2(output, 2)
    close(output)
    for name, value in environment:
        putenv(name, value)
        _environ[name] = value
    if memory_limit_mb is not None:
        from kohakuengine_parallel.memory import limit_memory  # held where there is a limit

        limit_memory(memory_limit_mb)


def say(error: BaseException) -> None:
    """Write to the log, without Python's streams: their state is not known here."""
    os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="backslashreplace"))
