"""A database: transactions that write, snapshots that read, and its clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from wflo.config.urls import DatabaseUrl, parse_database_url

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

Dialect = Literal["sqlite", "postgresql"]
Synchronous = Literal["full", "normal"]


class Database(ABC):
    """One database, for one event loop. `open` makes one; `close` ends its threads and connections.

    Attributes:
        dialect: Which kind it is.
        url: Where it is; its text is without passwords.
    """

    dialect: Dialect

    def __init__(self, url: DatabaseUrl) -> None:
        self.url = url

    @staticmethod
    async def open(
        url: str,
        *,
        upgrade: bool = False,
        pool_size: int = 10,
        synchronous: Synchronous = "full",
        wait_s: float = 30.0,
    ) -> Database:
        """Connect, and see to the tables. An empty database gets them.

        Args:
            url: ``sqlite:///PATH``, ``postgresql://...`` (psycopg), ``postgresql+asyncpg://...``.
            upgrade: Bring older tables up to date, too; otherwise they are an error.
            pool_size: PostgreSQL: how many connections there may be. SQLite: how many that read.
            synchronous: SQLite: ``"full"`` keeps what was committed when the power fails;
                ``"normal"`` is quicker, and may then lose the last transactions, whole.
            wait_s: How long to wait for a connection, and for the writer of another process.
                PostgreSQL ends a transaction that does nothing for as long: its process was
                stopped, or cut off.

        Raises:
            SettingsError: The URL is none that is taken.
            MissingExtra: Its driver is not installed.
            DatabaseError: It cannot be used; `DatabaseUnavailable` where it did not answer.
            SchemaTooNew: It was written by a newer version.
            SchemaTooOld: It needs an upgrade.
        """
        from wflo.db import schema

        database = await Database.connect(
            url, pool_size=pool_size, synchronous=synchronous, wait_s=wait_s
        )
        try:
            await (schema.upgrade(database) if upgrade else schema.ensure(database))
        except BaseException:
            await database.close()
            raise
        return database

    @staticmethod
    async def connect(
        url: str,
        *,
        pool_size: int = 10,
        synchronous: Synchronous = "full",
        wait_s: float = 30.0,
    ) -> Database:
        """Connect, whatever tables there are. The arguments and errors are those of `open`."""
        parsed = parse_database_url(url)
        if parsed.driver == "aiosqlite":
            from wflo.db.sqlite import SqliteDatabase

            return await SqliteDatabase.connect_to(
                parsed, readers=pool_size, synchronous=synchronous, wait_s=wait_s
            )
        from wflo.db.postgres import PostgresDatabase

        return await PostgresDatabase.connect_to(parsed, pool_size=pool_size, wait_s=wait_s)

    @abstractmethod
    def begin(self, *, offload: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that writes: committed at the end, rolled back on any error.

        SQLite: the only one of all processes (``BEGIN IMMEDIATE``). PostgreSQL: READ COMMITTED.

        Args:
            offload: It is a user's, and may take any time. SQLite's statements run in a thread:
                those of the engine take less time than the way to a thread and back, so by
                default they run where they are awaited. Of PostgreSQL's connections two are left
                for the engine.

        Raises:
            DatabaseUnavailable: It may be tried again.
            DatabaseError: SQLite's file cannot be written to. What is wrong with a statement is
                an error of SQLAlchemy's.
        """

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A snapshot that waits for no writer, and makes none wait. It cannot write.

        Raises:
            DatabaseUnavailable: It may be tried again.
        """

    @abstractmethod
    def change_tables(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that changes the tables: the only one of all processes.

        SQLite checks foreign keys at its end, not on the way: a table that is made anew is
        dropped in between (https://www.sqlite.org/lang_altertable.html#otheralter).
        """

    @abstractmethod
    def now_us(self) -> int:
        """Now by the database's clock, in microseconds since 1970 (UTC).

        Of SQLite that is this machine's clock. Of PostgreSQL it is the server's as it was when
        `sync_clock` last asked, and what has passed since.
        """

    @abstractmethod
    async def sync_clock(self) -> None:
        """Ask the database what time it is. SQLite has no clock of its own to ask."""

    @abstractmethod
    async def close(self) -> None:
        """Close all connections, and end all threads."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def one_line(text: object) -> str:
    """What a driver said, in one line."""
    return " ".join(str(text).split())[:500]
