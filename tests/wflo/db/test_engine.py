"""What holds for every database: transactions, snapshots, clocks, errors."""

import asyncio
import sys
import threading
import time

import pytest
from postgres_server import Databases
from processes import until
from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from wflo.db.engine import Database
from wflo.db.tables import blobs
from wflo.errors import DatabaseError, DatabaseUnavailable, MissingExtra, SettingsError

_INSERT = insert(blobs)
_COUNT = select(func.count()).select_from(blobs)
_BLOB = select(blobs.c.data).where(blobs.c.hash == bindparam("hash"))


@pytest.fixture(params=["sqlite", "postgresql", "postgresql+asyncpg"])
def scheme(request):
    return request.param


async def add(connection, name):
    await connection.execute(_INSERT, {"hash": name, "data": b"x"})


async def count(connection):
    return (await connection.execute(_COUNT)).scalar_one()


async def write(database, *names, then=None):
    async with database.begin() as connection:
        for name in names:
            await add(connection, name)
        if then is not None:
            raise then


class TestTransactions:
    async def test_what_was_written_is_committed_at_the_end(self, database):
        async with database.begin() as connection:
            await add(connection, "a")
        async with database.read() as connection:
            found = await connection.execute(_BLOB, {"hash": "a"})
            assert found.scalar_one() == b"x"

    async def test_one_that_writes_nothing_leaves_nothing_behind(self, database):
        for _ in range(3):
            async with database.begin():
                pass
            async with database.begin() as connection:
                assert await count(connection) == 0

    @pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
    async def test_an_error_rolls_back_and_the_next_one_works(self, database, error):
        with pytest.raises(error):
            await write(database, "a", then=error())
        async with database.begin() as connection:
            assert await count(connection) == 0
            await add(connection, "a")
        async with database.read() as connection:
            assert await count(connection) == 1

    async def test_a_wrong_statement_is_an_error_of_sqlalchemys(self, database):
        await write(database, "a")
        with pytest.raises(IntegrityError):
            await write(database, "b", "a")
        with pytest.raises(DBAPIError, match="nowhere"):
            async with database.read() as connection:
                await connection.execute(text("SELECT 1 FROM nowhere"))
        async with database.read() as connection:
            assert await count(connection) == 1

    async def test_errors_do_not_show_values(self, database):
        with pytest.raises(DBAPIError) as raised:
            async with database.begin() as connection:
                await connection.execute(text("SELECT x FROM y WHERE z = :z"), {"z": "s3cret"})
        assert "s3cret" not in str(raised.value)

    async def test_a_savepoint_is_undone_alone(self, database):
        async with database.begin() as connection:
            await add(connection, "a")
            savepoint = await connection.begin_nested()
            await add(connection, "b")
            await savepoint.rollback()
            await add(connection, "c")
        async with database.read() as connection:
            assert (await connection.execute(select(blobs.c.hash))).scalars().all() == ["a", "c"]

    async def test_many_tasks_take_turns(self, database):
        await asyncio.gather(*(write(database, str(number)) for number in range(50)))
        async with database.read() as connection:
            assert await count(connection) == 50

    @pytest.mark.parametrize("offload", [False, True])
    async def test_rows_come_whole_also_when_streamed(self, database, offload):
        async with database.begin(offload=offload) as connection:
            rows = [{"hash": f"{number:03}", "data": b""} for number in range(120)]
            await connection.execute(_INSERT, rows)
            stream = await connection.stream(select(blobs.c.hash).order_by(blobs.c.hash))
            assert (await stream.fetchone())[0] == "000"
            assert [row[0] for row in await stream.fetchmany(2)] == ["001", "002"]
            assert len([row async for row in stream]) == 117
        async with database.read() as connection:
            assert await count(connection) == 120

    async def test_a_few_rows_at_once_are_written_too(self, database):
        async with database.begin() as connection:
            await connection.execute(_INSERT, [{"hash": c, "data": b""} for c in "abc"])
        async with database.read() as connection:
            assert await count(connection) == 3


