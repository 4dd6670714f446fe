"""``ctx.tx``: the transaction that a step's result is committed in, lent to the step before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable

Persist: TypeAlias = Callable[
    [Callable[[], Awaitable[AsyncConnection]]], Awaitable[AsyncConnection]
]


class StepTransaction:
    """Opened when the step first asks for it, and ended with the step.

    On SQLite nobody else writes from then on until the step has ended.

    Args:
        database: Where.
        persist: Tries again while the database is away.
    """

    def __init__(self, database: Database, persist: Persist) -> None:
        self._database = database
        self._persist = persist
        self._is_away = False
        self._opening = asyncio.Lock()
        self._context: AbstractAsyncContextManager[AsyncConnection] | None = None
        self.connection: AsyncConnection | None = None

    @property
    def is_lost(self) -> bool:
        """The database has given it up, or is away: nothing of it can be committed."""
        return self._is_away or (self.connection is not None and self.connection.invalidated)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncConnection]:
        """The connection, in the transaction. Leaving commits nothing: the step's end does.

        What a block did that was left by an error is undone at once: a step that catches the error
        does not commit half of it.
        """
        async with self._opening:
            if self.connection is None:
                self.connection = await self._begin()
        async with self.connection.begin_nested():
            yield self.connection

    async def _begin(self) -> AsyncConnection:
        async def begin() -> AsyncConnection:
            context = self._database.begin(offload=True)
            connection = await context.__aenter__()
            self._context = context
            return connection

        try:
            return await self._persist(begin)
        except DatabaseUnavailable:
            self._is_away = True
            raise

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[AsyncConnection]:
        """The connection, for what is to be kept together with what was done in it.

        Raises:
            DatabaseUnavailable: The database has given it up, or is gone.
        """
        assert self.connection is not None
        assert self._context is not None
        context, self._context = self._context, None
        async with AsyncExitStack() as stack:
            stack.push_async_exit(context)
            yield self.connection

    async def rollback(self) -> None:
        """Undo what was done in it, unless it was committed."""
        context, self._context = self._context, None
        if context is not None:
            with suppress(DatabaseUnavailable):  # a database that is gone undoes it, too
                await context.__aexit__(_Undo, _Undo(), None)


class _Undo(Exception):  # noqa: N818 # ends a transaction, and nothing else
    pass
