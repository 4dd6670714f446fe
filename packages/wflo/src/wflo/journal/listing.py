"""Listing runs, page by page, the newest first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, workflows
from wflo.errors import InputError
from wflo.journal.queries import not_found
from wflo.journal.rows import AnyRow, summary_of, to_us
from wflo.models.listing import ExecutionFilter, ExecutionPage, ExecutionSummary

MAX_PAGE = 1_000

_COLUMNS = (
    executions.c.id,
    workflows.c.name,
    workflows.c.version,
    executions.c.status,
    executions.c.error,
    executions.c.parent_id,
    executions.c.cost_micro_usd,
    executions.c.created_at_us,
    executions.c.started_at_us,
    executions.c.ended_at_us,
)
_ALL = ExecutionFilter()
_FROM = executions.join(workflows, workflows.c.id == executions.c.workflow_id)
_SUMMARY = (
    select(*_COLUMNS)
    .select_from(_FROM)
    .where(executions.c.id == bindparam("execution_id", type_=String))
)


async def list_executions(
    conn: AsyncConnection,
    filters: ExecutionFilter = _ALL,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> ExecutionPage:
    """A page of runs.

    The next page begins after the last run of this one, wherever that is then: runs that were
    submitted meanwhile move nothing.

    Args:
        conn: Any connection.
        filters: Which runs.
        limit: How many, 1 to 1,000.
        cursor: The `ExecutionPage.next_cursor` of the page before; None: the first page.

    Raises:
        InputError: The limit is out of bounds, or no page gave this cursor.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InputError(f"a page has 1 to {MAX_PAGE:,} executions, not {limit:,}")
    statement = _statement(filters, limit + 1)
    if cursor is not None:
        place = tuple_(executions.c.created_at_us, executions.c.id)
        statement = statement.where(place < _from_cursor(cursor))
    rows = (await conn.execute(statement)).all()
    following = _to_cursor(rows[limit - 1]) if len(rows) > limit else None
    found = tuple(summary_of(row) for row in rows[:limit])
    return ExecutionPage(executions=found, next_cursor=following)


async def get_summary(conn: AsyncConnection, execution_id: str) -> ExecutionSummary:
    """One run, as it is in a list.

    Raises:
        ExecutionNotFound: There is none of this id.
    """
    row = (await conn.execute(_SUMMARY, {"execution_id": execution_id})).one_or_none()
    if row is None:
        raise await not_found(conn, execution_id)
    return summary_of(row)


def _statement(filters: ExecutionFilter, limit: int) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(*_conditions(filters))
        .order_by(executions.c.created_at_us.desc(), executions.c.id.desc())
        .limit(limit)
    )


def _conditions(filters: ExecutionFilter) -> Iterator[ColumnElement[bool]]:
    if filters.statuses:
        yield executions.c.status.in_([status.value for status in filters.statuses])
    if filters.workflow is not None:
        yield workflows.c.name == filters.workflow
    if filters.version is not None:
        yield workflows.c.version == filters.version
    if filters.parent is not None:
        yield executions.c.parent_id == filters.parent
    if filters.top_level:
        yield executions.c.parent_id.is_(None)
    if filters.created_after is not None:
        yield executions.c.created_at_us >= to_us(filters.created_after)
    if filters.created_before is not None:
        yield executions.c.created_at_us < to_us(filters.created_before)


def _to_cursor(row: AnyRow) -> str:
    place = json.dumps([row.created_at_us, row.id]).encode()
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def _from_cursor(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        match json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
            case [int(time_us), str(execution_id)]:
                return time_us, execution_id
    except (binascii.Error, ValueError):
        pass
    raise InputError(f"{cursor!r} is not the cursor of a page")
