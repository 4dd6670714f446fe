"""A PostgreSQL server for one measurement."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from places import SUPPORT


@contextmanager
def postgresql() -> Iterator[Callable[[], str]]:
    """Start the server that the tests have, but with PostgreSQL's defaults for what is durable.

    Returns:
        A function that makes a database and returns its URL.
    """
    sys.path.insert(0, SUPPORT)
    from postgres_server import Databases, PostgresServer, find_programs

    programs = find_programs()
    assert programs is not None, "the benchmark says that it needs it"
    server = PostgresServer(programs, durable=True)
    try:
        server.create()
        yield Databases(server.url).create
    finally:
        server.remove()
