"""One look into a file of SQLite, for a command that asks one thing.

To import SQLAlchemy takes longer than the answer. So this has nothing but the standard library, and
what `wflo.db.sqlite` has, too: from `sqlite_file` how the file is opened and what is said when
something is wrong with it, from `revisions` which tables are taken.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

from wflo.config.urls import DatabaseUrl
from wflo.db.query import Query
from wflo.db.revisions import VERSION_TABLE, judge
from wflo.db.sqlite_file import READER_PRAGMAS, is_busy, open_file, unusable

_HAS_VERSION = "SELECT 1 FROM sqlite_master WHERE name = ?"
_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 # a name of ours

# How long SQLite waits by itself: Python hears of Ctrl-C only between two calls.
_AT_ONCE_S = 0.1


def glance(url: DatabaseUrl, query: Query, *, wait_s: float) -> list[SimpleNamespace] | None:
    """The rows of a query, their columns by name.

    Args:
        url: The file's.
        query: The query.
        wait_s: How long to wait for others.

    Returns:
        None where the file has no tables of ours: to make them is for `Database.open`.

    Raises:
        DatabaseError: It cannot be used; `DatabaseUnavailable` where others kept it busy.
        SchemaTooNew: It was written by a newer version.
        SchemaTooOld: It needs an upgrade.
    """
    path = os.path.abspath(url.name)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with closing(open_file(path, READER_PRAGMAS, min(wait_s, _AT_ONCE_S))) as connection:
                return _rows(connection, url, query)
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise unusable(path, error, wait_s) from error


def _rows(
    connection: sqlite3.Connection, url: DatabaseUrl, query: Query
) -> list[SimpleNamespace] | None:
    connection.execute("BEGIN")  # the check and the query see the same
    revision = _revision(connection)
    if revision is None:
        return None
    judge(url, revision)
    cursor = connection.execute(query.sql, query.parameters)
    names = [name for name, *_ in cursor.description]
    return [SimpleNamespace(**dict(zip(names, values, strict=True))) for values in cursor]


def _revision(connection: sqlite3.Connection) -> str | None:
    """See `wflo.db.schema.current`."""
    if connection.execute(_HAS_VERSION, [VERSION_TABLE]).fetchone() is None:
        return None
    row = connection.execute(_VERSION).fetchone()
    return None if row is None else row[0]
