"""Databases that the tests of a module share, and a program that runs workflows on them."""

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from crash_traces import bookings
from crashing import Program

from wflo.db.engine import Database

_numbers = itertools.count(1)


@pytest.fixture
def new_id():
    """An id for a run: no other test has it."""
    return f"run-{next(_numbers)}"


@pytest.fixture(scope="session")
def shared_urls():
    return {}


@pytest.fixture
def shared_url(scheme, shared_urls, request, tmp_path_factory):
    """A database with our tables, and one of users', that is not emptied between the tests."""
    if scheme not in shared_urls:
        if scheme == "sqlite":
            path = tmp_path_factory.mktemp("shared") / "wflo.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            template = request.getfixturevalue("postgres_template")
            url = request.getfixturevalue("postgres").create(template=template)
        asyncio.run(_make_bookings(url))
        shared_urls[scheme] = url
    return shared_urls[scheme]


async def _make_bookings(url):
    async with await Database.open(url) as database, database.begin() as conn:
        await conn.run_sync(bookings.create)


@pytest_asyncio.fixture
async def shared_database(shared_url):
    async with await Database.open(shared_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("program") / "log")
    yield program
    program.close()


@pytest.fixture
def said(program):
    """What the program has said on stderr in this test."""
    size = program.log.stat().st_size

    def since_then():
        return Path(program.log).read_bytes()[size:].decode()

    return since_then
