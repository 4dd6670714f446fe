"""What is particular to SQLite: the file, its one writer, and where statements run."""

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
from at_once import run_at_once
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from wflo.db import sqlite_driver, sqlite_file
from wflo.db.engine import Database
from wflo.errors import DatabaseError, DatabaseUnavailable

# Counts for as long as the test likes; interrupting it is how it ends.
_ENDLESS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
)

_WRITE = """
import asyncio, sys
from sqlalchemy import text
from wflo.db.engine import Database
async def main():
    async with await Database.open(sys.argv[1]) as database:
        for _ in range(50):
            async with database.begin() as connection:
                query = text("INSERT INTO blobs VALUES (lower(hex(randomblob(32))), 1)")
                await connection.execute(query)
asyncio.run(main())
"""


@pytest.fixture
def scheme():
    return "sqlite"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "wflo.db"


@pytest.fixture
def other(database_url, path):
    """A connection of somebody else's."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    yield connection
    connection.close()


async def write(database, *statements, offload=False):
    async with database.begin(offload=offload) as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def read_all(database, statement):
    async with database.read() as connection:
        return (await connection.execute(text(statement))).all()


class TestFile:
    async def test_its_folder_is_made_for_its_owner_only(self, tmp_path):
        async with await Database.open(f"sqlite:///{tmp_path}/a/.wflo/wflo.db"):
            pass
        assert stat.S_IMODE(os.stat(tmp_path / "a" / ".wflo").st_mode) == 0o700
        assert os.listdir(tmp_path / "a" / ".wflo") == ["wflo.db"]

    async def test_a_relative_path_stays_where_it_was(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        async with await Database.open("sqlite:///wflo.db") as database:
            os.mkdir("elsewhere")
            monkeypatch.chdir("elsewhere")
            assert await read_all(database, "SELECT count(*) FROM executions") == [(0,)]
        assert not os.listdir()

    @pytest.mark.parametrize(("synchronous", "number"), [("full", 2), ("normal", 1)])
    async def test_it_is_as_durable_as_it_was_asked_to_be(self, database_url, synchronous, number):
        opening = Database.open(database_url, synchronous=synchronous)
        async with await opening as database, database.begin() as connection:
            found = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert found == ["wal", number, 1]

    async def test_a_row_may_not_refer_to_one_that_does_not_exist(self, database):
        with pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"):
            await write(database, "INSERT INTO snapshots VALUES (1, 'nobody', 0, '', 0)")

    async def test_a_folder_is_no_file(self, tmp_path):
        with pytest.raises(DatabaseError, match=f"{tmp_path}: it is a folder"):
            await Database.open(f"sqlite:///{tmp_path}")

    async def test_a_file_of_something_else_is_no_database(self, path):
        path.write_text("something else, and long enough to have a header" * 100)
        with pytest.raises(DatabaseError, match=r"wflo\.db: file is not a database"):
            await Database.open(f"sqlite:///{path}")

    async def test_a_folder_that_cannot_be_made(self, path):
        path.write_text("")
        with pytest.raises(DatabaseError, match=r"Not a directory: .*wflo\.db"):
            await Database.open(f"sqlite:///{path}/below/wflo.db")

    async def test_a_file_that_cannot_be_made(self):
        # Not even root may make files there.
        with pytest.raises(DatabaseError, match=r"/proc/wflo\.db: the file cannot be opened"):
            await Database.open("sqlite:////proc/wflo.db")

    def test_a_file_that_cannot_be_written_to(self, database_url, path):
        """Root may write to any file: another user tries."""
        os.chmod(path, 0o444)
        os.chmod(path.parent, 0o555)
        program = (
            "import asyncio, os, sqlite3\n"
            "from wflo.db.engine import Database\n"
            "import wflo.db.schema, wflo.db.sqlite\n"
            "if os.geteuid() == 0: os.setuid(65534)\n"
            f"asyncio.run(Database.open({database_url!r}))\n"
        )
        for parent in path.parents[:3]:
            os.chmod(parent, os.stat(parent).st_mode | 0o055)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        os.chmod(path.parent, 0o700)
        assert "wflo.errors.DatabaseError" in done.stderr
        assert "wflo.db: the file, or its folder, cannot be written to" in done.stderr

    async def test_a_file_system_without_shared_memory(self):
        with pytest.raises(sqlite3.OperationalError, match="cannot have a write-ahead log"):
            sqlite_file.open_file(":memory:", (), 0.1)

    async def test_a_file_that_may_only_be_read_is_named_when_it_is_to_be_written(self, database):
        await write(database, "CREATE TABLE small (x)", "PRAGMA query_only=ON")
        with pytest.raises(DatabaseError, match="the file, or its folder, cannot be written to"):
            await write(database, "INSERT INTO small VALUES (1)")

    async def test_a_full_disk_is_the_machines_fault(self, database):
        await write(database, "CREATE TABLE big (x)", "PRAGMA max_page_count=1")
        async with database.begin() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count=1")  # as few as there are
        with pytest.raises(DatabaseError, match="database or disk is full"):
            await write(database, "INSERT INTO big VALUES (zeroblob(10000000))")
        assert await read_all(database, "SELECT * FROM big") == []

    async def test_a_reader_says_so_too(self, database, path):
        path.write_bytes(b"\0" * path.stat().st_size)
        with pytest.raises(DatabaseError, match="cannot use the database"):
            await read_all(database, "SELECT * FROM blobs")


class TestOneWriter:
    async def test_who_holds_the_lock_for_too_long_is_reported(self, database_url, other):
        async with await Database.open(database_url, wait_s=0.05) as database:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable, match=r"written to by others for 0\.05 s"):
                await write(database)
            other.execute("ROLLBACK")
            await write(database)

    async def test_it_waits_without_blocking_the_event_loop(self, database, other):
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(write(database, "DELETE FROM blobs"))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("COMMIT")
        await waiting

    async def test_cancelled_while_it_waits_it_lets_the_next_one_in(self, database, other):
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(write(database))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.execute("COMMIT")
        await write(database, "DELETE FROM blobs")

    async def test_a_second_transaction_of_one_task_is_refused_not_waited_for(self, database):
        async with database.begin():
            with pytest.raises(RuntimeError, match="SQLite has one at a time"):
                await write(database)
        await write(database)

    async def test_a_journal_that_others_hold_is_waited_for(self, tmp_path):
        connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.05, connection.interrupt).start()
        with pytest.raises(DatabaseUnavailable, match=r"for 0\.1 s"):
            await Database.connect(f"sqlite:///{tmp_path}/x.db", wait_s=0.1)
        connection.close()
        await (await Database.connect(f"sqlite:///{tmp_path}/x.db")).close()

    def test_nor_is_it_an_error_while_others_make_it_a_write_ahead_log(self, tmp_path):
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.05, lambda: other.execute("COMMIT")).start()
        connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None, timeout=0)
        sqlite_file._use_wal(connection, 30)
        connection.close()
        other.close()

    def test_processes_take_turns(self, database_url, path):
        run_at_once(4, "import wflo.db.schema, wflo.db.sqlite", _WRITE, database_url)
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (200,)
        connection.close()


class TestWhereStatementsRun:
    async def test_an_offloaded_one_lets_the_event_loop_go_on(self, database):
        async with database.begin(offload=True) as connection:
            endless = asyncio.create_task(connection.execute(_ENDLESS))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not endless.done()
            while not endless.done():  # once is not enough: it may not have begun
                database._driver.connection.interrupt()
                await asyncio.sleep(0.001)
            with pytest.raises(OperationalError, match="interrupted"):
                await endless

    async def test_a_cancelled_one_is_interrupted_and_the_writer_still_writes(self, database):
        async def count_for_ever():
            async with database.begin(offload=True) as connection:
                await connection.execute(text("INSERT INTO blobs VALUES ('a', 1)"))
                await connection.execute(_ENDLESS)

        await self._cancel(count_for_ever())
        await write(database, "INSERT INTO blobs VALUES ('b', 1)")
        assert await read_all(database, "SELECT hash FROM blobs") == [("b",)]

    async def test_a_cancelled_change_of_the_tables_leaves_a_writer_that_checks_references(
        self, database
    ):
        async def count_for_ever():
            async with database.change_tables() as connection:
                await connection.execute(_ENDLESS)

        await self._cancel(count_for_ever())
        with pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"):
            await write(database, "INSERT INTO snapshots VALUES (1, 'nobody', 0, '', 0)")

    async def test_a_cancelled_reader_is_interrupted_too(self, database):
        async def count_for_ever():
            async with database.read() as connection:
                await connection.execute(_ENDLESS)

        await self._cancel(count_for_ever())
        assert await read_all(database, "SELECT hash FROM blobs") == []

    async def test_who_goes_on_after_being_cancelled_does_not_commit(self, database):
        async def swallow():
            async with database.begin(offload=True) as connection:
                with contextlib.suppress(asyncio.CancelledError):
                    await connection.execute(_ENDLESS)

        with pytest.raises(DatabaseError):
            await self._cancel(swallow())
        await write(database, "INSERT INTO blobs VALUES ('b', 1)")

    async def test_a_cancelled_commit_ends_before_the_error_arrives(self, database):
        """Whether it was committed is another matter; here it was under way already."""
        driver = database._driver
        driver._executor.submit(threading.Event().wait, 0.05)
        writing = asyncio.create_task(write(database, "INSERT INTO blobs VALUES ('a', 1)"))
        await asyncio.sleep(0.01)
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not driver.connection.in_transaction
        await write(database, "INSERT INTO blobs VALUES ('b', 1)")

    async def _cancel(self, coroutine):
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_transaction_that_sqlite_ended_by_itself_is_not_taken_for_committed(
        self, database
    ):
        with pytest.raises(DatabaseError, match="no transaction is active"):
            await write(database, "INSERT INTO blobs VALUES ('a', 1)", "ROLLBACK")
        await write(database)


class TestDriver:
    async def test_it_can_be_stopped_without_being_waited_for(self, path):
        driver = await sqlite_driver.SqliteConnection.open(lambda: sqlite3.connect(path))
        driver.stop()
        driver.stop()
        await driver.close()
        await driver.rollback()
        assert driver.closed
        with pytest.raises(sqlite3.OperationalError, match="Connection closed"):
            driver.begin()

    async def test_cancelled_while_it_opens_it_leaves_nothing_open(self, path):
        may_go, opened = threading.Event(), []

        def opener():
            may_go.wait()
            opened.append(sqlite3.connect(path, check_same_thread=False))
            return opened[0]

        opening = asyncio.create_task(sqlite_driver.SqliteConnection.open(opener))
        await asyncio.sleep(0.01)
        opening.cancel()
        may_go.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            opened[0].execute("SELECT 1")

    async def test_a_statement_that_has_not_begun_when_it_is_cancelled_ends_too(self, path):
        driver = await sqlite_driver.SqliteConnection.open(
            lambda: sqlite3.connect(path, check_same_thread=False)
        )
        execute, may_begin = driver.connection.execute, threading.Event()

        def late():
            may_begin.wait()
            return execute(str(_ENDLESS))

        counting = asyncio.create_task(
            sqlite_driver._in(driver._executor, late, driver.connection.interrupt)
        )
        await asyncio.sleep(0.01)
        counting.cancel()
        await asyncio.sleep(0)
        may_begin.set()
        with pytest.raises(asyncio.CancelledError):
            await counting
        await driver.close()

    async def test_an_error_in_an_offloaded_statement_is_that_of_the_statement(self, database):
        with pytest.raises(OperationalError, match="nowhere"):
            await write(database, "SELECT 1 FROM nowhere", offload=True)
