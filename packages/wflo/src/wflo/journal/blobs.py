"""Values too long for a row: kept once, under the SHA-256 of their text.

Beside a column ``x`` with a value there is a column ``x_blob``. At most one of the two is set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import blobs

# Longer texts, in bytes of UTF-8, are kept apart, so that reading many rows stays quick.
MAX_INLINE = 32 * 1024

# A character takes one to four bytes: most texts need not be encoded to be measured.
_SURELY_INLINE = MAX_INLINE // 4

_PER_SELECT = 500  # below what any version of SQLite takes as parameters

_INSERTS = {
    "sqlite": sqlite.insert(blobs).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(blobs).on_conflict_do_nothing(),
}
_SELECT = select(blobs.c.hash, blobs.c.data).where(
    blobs.c.hash.in_(bindparam("hashes", expanding=True))
)


class Stored(NamedTuple):
    """What goes into the two columns of a value.

    Attributes:
        text: The value's text, where it is short.
        blob: The hash of its text, where it is long.
    """

    text: str | None
    blob: str | None


async def put_texts(conn: AsyncConnection, texts: Sequence[str | None]) -> list[Stored]:
    """Keep those that are too long for a row.

    Args:
        conn: In a write transaction, which is asked nothing where all of them are short.
        texts: Texts, None among them where there is no value.

    Returns:
        For each of them what goes into its columns.
    """
    stored, rows = [], {}
    for text in texts:
        data = _long(text)
        if data is None:
            stored.append(Stored(text, None))
        else:
            key = hashlib.sha256(data).hexdigest()
            rows[key] = data
            stored.append(Stored(None, key))
    if rows:
        # In one order everywhere: PostgreSQL locks each key, and two writers must not cross.
        ordered = [{"hash": key, "data": rows[key]} for key in sorted(rows)]
        await conn.execute(_INSERTS[conn.dialect.name], ordered)
    return stored


def is_long(text: str) -> bool:
    """Whether a text is kept apart."""
    return _long(text) is not None


def _long(text: str | None) -> bytes | None:
    """The text's bytes, if they are too many for a row."""
    if text is None or len(text) <= _SURELY_INLINE:
        return None
    data = text.encode()
    return data if len(data) > MAX_INLINE else None


async def get_text(conn: AsyncConnection, text: str | None, blob: str | None) -> str | None:
    """The text of a value, from its two columns."""
    if blob is None:
        return text
    return (await get_blobs(conn, [blob]))[blob]


async def get_blobs(conn: AsyncConnection, hashes: Iterable[str | None]) -> dict[str, str]:
    """The texts under these hashes, by hash; None among them is passed over."""
    wanted = sorted({key for key in hashes if key is not None})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _PER_SELECT):
        chunk = {"hashes": wanted[start : start + _PER_SELECT]}
        for key, data in await conn.execute(_SELECT, chunk):
            found[key] = bytes(data).decode()
    return found
