"""What SQLAlchemy's aiosqlite dialect drives here, in place of aiosqlite's own connection.

A statement on an index takes SQLite a few microseconds; a thread and back takes about a hundred,
and aiosqlite goes there four times for each. So a statement runs where it is awaited, or goes to
the connection's thread once. What may wait for a disk always goes there: opening, committing what
changed something, closing.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Self, TypeVar

from wflo.db.sqlite_file import is_busy

T = TypeVar("T")
Row = Sequence[Any]

# As many rows at once take longer than the way to the thread.
_MANY = 50

# How long to wait before asking again for the write lock: from, to. SQLite itself waits in this
# way, in steps of up to 100 ms; but it would block the event loop meanwhile.
_FIRST_PAUSE_S = 0.0005
_LAST_PAUSE_S = 0.02

_INTERRUPT_AGAIN_S = 0.02


class SqliteConnection:
    """A connection of `sqlite3` and a thread for it, as the dialect wants it.

    It never begins a transaction by itself. Of several tasks only one may use it at a time.

    Attributes:
        offload: Statements run in the thread.
    """

    def __init__(self, connection: sqlite3.Connection, executor: ThreadPoolExecutor) -> None:
        self._connection: sqlite3.Connection | None = connection  # the dialect reads it, too
        self._executor = executor
        self._changes_before = 0
        self.offload = False

    @classmethod
    async def open(cls, opener: Callable[[], sqlite3.Connection]) -> Self:
        """Run `opener` in a new thread, which becomes the connection's."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="wflo-sqlite")
        opened: list[sqlite3.Connection] = []
        try:
            await _in(executor, lambda: opened.append(opener()))
        except BaseException:
            for connection in opened:  # cancelled meanwhile
                connection.close()
            executor.shutdown(wait=False)
            raise
        return cls(opened[0], executor)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of `sqlite3`.

        Raises:
            sqlite3.OperationalError: It is closed; the dialect knows the message.
        """
        if self._connection is None:
            raise sqlite3.OperationalError("Connection closed")
        return self._connection

    @property
    def closed(self) -> bool:
        return self._connection is None

    def begin(self) -> None:
        """Begin a transaction that has a snapshot from its first statement on."""
        self.connection.execute("BEGIN")

    async def begin_immediate(self, wait_s: float) -> None:
        """Begin the one transaction that may write, once no other connection has one.

        Raises:
            sqlite3.Error: Another one had it all the time, or it may not write at all.
        """
        deadline, pause_s = time.monotonic() + wait_s, _FIRST_PAUSE_S
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
            else:
                self._changes_before = self.connection.total_changes
                return
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 # not a secret
            pause_s = min(pause_s * 2, _LAST_PAUSE_S)

    async def commit(self) -> None:
        """Commit. Cancelled, it is done all the same before the error arrives.

        Raises:
            sqlite3.Error: It could not; SQLite may have rolled back before, by itself.
        """
        if self.connection.total_changes == self._changes_before:
            self.connection.execute("COMMIT")
        else:
            await _in(self._executor, partial(self.connection.execute, "COMMIT"))

    async def rollback(self) -> None:
        """Roll back, if there is anything to roll back."""
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def close(self) -> None:
        """Close the connection and end the thread. Again, it does nothing."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await _in(self._executor, connection.close)
        finally:
            self._executor.shutdown(wait=False)

    def stop(self) -> None:
        """Close it without waiting for that: the dialect calls this where it cannot wait."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.interrupt()
            self._executor.submit(connection.close)
            self._executor.shutdown(wait=False)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """The dialect gives each connection its functions, of which regexp is one."""
        self.connection.create_function(*args, **options)

    def cursor(self) -> SqliteCursor:
        """A cursor that runs its statements as `offload` says now."""
        return SqliteCursor(self)

    async def run(self, cursor: SqliteCursor, statement: str, parameters: Row) -> None:
        """Run one statement, to its last row."""
        if self.offload:
            await self._offloaded(cursor, self.connection.execute, statement, parameters)
        else:
            cursor.take(self.connection.execute(statement, parameters))

    async def run_many(self, cursor: SqliteCursor, statement: str, rows: Sequence[Row]) -> None:
        """Run one statement for each of the rows."""
        if self.offload or len(rows) >= _MANY:
            await self._offloaded(cursor, self.connection.executemany, statement, rows)
        else:
            cursor.take(self.connection.executemany(statement, rows))

    async def _offloaded(
        self,
        cursor: SqliteCursor,
        function: Callable[..., sqlite3.Cursor],
        statement: str,
        parameters: Sequence[Any],
    ) -> None:
        def work() -> None:
            cursor.take(function(statement, parameters))

        await _in(self._executor, work, interrupt=self.connection.interrupt)


class SqliteCursor:
    """A statement's rows, all of them read, with what the dialect asks about them."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: deque[Row] = deque()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    def take(self, cursor: sqlite3.Cursor) -> None:
        """Take over what a statement came to, and let it go."""
        try:
            self.description = cursor.description
            self._rows = deque(cursor.fetchall() if cursor.description else ())
            self.rowcount = cursor.rowcount  # of RETURNING only now
            self.lastrowid = cursor.lastrowid
        finally:
            cursor.close()

    async def execute(self, statement: str, parameters: Row = ()) -> None:
        await self._connection.run(self, statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Row]) -> None:
        await self._connection.run_many(self, statement, parameters)

    async def fetchmany(self, size: int) -> list[Row]:
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    async def fetchall(self) -> list[Row]:
        rows, self._rows = list(self._rows), deque()
        return rows

    async def close(self) -> None:
        self._rows.clear()


async def _in(
    executor: ThreadPoolExecutor,
    function: Callable[[], T],
    interrupt: Callable[[], None] | None = None,
) -> T:
    """Run a function in the thread. Whatever happens, it no longer runs when this ends."""
    work = executor.submit(function)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        await _end_of(work, interrupt)
        raise


async def _end_of(work: Future[T], interrupt: Callable[[], None] | None) -> None:
    """Wait for it, however often this is cancelled. SQLite forgets what came before it began."""
    ended = asyncio.Event()
    tell = partial(asyncio.get_running_loop().call_soon_threadsafe, ended.set)
    work.add_done_callback(lambda _: tell())
    while not ended.is_set():
        if interrupt is not None:
            interrupt()
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(_INTERRUPT_AGAIN_S):
                await ended.wait()