class TestSnapshots:
    async def test_a_reader_sees_one_state_and_waits_for_no_writer(self, database):
        async with database.read() as reader:
            assert await count(reader) == 0
            async with database.begin() as writer:
                await add(writer, "a")
                assert await count(reader) == 0
            assert await count(reader) == 0
        async with database.read() as reader:
            assert await count(reader) == 1

    async def test_a_reader_cannot_write(self, database):
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            async with database.read() as connection:
                await add(connection, "a")

    async def test_a_reader_leaves_no_transaction_open(self, database):
        for _ in range(30):
            async with database.read():
                pass
        async with database.begin() as connection:
            await add(connection, "a")
        async with database.read() as connection:
            assert await count(connection) == 1

    async def test_when_all_readers_are_busy_the_next_one_says_so(self, database_url):
        opening = Database.open(database_url, pool_size=1, wait_s=0.05)
        async with await opening as database, database.read():
            with pytest.raises(DatabaseUnavailable, match=r"were in use for 0\.05 s"):
                await database.read().__aenter__()


class TestClock:
    async def test_it_is_the_time_in_microseconds(self, database):
        first = database.now_us()
        assert abs(first / 1e6 - time.time()) < 5
        assert database.now_us() >= first
        await database.sync_clock()
        assert abs(database.now_us() / 1e6 - time.time()) < 5

    @pytest.mark.parametrize("scheme", ["postgresql"], indirect=True)
    async def test_that_of_postgresql_is_the_servers(self, database):
        database._offset_us += 3600 * 1_000_000
        assert database.now_us() / 1e6 - time.time() > 3000
        await database.sync_clock()
        assert abs(database.now_us() / 1e6 - time.time()) < 5


class TestLifetime:
    def test_several_event_loops_may_follow_each_other(self, database_url):
        async def use(name):
            async with await Database.open(database_url) as database:
                async with database.begin() as connection:
                    await add(connection, name)
                async with database.read() as connection:
                    return await count(connection)

        assert [asyncio.run(use(name)) for name in "ab"] == [1, 2]

    def test_closing_ends_all_threads(self, database_url):
        async def use():
            database = await Database.open(database_url)
            async with database.begin() as writer, database.read(), database.read():
                await add(writer, "a")
            await database.close()
            await database.close()

        asyncio.run(use())
        until(lambda: not [t for t in threading.enumerate() if t.name.startswith("wflo-")])

    def test_closing_ends_all_connections(self, database_url, scheme, postgres):
        if scheme == "sqlite":
            pytest.skip("the file says nothing about who has it open")

        async def use():
            opening = Database.open(database_url)
            async with await opening as database, database.begin(), database.read():
                pass

        asyncio.run(use())
        name = database_url.rpartition("/")[2]
        assert until(lambda: postgres.connections(name) == 0)

    async def test_an_error_while_the_tables_are_looked_at_closes_it(self, database_url):
        async with await Database.open(database_url) as database, database.begin() as connection:
            await connection.execute(text("UPDATE wflo_schema SET version_num = '9999'"))
        with pytest.raises(DatabaseError):
            await Database.open(database_url)
        # A connection that was left open would warn.


