"""SQLite: one file, one writer at a time, readers beside it (WAL)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from wflo.config.urls import DatabaseUrl
from wflo.db.engine import Database, Synchronous
from wflo.db.sqlite_driver import SqliteConnection
from wflo.db.sqlite_file import (
    READER_PRAGMAS,
    is_of_statement,
    is_read_only,
    open_file,
    unusable,
)
from wflo.errors import DatabaseError, DatabaseUnavailable


class SqliteDatabase(Database):
    """See `Database`."""

    dialect = "sqlite"

    def __init__(
        self, url: DatabaseUrl, *, readers: int, synchronous: Synchronous, wait_s: float
    ) -> None:
        super().__init__(url)
        # The process may change its folder later.
        self._path = os.path.abspath(url.name)
        self._wait_s = wait_s
        self._writing = asyncio.Lock()
        self._writing_task: asyncio.Task[Any] | None = None
        self._writer: AsyncConnection | None = None
        self._driver: SqliteConnection | None = None
        self._writers = self._engine(_writer_pragmas(synchronous), poolclass=NullPool)
        self._readers = self._engine(
            READER_PRAGMAS,
            offload=True,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=readers,
            max_overflow=0,
            pool_timeout=wait_s,
        )

    @classmethod
    async def connect_to(
        cls, url: DatabaseUrl, *, readers: int, synchronous: Synchronous, wait_s: float
    ) -> Self:
        """Make the file, and its folder for its owner only, if they are not there."""
        database = cls(url, readers=readers, synchronous=synchronous, wait_s=wait_s)
        try:
            folder = os.path.dirname(database._path)
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise database._unusable(error) from error
        await database._connected_writer()
        return database

    def _engine(
        self, pragmas: tuple[str, ...], *, offload: bool = False, **options: Any
    ) -> AsyncEngine:
        async def connect() -> SqliteConnection:
            opener = partial(open_file, self._path, pragmas, self._wait_s)
            connection = await SqliteConnection.open(opener)
            connection.offload = offload
            return connection

        return create_async_engine(
            "sqlite+aiosqlite:///" + self._path,
            async_creator=connect,
            hide_parameters=True,
            **options,
        )

    @asynccontextmanager
    async def begin(self, *, offload: bool = False) -> AsyncIterator[AsyncConnection]:
        async with self._only_writer(), self._transaction(offload=offload) as connection:
            yield connection

    @asynccontextmanager
    async def change_tables(self) -> AsyncIterator[AsyncConnection]:
        async with self._only_writer():
            _, driver = await self._connected_writer()
            driver.connection.execute("PRAGMA foreign_keys=OFF")  # in a transaction it does nothing
            try:
                async with self._transaction(offload=True) as connection:
                    yield connection
                    await _check_foreign_keys(connection)
            finally:
                if not driver.closed:
                    driver.connection.execute("PRAGMA foreign_keys=ON")

    @asynccontextmanager
    async def _only_writer(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if self._writing_task is task:
            raise RuntimeError(
                "this task is in a transaction that writes; SQLite has one at a time"
            )
        async with self._writing:
            self._writing_task = task
            try:
                yield
            finally:
                self._writing_task = None

    @asynccontextmanager
    async def _transaction(self, *, offload: bool) -> AsyncIterator[AsyncConnection]:
        connection, driver = await self._begin(offload=offload)
        try:
            yield connection
        except BaseException as error:
            await _roll_back(connection, driver)
            if isinstance(error, DBAPIError) and is_read_only(error.orig):
                raise self._unusable(error) from error  # SQLite finds out when it comes to write
            if explained := self._explained(error):
                raise explained from error
            raise
        await self._commit(connection, driver)

    async def _begin(self, *, offload: bool) -> tuple[AsyncConnection, SqliteConnection]:
        connection, driver = await self._connected_writer()
        try:
            await driver.begin_immediate(self._wait_s)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        driver.offload = offload
        return connection, driver

    async def _commit(self, connection: AsyncConnection, driver: SqliteConnection) -> None:
        # SQLAlchemy knows one transaction, which goes on until an error ends it: telling it of
        # each one takes as long as a statement.
        try:
            await driver.commit()
        except BaseException as error:
            await _roll_back(connection, driver)
            if isinstance(error, sqlite3.Error):
                raise self._unusable(error) from error
            raise

    async def _connected_writer(self) -> tuple[AsyncConnection, SqliteConnection]:
        """The writer; another one where a cancelled statement made SQLAlchemy drop it."""
        if self._writer is None:
            self._writer = await self._connect(self._writers)
        if self._driver is None or self._driver.closed:
            self._driver = await _driver_of(self._writer)
        return self._writer, self._driver

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        connection = await self._connect(self._readers)
        try:
            (await _driver_of(connection)).begin()
            yield connection
        except DBAPIError as error:
            if explained := self._explained(error):
                raise explained from error
            raise
        finally:
            await connection.close()

    def now_us(self) -> int:
        return time.time_ns() // 1000

    async def sync_clock(self) -> None:
        pass

    async def close(self) -> None:
        assert self._writer is not None  # there is one as soon as there is a database
        await self._writer.close()
        await self._readers.dispose()

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        try:
            return await engine.connect()
        except PoolTimeout as error:
            raise DatabaseUnavailable(
                f"all connections that read {self._path} were in use for {self._wait_s:g} s"
            ) from error
        except (sqlite3.Error, DBAPIError) as error:
            raise self._unusable(error) from error

    def _explained(self, error: BaseException) -> DatabaseError | None:
        """What a statement ran into, where the statement is not to blame."""
        if not isinstance(error, DBAPIError) or is_of_statement(error.orig):
            return None
        return self._unusable(error)

    def _unusable(self, error: Exception) -> DatabaseError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return unusable(self._path, cause, self._wait_s)


async def _driver_of(connection: AsyncConnection) -> SqliteConnection:
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, SqliteConnection)
    return driver


async def _roll_back(connection: AsyncConnection, driver: SqliteConnection) -> None:
    await driver.rollback()
    await connection.rollback()


async def _check_foreign_keys(connection: AsyncConnection) -> None:
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise DatabaseError(f"rows refer to others that do not exist, in {tables}")


def _writer_pragmas(synchronous: Synchronous) -> tuple[str, ...]:
    return (f"PRAGMA synchronous={synchronous}", "PRAGMA foreign_keys=ON", "PRAGMA busy_timeout=0")
