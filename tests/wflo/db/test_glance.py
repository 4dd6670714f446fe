"""A look into a file without SQLAlchemy: what it sees, and that it says what `Database` says."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from wflo.config.urls import parse_database_url
from wflo.db import revisions
from wflo.db.engine import Database
from wflo.db.glance import glance
from wflo.db.query import Query
from wflo.errors import DatabaseError, DatabaseUnavailable, SchemaTooNew, SchemaTooOld

_HASHES = Query("SELECT hash, data FROM blobs WHERE hash > :after ORDER BY hash", {"after": "a"})

# As nobody: root may read any file. Everything is imported before.
_AS_NOBODY = """
import asyncio, os, sys
from wflo.config.urls import parse_database_url
from wflo.db import glance, schema, sqlite
from wflo.db.engine import Database
from wflo.db.query import Query
if os.geteuid() == 0:
    os.setuid(65534)
url, query = sys.argv[1], Query("SELECT 1", {})
for use in (
    lambda: glance.glance(parse_database_url(url), query, wait_s=1),
    lambda: asyncio.run(Database.open(url)),
):
    try:
        use()
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def path(sqlite_template, tmp_path):
    """A file with our tables."""
    shutil.copy(sqlite_template, tmp_path / "wflo.db")
    return tmp_path / "wflo.db"


@pytest.fixture
def other(path):
    """Another connection, which has the file for itself when it writes."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    yield connection
    connection.close()


def ask(path, query=_HASHES, wait_s=30):
    return glance(parse_database_url(f"sqlite:///{path}"), query, wait_s=wait_s)


def write(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def same_error(path, kind, wait_s=0.1):
    """The message, which that of opening it the usual way must equal."""
    with pytest.raises(kind) as usual:
        await Database.open(f"sqlite:///{path}", wait_s=wait_s)
    with pytest.raises(kind) as quick:
        ask(path, wait_s=wait_s)
    assert (type(quick.value), str(quick.value)) == (type(usual.value), str(usual.value))
    return str(quick.value)


def test_rows_have_their_columns_by_name(path):
    write(path, "INSERT INTO blobs VALUES ('a', x'00'), ('c', x'01'), ('b', x'02')")
    assert [(row.hash, row.data) for row in ask(path)] == [("b", b"\x02"), ("c", b"\x01")]


def test_a_writer_is_not_waited_for(path):
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO blobs VALUES ('b', x'02')")
    assert ask(path, wait_s=0.01) == []
    writer.close()


def test_nothing_can_be_written(path):
    write(path, "INSERT INTO blobs VALUES ('b', x'02')")
    with pytest.raises(DatabaseError, match="cannot be written to"):
        ask(path, Query("DELETE FROM blobs", {}))
    assert len(ask(path)) == 1


@pytest.mark.parametrize("statement", ["DROP TABLE wflo_schema", "DELETE FROM wflo_schema"])
def test_a_file_without_a_revision_is_for_others(path, statement):
    write(path, statement)
    assert ask(path) is None


def test_an_empty_file_is_for_others(tmp_path):
    (tmp_path / "x.db").touch()
    assert ask(tmp_path / "x.db") is None


def test_tables_that_are_gone_are_named(path):
    write(path, "DROP TABLE blobs")
    with pytest.raises(DatabaseError, match=r"wflo\.db: no such table: blobs"):
        ask(path)


async def test_a_file_of_something_else_is_no_database(path):
    path.write_text("something else, and long enough to have a header" * 100)
    assert "file is not a database" in await same_error(path, DatabaseError)


async def test_a_folder_is_no_file(tmp_path):
    assert "it is a folder" in await same_error(tmp_path, DatabaseError)


async def test_a_file_that_cannot_be_opened():
    assert "cannot be opened" in await same_error("/proc/wflo.db", DatabaseError)


async def test_a_damaged_file(path):
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\0" * (len(content) - 4096))
    assert "malformed" in await same_error(path, DatabaseError)


async def test_tables_of_a_newer_version(path):
    write(path, "UPDATE wflo_schema SET version_num = '9999'")
    assert "made by a newer wflo" in await same_error(path, SchemaTooNew)


async def test_tables_of_an_older_version(path, tmp_path, monkeypatch):
    folder = tmp_path / "migrations"
    shutil.copytree(revisions.MIGRATIONS, folder)
    (folder / "versions" / "r0002_extra.py").touch()
    monkeypatch.setattr(revisions, "MIGRATIONS", str(folder))
    monkeypatch.setattr(revisions, "HEAD", "0002")
    message = await same_error(path, SchemaTooOld)
    assert message.endswith(
        "the tables of revision 0001; 'wflo db upgrade' makes them those of 0002"
    )


async def test_who_has_the_file_for_too_long_is_reported(path, other):
    other.execute("BEGIN EXCLUSIVE")
    assert "written to by others for 0.1 s" in await same_error(path, DatabaseUnavailable)


def test_who_has_the_file_is_waited_for(path, other):
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.3, other.close).start()
    assert ask(path) == []


def test_a_wait_can_be_interrupted(path, other):
    other.execute("BEGIN EXCLUSIVE")
    interrupt = threading.Timer(0.2, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    began = time.monotonic()

    def wait():
        interrupt.start()
        ask(path, wait_s=60)

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert time.monotonic() - began < 30


def test_a_file_that_may_not_be_read(path):
    os.chmod(path, 0o000)
    for parent in path.parents[:3]:
        os.chmod(parent, os.stat(parent).st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    quick, usual = done.stdout.splitlines()
    assert quick == usual
    assert quick.endswith("the file cannot be opened, or not be made in its folder")
