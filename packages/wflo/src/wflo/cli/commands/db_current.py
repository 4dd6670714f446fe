"""``wflo db current``: which version the database's tables have."""

from __future__ import annotations

import asyncio

import click

from wflo.cli.options import database_option, json_option
from wflo.cli.output import show, show_json
from wflo.cli.session import connected, load_settings
from wflo.db import schema
from wflo.db.revisions import HEAD


@click.command("current")
@json_option
@database_option
def command(*, as_json: bool, database: str | None) -> None:
    """Say which version the database's tables have, and which this wflo has."""
    settings = load_settings(database)

    async def current() -> dict[str, str | None]:
        async with connected(settings, must_exist=True) as db:
            found = await schema.current(db)
            return {"database": str(db.url), "current": found, "latest": HEAD}

    found = asyncio.run(current())
    if as_json:
        show_json(found)
    else:
        latest = (
            "" if found["current"] == found["latest"] else f" (this wflo has {found['latest']})"
        )
        show(f"{found['database']}: {found['current'] or 'no tables'}{latest}")
