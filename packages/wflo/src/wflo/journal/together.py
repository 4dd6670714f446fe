"""Several statements as one, on databases that can: one way to the server and back instead of many.

That is what a short transaction costs most of its time for, the more so the farther the server is.
The parts are common table expressions that write, see
https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING. They all see what
was there before the statement, so no two of them may be of the same row. Their order is not
certain, but that each of them does nothing before the update that is named before it has found its
row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    CTE,
    BindParameter,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.visitors import cloned_traverse

__all__ = ["MOST_PARTS", "Part", "can_write_together", "write_together"]

# Each sequence of parts is a statement of its own, which both sides prepare and keep.
MOST_PARTS = 10

# A statement, and the parameters that it has once.
Part = tuple[Insert | Update, dict[str, Any]]

# The same without values: a statement, and the names of its parameters.
_Shape = tuple[Insert | Update, tuple[str, ...]]


def can_write_together(conn: AsyncConnection) -> bool:
    """Whether this database can."""
    return conn.dialect.name == "postgresql"


async def write_together(conn: AsyncConnection, parts: Sequence[Part]) -> bool:
    """Run them.

    Args:
        conn: A write transaction.
        parts: `MOST_PARTS` at most, each for a row of its own, and the first of them an update.

    Returns:
        Whether each of the updates has found its row.
    """
    statement, updates = _composed(tuple((part, tuple(row)) for part, row in parts))
    parameters = {
        _own(name, number): value
        for number, (_, row) in enumerate(parts)
        for name, value in row.items()
    }
    found: int = (await conn.execute(statement, parameters)).scalar_one()
    return found == updates


@lru_cache(maxsize=200)
def _composed(shapes: tuple[_Shape, ...]) -> tuple[Select[Any], int]:
    """The statement, which counts the rows that were updated, and how many there should be."""
    parts: list[CTE] = []
    updates: list[CTE] = []
    for number, shape in enumerate(shapes):
        parts.append(_part(shape, number, updates[-1] if updates else None))
        if isinstance(shape[0], Update):
            updates.append(parts[-1])
    counts = [select(func.count()).select_from(part).scalar_subquery() for part in updates]
    return select(sum(counts, start=literal(0))).add_cte(*parts), len(counts)


def _part(shape: _Shape, number: int, before: CTE | None) -> CTE:
    statement, names = shape
    conditions = [] if before is None else [exists(select(literal(1)).select_from(before))]
    table = cast("Table", statement.table)
    if isinstance(statement, Insert):
        columns = [table.c[name] for name in names]
        values = [sql_cast(bindparam(_own(each.name, number)), each.type) for each in columns]
        return statement.from_select(names, select(*values).where(*conditions)).cte(_name(number))
    own = cloned_traverse(statement, {}, {"bindparam": lambda bind: _rename(bind, number)})
    found = own.where(*conditions).returning(table.primary_key.columns.values()[0])
    return found.cte(_name(number))


def _name(number: int) -> str:
    return f"part_{number}"


def _rename(bind: BindParameter[Any], number: int) -> None:
    if not bind.unique:  # else it is a constant of the statement's
        bind.key = _own(bind.key, number)


def _own(name: str, number: int) -> str:
    """The name of a parameter of one part among those of all."""
    return f"p{number}_{name}"
