"""``wflo db upgrade``: brings the database's tables up to date."""

from __future__ import annotations

import asyncio

import click

from wflo.cli.options import database_option, json_option
from wflo.cli.output import show, show_json
from wflo.cli.session import connected, load_settings
from wflo.db import schema


@click.command("upgrade")
@json_option
@database_option
def command(*, as_json: bool, database: str | None) -> None:
    """Bring the database's tables up to date; make them where there are none."""
    settings = load_settings(database)

    async def upgrade() -> dict[str, str | None]:
        async with connected(settings) as db:
            before = await schema.current(db)
            await schema.upgrade(db)
            return {"database": str(db.url), "before": before, "now": await schema.current(db)}

    done = asyncio.run(upgrade())
    if as_json:
        show_json(done)
    elif done["before"] == done["now"]:
        show(f"{done['database']}: up to date at {done['now']}")
    else:
        show(f"{done['database']}: upgraded from {done['before'] or 'nothing'} to {done['now']}")
