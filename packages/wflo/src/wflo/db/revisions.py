"""Which tables a database may have: the revisions that this version knows."""

from __future__ import annotations

import os

from wflo.errors import SchemaTooNew, SchemaTooOld

# The revision that `wflo.db.tables` describes: the last of the migrations.
HEAD = "0001"

# Not alembic's own name for it: the database may be that of an application which has migrations.
VERSION_TABLE = "wflo_schema"

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")


def known_revisions() -> list[str]:
    """All revisions that this version knows, oldest first."""
    names = os.listdir(os.path.join(MIGRATIONS, "versions"))
    return sorted(name[1:].partition("_")[0] for name in names if name.startswith("r"))


def judge(url: object, found: str | None) -> None:
    """See that the tables are those that this version knows.

    Args:
        url: Where they are, for the message.
        found: Their revision; None: there are none of ours.

    Raises:
        SchemaTooNew: A newer version of wflo made or upgraded them.
        SchemaTooOld: They need an upgrade, or are not there.
    """
    if found == HEAD:
        return
    judge_known(url, found)
    has = "no tables of wflo yet" if found is None else f"the tables of revision {found}"
    raise SchemaTooOld(f"{url} has {has}; 'wflo db upgrade' makes them those of {HEAD}")


def judge_known(url: object, found: str | None) -> None:
    """See that an upgrade is possible. The arguments are those of `judge`.

    Raises:
        SchemaTooNew: See `judge`.
    """
    if found is not None and found not in known_revisions():
        raise SchemaTooNew(
            f"{url} has the tables of revision {found}, made by a newer wflo; "
            f"this one knows {', '.join(known_revisions())}"
        )