class TestBadUrls:
    @pytest.mark.parametrize("scheme", [None], indirect=True)
    async def test_a_scheme_that_is_not_taken_is_refused(self, scheme):
        with pytest.raises(SettingsError, match="not mysql://"):
            await Database.open("mysql://root:s3cret@localhost/db")

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
    async def test_nobody_there(self, scheme):
        with pytest.raises(DatabaseUnavailable, match=r"cannot connect to .*:1/db") as raised:
            await Database.open(f"{scheme}://u:s3cret@127.0.0.1:1/db")
        assert "s3cret" not in str(raised.value)
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
    async def test_a_wrong_password(self, database_url):
        head, _, rest = database_url.partition("//postgres:")
        wrong = f"{head}//postgres:s3cret@{rest.partition('@')[2]}"
        with pytest.raises(DatabaseError, match="password authentication failed") as raised:
            await Database.open(wrong)
        assert "s3cret" not in str(raised.value)

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
    async def test_no_such_database(self, database_url):
        with pytest.raises(DatabaseError, match='database "nope" does not exist'):
            await Database.open(database_url.rpartition("/")[0] + "/nope")

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
    async def test_an_option_that_the_driver_does_not_have(self, database_url):
        with pytest.raises(DatabaseError, match="nonsense"):
            await Database.open(f"{database_url}?nonsense=1")

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
    async def test_options_go_to_the_driver(self, database_url):
        url = f"{database_url}?application_name=mine&sslmode=prefer"
        async with await Database.open(url) as database, database.read() as connection:
            name = await connection.execute(text("SHOW application_name"))
            assert name.scalar_one() == "mine"
            idle = await connection.execute(text("SHOW idle_in_transaction_session_timeout"))
            assert idle.scalar_one() == "30s"

    @pytest.mark.parametrize(
        ("scheme", "error", "message"),
        [
            ("postgresql", MissingExtra, r'pip install "wflo\[postgres\]"'),
            ("postgresql+asyncpg", DatabaseError, "pip install asyncpg"),
        ],
        indirect=["scheme"],
    )
    async def test_a_driver_that_is_missing(self, scheme, error, message, monkeypatch):
        for name in [name for name in sys.modules if name.startswith(("psycopg", "asyncpg"))]:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(error, match=message):
            await Database.open(f"{scheme}://u:s3cret@127.0.0.1:1/db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"], indirect=True)
class TestRestartOfPostgres:
    async def test_a_lost_transaction_may_be_tried_again(self, scheme, postgres_server):
        databases = Databases(postgres_server.url)
        plain = databases.create()
        async with await Database.open(plain.replace("postgresql", scheme, 1)) as database:

            async def write_meanwhile(happens):
                async with database.begin() as connection, database.read():
                    await add(connection, "lost")
                    await asyncio.to_thread(happens)
                    await add(connection, "never written")

            with pytest.raises(DatabaseUnavailable, match="gave a transaction up"):
                await write_meanwhile(postgres_server.restart)
            await write(database, "a")
            with pytest.raises(DatabaseUnavailable, match="gave a transaction up"):
                await write_meanwhile(postgres_server.stop)
            with pytest.raises(DatabaseUnavailable, match="cannot connect"):
                await write(database, "lost")
            await asyncio.to_thread(postgres_server.start)
            await write(database, "b")
            async with database.read() as connection:
                assert await count(connection) == 2
        databases.drop(plain)

    async def test_one_that_does_nothing_for_too_long_is_ended(self, database_url, postgres):
        name = database_url.rpartition("/")[2]

        async def idle():
            async with database.begin() as connection:
                await add(connection, "a")
                await asyncio.to_thread(until, lambda: postgres.connections(name) == 0)
                await add(connection, "b")

        async with await Database.open(database_url, wait_s=0.05) as database:
            with pytest.raises(DatabaseUnavailable):
                await idle()

    async def test_of_two_that_wait_for_each_other_one_is_given_up(self, database):
        await write(database, "a", "b")
        met = asyncio.Barrier(2)
        lock = select(blobs.c.hash).where(blobs.c.hash == bindparam("hash")).with_for_update()

        async def take(first, second):
            async with database.begin() as connection:
                await connection.execute(lock, {"hash": first})
                await met.wait()
                await connection.execute(lock, {"hash": second})

        ends = await asyncio.gather(take("a", "b"), take("b", "a"), return_exceptions=True)
        assert sorted(type(end) for end in ends if end) == [DatabaseUnavailable]
