"""What a command works with: the settings, and the database that they name."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from wflo.cli.output import say
from wflo.config.settings import Settings
from wflo.config.urls import DatabaseUrl, parse_database_url
from wflo.db.engine import Database
from wflo.db.query import Query
from wflo.errors import DatabaseError, SettingsError

T = TypeVar("T")


def load_settings(database_url: str | None = None) -> Settings:
    """The settings of the environment, with the database of ``--database``, if that was given.

    Raises:
        SettingsError: One of them cannot be used; the message names the variable.
    """
    given: dict[str, Any] = {}
    if database_url is not None:
        given["database"] = {"url": _as_url(database_url)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        settings = Settings(**given)
    for warning in caught:
        say(f"Warning: {warning.message}")
    return settings


def database_words(database_url: str | None) -> list[str]:
    """The part of a command that names the database, as it was in ours."""
    return [] if database_url is None else ["--database", database_url]


def _as_url(text: str) -> str:
    """The URL of ``--database``, which also takes the path of a file."""
    url = text if "://" in text else f"sqlite:///{text}"
    try:
        parse_database_url(url)
    except SettingsError as error:
        raise SettingsError(f"--database: {error}") from None
    return url


def database_exists(settings: Settings) -> bool:
    """Whether there is anything to look into: False only where a file would have to be made."""
    url = _url(settings)
    return url.driver != "aiosqlite" or os.path.exists(url.name)


@asynccontextmanager
async def opened(settings: Settings, *, must_exist: bool = True) -> AsyncIterator[Database]:
    """The database, open, with its tables.

    Args:
        settings: They name it.
        must_exist: A file that is not there is an error. Who only looks at runs is more likely to
            be in the wrong folder than to want an empty file.

    Raises:
        DatabaseError: It cannot be used.
    """
    if must_exist:
        _check_exists(settings)
    async with await Database.open(**_options(settings)) as database:
        yield database


@asynccontextmanager
async def connected(settings: Settings, *, must_exist: bool = False) -> AsyncIterator[Database]:
    """The database, open, whatever tables it has. See `opened`."""
    if must_exist:
        _check_exists(settings)
    async with await Database.connect(**_options(settings)) as database:
        yield database


def _options(settings: Settings) -> dict[str, Any]:
    section = settings.database
    return section.model_dump() | {"url": section.url.get_secret_value()}


def _check_exists(settings: Settings) -> None:
    if not database_exists(settings):
        url = _url(settings)
        raise DatabaseError(
            f"there is no database {url.name}: no workflow was run here, or it is somewhere else; "
            "--database or WFLO_DATABASE_URL says where"
        )


def _url(settings: Settings) -> DatabaseUrl:
    return parse_database_url(settings.database.url.get_secret_value())


def with_database(database_url: str | None, use: Callable[[Database], Awaitable[T]]) -> T:
    """Call `use` with the database, which must exist."""
    settings = load_settings(database_url)

    async def run() -> T:
        async with opened(settings) as database:
            return await use(database)

    return asyncio.run(run())


def rows_of(database_url: str | None, query: Query) -> Sequence[Any]:
    """What a query finds in the database, which must exist: rows with names."""
    settings = load_settings(database_url)
    rows = _glanced(settings, query)
    return asyncio.run(_asked(settings, query)) if rows is None else rows


def _glanced(settings: Settings, query: Query) -> Sequence[Any] | None:
    """The rows; None: it takes a `Database`."""
    url = _url(settings)
    if url.driver != "aiosqlite":
        return None
    from wflo.db.glance import glance

    _check_exists(settings)
    return glance(url, query, wait_s=settings.database.wait_s)


async def _asked(settings: Settings, query: Query) -> Sequence[Any]:
    from sqlalchemy import text

    async with opened(settings) as database, database.read() as conn:
        return (await conn.execute(text(query.sql), query.parameters)).all()
