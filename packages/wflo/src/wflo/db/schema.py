"""The tables of a database: made, brought up to date, checked.

alembic takes longer to import than a short workflow takes to run. So an empty database gets the
tables as `wflo.db.tables` has them, and the check of one that is not is a single SELECT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db import revisions
from wflo.db.engine import Database, one_line
from wflo.db.tables import metadata
from wflo.errors import DatabaseError, SchemaTooOld

if TYPE_CHECKING:
    from alembic.config import Config

# As alembic makes it.
_version = Table(
    revisions.VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{revisions.VERSION_TABLE}_pkc"),
)
_VERSION = select(_version.c.version_num)


async def current(database: Database) -> str | None:
    """The revision of a database, or None where it has no tables of ours."""
    try:
        async with database.read() as connection:
            return (await connection.execute(_VERSION)).scalar_one_or_none()
    except DBAPIError:  # usually there is no such table; by now there may be
        async with database.read() as connection:
            return await connection.run_sync(_revision)


async def check(database: Database) -> None:
    """See that the tables are those that this version knows.

    Raises:
        SchemaTooNew: A newer version of wflo made or upgraded them.
        SchemaTooOld: They need an upgrade, or are not there.
    """
    revisions.judge(database.url, await current(database))


async def ensure(database: Database) -> None:
    """Make the tables in an empty database; check them in another. Any number may do so at once.

    Raises:
        SchemaTooNew: See `check`.
        SchemaTooOld: See `check`; never of an empty database.
        DatabaseError: Other tables there have the names of ours.
    """
    found = await current(database)
    if found is None:
        async with database.change_tables() as connection:
            # Somebody may have been quicker.
            found = await connection.run_sync(_revision) or await _create(database, connection)
    revisions.judge(database.url, found)


async def upgrade(database: Database) -> None:
    """Bring the tables up to date; make them where there are none. All of it happens, or nothing.

    Raises:
        SchemaTooNew: A newer version of wflo made or upgraded them.
        DatabaseError: Other tables there have the names of ours.
    """
    try:
        await ensure(database)
    except SchemaTooOld:
        async with database.change_tables() as connection:
            revisions.judge_known(database.url, await connection.run_sync(_revision))
            await connection.run_sync(_migrate, "upgrade", revisions.HEAD)


async def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to a revision; ``"base"`` removes them, and all that is in them.

    Raises:
        SchemaTooNew: A newer version of wflo made or upgraded them.
        DatabaseError: There is no such revision.
    """
    known = ["base", *revisions.known_revisions()]
    if revision not in known:
        raise DatabaseError(f"there is no revision {revision!r}; there are {', '.join(known)}")
    async with database.change_tables() as connection:
        revisions.judge_known(database.url, await connection.run_sync(_revision))
        await connection.run_sync(_migrate, "downgrade", revision)


def alembic_config() -> Config:
    """What alembic is to know; its commands want a connection in ``attributes``, besides."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", revisions.MIGRATIONS.replace("%", "%%"))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    return config


def _revision(connection: Connection) -> str | None:
    """The same as `current`, where an error would end the transaction."""
    if not inspect(connection).has_table(revisions.VERSION_TABLE):
        return None
    return connection.execute(_VERSION).scalar_one_or_none()


async def _create(database: Database, connection: AsyncConnection) -> str:
    try:
        await connection.run_sync(_create_all)
    except DBAPIError as error:
        raise DatabaseError(
            f"cannot make the tables in {database.url}: {one_line(error.orig)}"
        ) from error
    return revisions.HEAD


def _create_all(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection, checkfirst=True)  # a downgrade to base leaves it
    connection.execute(_version.insert().values(version_num=revisions.HEAD))


def _migrate(connection: Connection, direction: str, revision: str) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    run = command.upgrade if direction == "upgrade" else command.downgrade
    run(config, revision)
