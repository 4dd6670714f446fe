"""How managers come by their database."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.runtime.local.embedded import open_database


class DatabaseUser:
    """Works with a database that it was given, or that it opens when it first needs it.

    Use it with ``async with``, or call `close` in the end.

    Args:
        database: A database, which stays open; or settings that name one; by default those of the
            environment.
    """

    def __init__(self, database: Database | Settings | None = None) -> None:
        self._database = database if isinstance(database, Database) else None
        self._settings = None if isinstance(database, Database) else database
        self._owns = self._database is None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close the database, if it was opened here."""
        database, self._database = self._database, None if self._owns else self._database
        if self._owns and database is not None:
            await database.close()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _open(self) -> Database:
        async with self._opening:
            if self._database is None:
                self._settings = self._settings or Settings()
                self._database = await open_database(self._settings)
            return self._database
