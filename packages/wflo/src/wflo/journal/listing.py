"""Listing runs, page by page, the newest first."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.journal.pages import page_of, page_query, summary_query
from wflo.journal.queries import not_found
from wflo.journal.rows import summary_of
from wflo.models.listing import ExecutionFilter, ExecutionPage, ExecutionSummary

_ALL = ExecutionFilter()


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
    query = page_query(filters, limit=limit, cursor=cursor)
    rows = await conn.execute(text(query.sql), query.parameters)
    return page_of(rows.all(), limit=limit)


async def get_summary(conn: AsyncConnection, execution_id: str) -> ExecutionSummary:
    """One run, as it is in a list.

    Raises:
        ExecutionNotFound: There is none of this id.
    """
    query = summary_query(execution_id)
    row = (await conn.execute(text(query.sql), query.parameters)).one_or_none()
    if row is None:
        raise await not_found(conn, execution_id)
    return summary_of(row)
