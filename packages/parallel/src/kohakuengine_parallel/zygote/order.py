"""What a zygote is told, and what it tells: datagrams, which keep their borders.

Their content is written by `marshal`: both ends are the same Python, and it is the one format that
needs no Python code to be read, of which each line costs a fork pages of memory.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = [
    "BINDING",
    "MAX_SIZE",
    "Environment",
    "Fork",
    "Kind",
    "Setting",
    "Start",
    "Task",
    "packed",
    "unpacked",
]

# Has the loader look up all functions of a library at once. It would do so when each is first
# called, and so in every fork those that only forks call. The value tells it from a user's own.
BINDING = {"LD_BIND_NOW": "kogine"}

MAX_SIZE = 1 << 17  # of one datagram: all that is long travels by other ways


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
        kind: A `Kind`, in bytes: what is the same for all runs of a sweep, and soon compared.
        task: A `Task`, in bytes: the zygote itself has no use for it.
    """

    key: int
    slot: int
    kind: bytes
    task: bytes


# Of the `kohakuengine.engine.exchange.Request` its location, argv0, entrypoint, argv and strict;
# the names that the config overrides, None where there is no config; and what tells this version of
# the script's file from others.
Kind = tuple[
    tuple[str, str, str | None, tuple[str, ...], bool],
    tuple[str, ...] | None,
    tuple[int, int, int] | None,
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


def packed(kind: str, *content: Any) -> bytes:
    """A message."""
    return marshal.dumps((kind, content))


def unpacked(data: bytes | bytearray) -> tuple[str, tuple[Any, ...]]:
    """A message's kind and content; `data` may go on after its end."""
    kind, content = marshal.loads(data)  # noqa: S302 - written by the other end of our own socket
    return kind, content
