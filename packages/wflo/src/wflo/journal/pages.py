"""What a list of runs asks of a database, and what it makes of the answer; no connection is here.

`wflo.journal.listing` asks over any connection; ``wflo list`` asks a file without SQLAlchemy.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

from wflo.db.query import Query
from wflo.errors import InputError
from wflo.journal.rows import AnyRow, summary_of, to_us
from wflo.models.listing import ExecutionFilter, ExecutionPage

MAX_PAGE = 1_000

# What `summary_of` reads.
_SELECT = """
    SELECT executions.id, workflows.name, workflows.version, executions.status, executions.error,
        executions.parent_id, executions.cost_micro_usd, executions.created_at_us,
        executions.started_at_us, executions.ended_at_us
    FROM executions JOIN workflows ON workflows.id = executions.workflow_id
"""
_NEWEST_FIRST = "ORDER BY executions.created_at_us DESC, executions.id DESC LIMIT :most"

# A condition, and the value of its parameter, if it has one.
_Condition = tuple[str, dict[str, str | int]]


def summary_query(execution_id: str) -> Query:
    """Asks for one run."""
    return Query(f"{_SELECT} WHERE executions.id = :id", {"id": execution_id})


def page_query(filters: ExecutionFilter, *, limit: int, cursor: str | None) -> Query:
    """Asks for a page of runs, and for one run more: whether there is another page.

    The arguments and errors are those of `wflo.journal.listing.list_executions`.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InputError(f"a page has 1 to {MAX_PAGE:,} executions, not {limit:,}")
    conditions = [*_conditions(filters)]
    if cursor is not None:
        conditions.append(_after(cursor))
    where = "WHERE " + " AND ".join(text for text, _ in conditions) if conditions else ""
    parameters: dict[str, str | int] = {"most": limit + 1}
    for _, values in conditions:
        parameters |= values
    return Query(f"{_SELECT} {where} {_NEWEST_FIRST}", parameters)


def page_of(rows: Sequence[AnyRow], *, limit: int) -> ExecutionPage:
    """The page, of what `page_query` found."""
    following = _to_cursor(rows[limit - 1]) if len(rows) > limit else None
    found = tuple(summary_of(row) for row in rows[:limit])
    return ExecutionPage(executions=found, next_cursor=following)


def _conditions(filters: ExecutionFilter) -> Iterator[_Condition]:
    if filters.statuses:
        values: dict[str, str | int] = {
            f"status{place}": status.value for place, status in enumerate(filters.statuses)
        }
        yield f"executions.status IN ({', '.join(f':{name}' for name in values)})", values
    if filters.workflow is not None:
        yield "workflows.name = :workflow", {"workflow": filters.workflow}
    if filters.version is not None:
        yield "workflows.version = :version", {"version": filters.version}
    if filters.parent is not None:
        yield "executions.parent_id = :parent", {"parent": filters.parent}
    if filters.top_level:
        # "= TRUE", or else SQLite takes all of these by their index, and sorts them.
        yield "(executions.parent_id IS NULL) = TRUE", {}
    if filters.created_after is not None:
        yield "executions.created_at_us >= :since_us", {"since_us": to_us(filters.created_after)}
    if filters.created_before is not None:
        yield "executions.created_at_us < :until_us", {"until_us": to_us(filters.created_before)}


def _after(cursor: str) -> _Condition:
    time_us, execution_id = _from_cursor(cursor)
    place: dict[str, str | int] = {"last_us": time_us, "last_id": execution_id}
    return "(executions.created_at_us, executions.id) < (:last_us, :last_id)", place


def _to_cursor(row: AnyRow) -> str:
    place = json.dumps([row.created_at_us, row.id]).encode()
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def _from_cursor(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        match json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
            case [int(time_us), str(execution_id)] if _is_place(time_us, execution_id):
                return time_us, execution_id
    except (binascii.Error, ValueError):
        pass
    raise InputError(f"{cursor!r} is not the cursor of a page")


def _is_place(time_us: int, execution_id: str) -> bool:
    """Whether a run can be there: a database would not even take other values."""
    return abs(time_us) < 2**63 and execution_id.isascii() and execution_id.isprintable()
