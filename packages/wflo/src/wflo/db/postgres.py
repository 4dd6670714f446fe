"""PostgreSQL: a pool of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from wflo.config.urls import DatabaseUrl
from wflo.db.engine import Database, one_line
from wflo.errors import DatabaseError, DatabaseUnavailable, MissingExtra

_CONNECT_S = 10
_RESERVED = 2  # connections that are not lent to users

# Held by whoever changes the tables; a number of our own.
_SCHEMA_LOCK = -429376152378753135  # the first 8 bytes of SHA-256("wflo schema")

# After these the same transaction may succeed: classes and codes of
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRANSIENT = (
    "08",  # the connection broke
    "25P03",  # the transaction did nothing for too long
    "40001",  # another one was first
    "40P01",  # two waited for each other
    "53",  # the server has not enough of something
    "55P03",  # a lock was not to be had
    "57P",  # the server is stopping, was stopped, or is starting
)

_NOW_US = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")

# Linux's goes on while the machine sleeps.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class PostgresDatabase(Database):
    """See `Database`."""

    dialect = "postgresql"

    def __init__(self, url: DatabaseUrl, *, pool_size: int, wait_s: float) -> None:
        super().__init__(url)
        self._wait_s = wait_s
        self._writing = _engine(url, pool_size=pool_size, wait_s=wait_s)
        self._reading = self._writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        # What users do in theirs may take any time. Leases have to be renewed meanwhile.
        self._lent = asyncio.Semaphore(max(1, pool_size - _RESERVED))
        self._offset_us = 0

    @classmethod
    async def connect_to(cls, url: DatabaseUrl, *, pool_size: int, wait_s: float) -> Self:
        """Connect, and ask the server for the time."""
        database = cls(url, pool_size=pool_size, wait_s=wait_s)
        try:
            await database.sync_clock()
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def begin(self, *, offload: bool = False) -> AsyncIterator[AsyncConnection]:
        turn = self._lent if offload else nullcontext()
        async with turn, self._transaction(self._writing) as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._transaction(self._reading) as connection:
            yield connection

    @asynccontextmanager
    async def change_tables(self) -> AsyncIterator[AsyncConnection]:
        async with self._transaction(self._writing) as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        connection = await self._connect(engine)
        try:
            async with connection.begin():
                yield connection
        except DBAPIError as error:
            if _is_transient(error):
                raise DatabaseUnavailable(
                    f"{self.url} gave a transaction up: {one_line(error.orig)}"
                ) from error
            raise
        finally:
            await connection.close()

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        try:
            return await engine.connect()
        except PoolTimeout as error:
            raise DatabaseUnavailable(
                f"all connections to {self.url} were in use for {self._wait_s:g} s"
            ) from error
        except Exception as error:  # of the driver, the system, or the resolver: the cause is kept
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise DatabaseUnavailable(
                f"cannot connect to {self.url}: {one_line(cause) or type(cause).__name__}"
            ) from error

    def now_us(self) -> int:
        return _ticks_us() + self._offset_us

    async def sync_clock(self) -> None:
        async with self.read() as connection:
            samples = [await _sample(connection) for _ in range(3)]
        # The quickest answer is the one that says most.
        self._offset_us = min(samples)[1]

    async def close(self) -> None:
        await self._writing.dispose()


def _engine(url: DatabaseUrl, *, pool_size: int, wait_s: float) -> AsyncEngine:
    make_options = _asyncpg_options if url.driver == "asyncpg" else _psycopg_options
    try:
        return create_async_engine(
            URL.create(
                f"postgresql+{url.driver}",
                username=url.user,
                password=url.password,
                host=url.host,
                port=url.port,
                database=url.name or None,
            ),
            connect_args=make_options(url.query, idle_ms=int(wait_s * 1000)),
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=wait_s,
            hide_parameters=True,
        )
    except ImportError as error:
        if url.driver == "asyncpg":
            raise DatabaseError(f"{url} needs asyncpg: pip install asyncpg") from error
        raise MissingExtra("postgres", f"the database {url}") from error


def _psycopg_options(query: dict[str, str], *, idle_ms: int) -> dict[str, Any]:
    settings = f"-c idle_in_transaction_session_timeout={idle_ms} {query.get('options', '')}"
    defaults = {"connect_timeout": str(_CONNECT_S), "application_name": "wflo"}
    return {**defaults, **query, "options": settings.strip()}


def _asyncpg_options(query: dict[str, str], *, idle_ms: int) -> dict[str, Any]:
    given = dict(query)
    settings = {
        "application_name": given.pop("application_name", "wflo"),
        "idle_in_transaction_session_timeout": str(idle_ms),
    }
    if "sslmode" in given:  # libpq's name for it
        given["ssl"] = given.pop("sslmode")
    return {"timeout": _CONNECT_S, "server_settings": settings, **given}


def _is_transient(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or code.startswith(_TRANSIENT)


def _ticks_us() -> int:
    return time.clock_gettime_ns(_CLOCK) // 1000


async def _sample(connection: AsyncConnection) -> tuple[int, int]:
    """How long the server took to say what time it is, and how far its clock is from ours."""
    asked_us = _ticks_us()
    now_us = (await connection.execute(_NOW_US)).scalar_one()
    took_us = _ticks_us() - asked_us
    return took_us, now_us - asked_us - took_us // 2
