"""The tables of a database: made, migrated, checked; two ways to the same ones."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from at_once import run_at_once
from sqlalchemy import inspect, text

from wflo.db import revisions, schema
from wflo.db.engine import Database
from wflo.db.tables import metadata
from wflo.errors import DatabaseError, SchemaTooNew, SchemaTooOld

_OPEN = """
import asyncio, sys
from wflo.db.engine import Database
async def main():
    async with await Database.open(sys.argv[1]):
        pass
asyncio.run(main())
assert "alembic" not in sys.modules
"""

# Dies after the tables were made, before that is committed.
_DIE = """
import os, signal
from sqlalchemy import event
from wflo.db.tables import metadata
event.listen(metadata, "after_create", lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
"""

_STRUCTURE_OF_POSTGRESQL = """
SELECT 'column', table_name || '.' || column_name, data_type || coalesce(character_maximum_length, 0)
       || is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
"""
_STRUCTURE_OF_SQLITE = "SELECT type, name, sql FROM sqlite_master"


async def structure(database):
    """All tables, columns, indexes and constraints, in the database's own words."""
    async with database.read() as connection:
        if database.dialect == "sqlite":
            query = text(_STRUCTURE_OF_SQLITE)
        else:
            query = text(_STRUCTURE_OF_POSTGRESQL)
        rows = (await connection.execute(query)).all()
    return sorted((kind, name, _in_order(definition or "")) for kind, name, definition in rows)


def _in_order(definition):
    """The lines of a definition: constraints may be in any order."""
    lines = re.sub(r"\s+", " ", definition).replace('"', "").split(", ")
    return sorted(line.strip(" )") for line in lines)


async def tables(database):
    async with database.read() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def set_revision(database, revision):
    async with database.begin() as connection:
        await connection.execute(text(f"UPDATE wflo_schema SET version_num = '{revision}'"))


async def migrate(database, revision=revisions.HEAD):
    async with database.change_tables() as connection:
        await connection.run_sync(schema._revision)
        await connection.run_sync(schema._migrate, "upgrade", revision)


@pytest.fixture
def with_another(tmp_path, monkeypatch):
    """A newer wflo, with one more migration."""

    def add(upgrade):
        folder = tmp_path / "migrations"
        shutil.copytree(revisions.MIGRATIONS, folder)
        source = f"""
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0002", "0001"
def upgrade():
    op.create_table("extra", sa.Column("x", sa.Integer))
    {upgrade}
def downgrade():
    op.drop_table("extra")
"""
        (folder / "versions" / "r0002_extra.py").write_text(source)
        monkeypatch.setattr(revisions, "MIGRATIONS", str(folder))
        monkeypatch.setattr(revisions, "HEAD", "0002")

    return add


class TestEnsure:
    async def test_an_empty_database_gets_all_tables(self, empty_database):
        await schema.ensure(empty_database)
        assert await schema.current(empty_database) == revisions.HEAD
        assert await tables(empty_database) == {*metadata.tables, revisions.VERSION_TABLE}
        await schema.ensure(empty_database)
        await schema.check(empty_database)

    async def test_they_are_those_that_the_migrations_make(self, empty_database):
        await schema.ensure(empty_database)
        made = await structure(empty_database)
        await schema.downgrade(empty_database, "base")
        async with empty_database.change_tables() as connection:
            await connection.execute(text(f"DROP TABLE {revisions.VERSION_TABLE}"))
        await migrate(empty_database)
        assert await structure(empty_database) == made

    def test_it_costs_no_import_of_alembic(self, database_url, empty_database_url):
        for url in (empty_database_url, database_url):
            subprocess.run([sys.executable, "-c", _OPEN, url], check=True)

    async def test_a_table_of_somebody_else_is_not_taken_for_ours(self, empty_database):
        async with empty_database.change_tables() as connection:
            await connection.execute(text("CREATE TABLE outbox (x INTEGER)"))
        with pytest.raises(
            DatabaseError, match=r"cannot make the tables .*outbox.* already exists"
        ):
            await schema.ensure(empty_database)
        assert await tables(empty_database) == {"outbox"}

    async def test_several_tasks_may_do_so_at_once(self, empty_database):
        await asyncio.gather(*(schema.ensure(empty_database) for _ in range(3)))
        await schema.check(empty_database)

    async def test_tables_that_appear_while_it_looks_are_seen(
        self, empty_database, empty_database_url, monkeypatch
    ):
        read, looks = empty_database.read, []

        @asynccontextmanager
        async def slow_read():
            try:
                async with read() as connection:
                    yield connection
            finally:
                if not looks:
                    await (await Database.open(empty_database_url)).close()
                looks.append(1)

        monkeypatch.setattr(empty_database, "read", slow_read)
        assert await schema.current(empty_database) == revisions.HEAD

    def test_eight_processes_may_do_so_at_once(self, empty_database_url):
        imports = "import psycopg, wflo.db.postgres, wflo.db.schema, wflo.db.sqlite"
        run_at_once(8, imports, _OPEN, empty_database_url)

    async def test_killed_in_the_middle_it_leaves_nothing(self, empty_database_url):
        command = [sys.executable, "-c", _DIE + _OPEN, empty_database_url]
        assert subprocess.run(command, check=False).returncode == -9  # noqa: ASYNC221
        async with await Database.connect(empty_database_url) as database:
            assert await tables(database) == set()
            await schema.ensure(database)
            assert await schema.current(database) == revisions.HEAD


class TestCheck:
    async def test_a_database_of_a_newer_wflo_is_refused_by_everything(self, database):
        await set_revision(database, "9999")
        for use in (
            schema.check(database),
            schema.ensure(database),
            schema.upgrade(database),
            schema.downgrade(database, "base"),
            Database.open(f"sqlite:///{database._path}")
            if database.dialect == "sqlite"
            else schema.check(database),
        ):
            with pytest.raises(SchemaTooNew, match=r"revision 9999.* this one knows 0001"):
                await use
        assert set(metadata.tables) < await tables(database)

    async def test_an_older_one_needs_an_upgrade(self, database_url, with_another):
        with_another("")
        with pytest.raises(SchemaTooOld, match=r"revision 0001; 'wflo db upgrade' .* 0002"):
            await Database.open(database_url)
        async with await Database.open(database_url, upgrade=True) as database:
            assert await schema.current(database) == "0002"
            assert "extra" in await tables(database)

    async def test_one_without_tables_has_none_yet(self, empty_database):
        with pytest.raises(SchemaTooOld, match="no tables of wflo yet"):
            await schema.check(empty_database)

    async def test_another_error_is_not_taken_for_missing_tables(self, database):
        async with database.change_tables() as connection:
            await connection.execute(text(f"DROP TABLE {revisions.VERSION_TABLE}"))
            await connection.execute(text(f"CREATE TABLE {revisions.VERSION_TABLE} (x INTEGER)"))
        with pytest.raises(Exception, match="version_num"):
            await schema.current(database)


class TestMigrations:
    async def test_up_down_and_up_again(self, empty_database):
        await schema.upgrade(empty_database)
        before = await structure(empty_database)
        await schema.downgrade(empty_database, "base")
        assert await schema.current(empty_database) is None
        assert await tables(empty_database) == {revisions.VERSION_TABLE}
        await schema.upgrade(empty_database)
        assert await structure(empty_database) == before
        await schema.upgrade(empty_database)

    async def test_one_step_down_and_up(self, database, with_another):
        with_another("")
        await schema.upgrade(database)
        await schema.downgrade(database, "0001")
        assert await schema.current(database) == "0001"
        assert "extra" not in await tables(database)
        await schema.upgrade(database)
        assert "extra" in await tables(database)

    async def test_they_make_what_the_code_wants(self, empty_database):
        """A change of the tables without a migration fails here."""
        await migrate(empty_database)

        def compare(connection):
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(
                connection, opts={**options, "version_table": revisions.VERSION_TABLE}
            )
            return compare_metadata(context, metadata)

        async with empty_database.read() as connection:
            assert await connection.run_sync(compare) == []

    @pytest.mark.parametrize("fault", ["raise RuntimeError", "op.execute('SELECT * FROM nowhere')"])
    async def test_one_that_fails_leaves_the_old_tables(self, database, with_another, fault):
        before = await structure(database)
        with_another(fault)
        with pytest.raises(Exception, match=r"nowhere|^$"):
            await schema.upgrade(database)
        assert await schema.current(database) == "0001"
        assert await structure(database) == before

    @pytest.mark.parametrize("scheme", ["sqlite"], indirect=True)
    async def test_one_may_not_leave_rows_that_refer_to_none(self, database, with_another):
        row = "INSERT INTO snapshots VALUES (1, 'nobody', 0, '', 0)"
        with_another(f'op.execute("{row}")')
        with pytest.raises(DatabaseError, match="do not exist, in snapshots"):
            await schema.upgrade(database)
        assert await schema.current(database) == "0001"
        with pytest.raises(Exception, match="FOREIGN KEY"):
            async with database.begin() as connection:
                await connection.execute(text(row))

    async def test_who_was_quicker_is_noticed(self, database, with_another, monkeypatch):
        with_another("")
        await schema.upgrade(database)

        async def too_old(_):
            raise SchemaTooOld

        monkeypatch.setattr(schema, "ensure", too_old)
        await schema.upgrade(database)
        assert await schema.current(database) == "0002"

    async def test_a_revision_that_does_not_exist_is_refused(self, database):
        with pytest.raises(DatabaseError, match="no revision '0007'; there are base, 0001"):
            await schema.downgrade(database, "0007")

    def test_all_are_known_in_order(self):
        scripts = ScriptDirectory.from_config(schema.alembic_config())
        assert scripts.get_heads() == [revisions.HEAD]
        known = [script.revision for script in scripts.walk_revisions()]
        assert revisions.known_revisions() == known[::-1]
        for script in scripts.walk_revisions():
            assert os.path.basename(script.path).startswith(f"r{script.revision}_")
