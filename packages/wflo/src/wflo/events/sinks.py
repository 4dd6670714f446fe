"""Where events are delivered to.

Delivery is at least once. A process may die after it has delivered an event and before it could
write that down, and then the event comes again; so consumers tell doubles apart by
``(execution_id, sequence)``. Those of one run come in the order of their sequences, doubles aside.
"""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

from wflo.config.sections import EventSettings
from wflo.errors import SettingsError
from wflo.events.schemas import Event


class Sink(Protocol):
    """Takes events. An exception from either method makes the events come again, later.

    Events of one run come one after the other; those of different runs may come at the same time.
    """

    async def deliver(self, event: Event) -> None:
        """Take an event."""

    async def flush(self) -> None:
        """Make what was delivered safe: it is about to be written down as delivered."""


def make_sinks(settings: EventSettings) -> list[Sink]:
    """Those that the settings name.

    Raises:
        SettingsError: One of them cannot be used.
    """
    if settings.file is None:
        return []
    try:
        return [JsonLinesFile(settings.file)]
    except OSError as error:
        raise SettingsError(
            f"WFLO_EVENTS__FILE: cannot append to {settings.file}: {error.strerror}"
        ) from error


class JsonLinesFile:
    """A file with one event a line, as a JSON object: for this user only, and only added to.

    Several processes may add to one file. It is opened for each event, so that it may be moved
    away at any time.

    Args:
        path: The file. It is made if there is none; its folder is not.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        os.close(self._open())

    async def deliver(self, event: Event) -> None:
        """Add a line.

        Raises:
            OSError: The system took nothing, or only a part of it.
        """
        line = event.model_dump_json().encode() + b"\n"
        file = self._open()
        try:
            if _is_torn(file):
                line = b"\n" + line  # a full disk took a part of the last one
            if os.write(file, line) != len(line):
                raise OSError(f"a part of a line was written to {self._path}; is the disk full?")
        finally:
            os.close(file)

    async def flush(self) -> None:
        """Wait until the disk has it."""
        await asyncio.to_thread(self._sync)

    def _sync(self) -> None:
        file = self._open()
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_torn(file: int) -> bool:
    """Whether the last line of a file has no end."""
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
