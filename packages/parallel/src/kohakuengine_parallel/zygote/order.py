"""What is asked of a zygote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "Environment",
    "Fork",
    "Kind",
    "Setting",
    "Start",
    "Task",
]

Environment = tuple[tuple[bytes, bytes], ...]


class Setting(NamedTuple):
    """What the processes of an executor have in common.

    Attributes:
        folder: Their current folder.
        environment: Variables that they get besides those of this process.
        slots: How many there may be at once.
    """

    folder: str
    environment: Mapping[str, str]
    slots: int


class Start(NamedTuple):
    """A command to be started.

    Attributes:
        key: The number by which both sides speak of the process.
        slot: Where its process id is noted, while it lives.
        environment: Variables that it gets besides the zygote's, names and values.
        log: The file that receives its standard output and error.
        memory_limit_mb: The most that its address space may grow to, in MiB; None for no limit.
        command: What it executes.
    """

    key: int
    slot: int
    environment: Environment
    log: str
    memory_limit_mb: int | None
    command: list[str]


class Fork(NamedTuple):
    """A fork that is to do a run.

    Attributes:
        key: See `Start`.
        slot: See there.
        kind: A `Kind`, in bytes: what is the same for most runs of a sweep, and soon compared.
        task: A `Task`, in bytes: the zygote itself has no use for it.
    """

    key: int
    slot: int
    kind: bytes
    task: bytes


# Of the `kohakuengine.engine.exchange.Request` its location, argv0, entrypoint, argv and strict;
# the names that the config overrides, None where there is no config; what tells this version of the
# script's file from others; and the second in which it is ordered, by the clock that only goes on:
# the zygote, for which a look at a clock is dear, looks for changes of what it holds in each once.
Kind = tuple[
    tuple[str, str, str | None, tuple[str, ...], bool],
    tuple[str, ...] | None,
    tuple[int, int, int] | None,
    int,
]


class Task(NamedTuple):
    """What the fork itself is to know.

    Attributes:
        environment: See `Start`; so are the next two.
        log: See there.
        memory_limit_mb: See there.
        config: As `kohakuengine_parallel.zygote.values` has it; None where it is too long to be
            sent along, and comes by a socket of its own.
        instead: The file for the report where the way for reports is lost.
    """

    environment: Environment
    log: str
    memory_limit_mb: int | None
    config: bytes | None
    instead: str
