"""The file of a SQLite database: opened, and what may be wrong with it, in words."""

from __future__ import annotations

import os
import sqlite3
import time

from wflo.db.engine import one_line
from wflo.errors import DatabaseError, DatabaseUnavailable

# What is wrong with the file or the machine, whatever the statement was.
_ENVIRONMENT = {
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}

# Of a connection that reads.
READER_PRAGMAS = ("PRAGMA query_only=ON",)


def open_file(path: str, pragmas: tuple[str, ...], wait_s: float) -> sqlite3.Connection:
    """Open the file, and make it if it is not there. All of this may wait.

    Args:
        path: Where it is.
        pragmas: What the connection is told.
        wait_s: How long a statement waits for other connections.

    Raises:
        sqlite3.Error: It cannot be opened, or others were in the way for so long; see `unusable`.
    """
    connection = sqlite3.connect(
        path,
        timeout=wait_s,
        isolation_level=None,  # no transaction but those that are begun by hand
        check_same_thread=False,  # a loop's thread and the connection's own may take turns
        cached_statements=256,
    )
    try:
        _use_wal(connection, wait_s)
        for pragma in pragmas:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait for others that do so at the moment."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError("its file system cannot have a write-ahead log")
        return


def is_busy(error: BaseException | None) -> bool:
    """Whether another connection is in the way, so that a later try may succeed."""
    return _primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_of_statement(error: BaseException | None) -> bool:
    """Whether the statement is to blame, and neither the file, the machine nor another one."""
    return not is_busy(error) and _primary_code(error) not in _ENVIRONMENT


def is_read_only(error: BaseException | None) -> bool:
    """Whether something was to be written that cannot be."""
    return _primary_code(error) == sqlite3.SQLITE_READONLY


def _primary_code(error: BaseException | None) -> int:
    """SQLite's code for an error, without its details, or 0: https://www.sqlite.org/rescode.html."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unusable(path: str, cause: BaseException | None, wait_s: float) -> DatabaseError:
    """The error that says why the file cannot be used.

    Args:
        path: The file.
        cause: What SQLite said, or the operating system.
        wait_s: How long others were waited for.
    """
    if is_busy(cause):
        return DatabaseUnavailable(
            f"the database {path} was being written to by others for {wait_s:g} s"
        )
    return DatabaseError(f"cannot use the database {path}: {_reason(path, cause)}")


def _reason(path: str, cause: BaseException | None) -> str:
    if isinstance(cause, OSError):
        return f"{cause.strerror}: {cause.filename}"
    if os.path.isdir(path):
        return "it is a folder"
    if _primary_code(cause) == sqlite3.SQLITE_CANTOPEN:
        return "the file cannot be opened, or not be made in its folder"
    if is_read_only(cause):
        return "the file, or its folder, cannot be written to"
    return one_line(cause)
