"""Pages of runs."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from wflo_rows import START_US, add_execution, add_workflow, definition

from wflo.errors import ExecutionNotFound, InputError
from wflo.journal.listing import get_summary, list_executions
from wflo.journal.rows import to_datetime, to_us
from wflo.models import ExecutionStatus
from wflo.models.listing import ExecutionFilter


@pytest.fixture
async def some(database):
    """Eleven runs: two of them at the same time, one in another, of two workflows."""
    async with database.begin() as conn:
        report = await add_workflow(conn)
        other = await add_workflow(conn, definition("other", "2"))
        for number in range(10):
            await add_execution(
                conn,
                f"run{number}",
                report if number < 8 else other,
                status="failed" if number % 4 == 0 else "completed",
                error="it broke" if number % 4 == 0 else None,
                created_at_us=START_US + 1_000_000 * min(number, 8),
                cost_micro_usd=number,
            )
        await add_execution(
            conn, "run3/sub/0", other, parent_id="run3", root_id="run3", status="running"
        )
    return database


async def ids(database, limit=1000, **filters):
    async with database.read() as conn:
        page = await list_executions(conn, ExecutionFilter(**filters), limit=limit)
    return [execution.id for execution in page.executions]


async def test_the_newest_come_first_and_of_equal_ones_the_greater_id(some):
    assert await ids(some, top_level=True) == [f"run{number}" for number in range(9, -1, -1)]


async def test_a_summary_says_what_a_list_shows(some):
    async with some.read() as conn:
        found = await get_summary(conn, "run4")
    assert found.model_dump(mode="json") == {
        "id": "run4",
        "workflow": "report",
        "version": "1",
        "status": "failed",
        "error": "it broke",
        "parent": None,
        "cost_micro_usd": 4,
        "created_at": "2023-11-14T22:13:24Z",
        "started_at": None,
        "ended_at": None,
    }


async def test_pages_follow_each_other_without_gaps(some):
    found, cursor = [], None
    async with some.read() as conn:
        while True:
            page = await list_executions(conn, limit=3, cursor=cursor)
            found += [execution.id for execution in page.executions]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert found == await ids(some)
    assert len(found) == len(set(found)) == 11


async def test_a_full_last_page_has_no_next_one(some):
    async with some.read() as conn:
        page = await list_executions(conn, limit=11)
    assert page.next_cursor is None


async def test_runs_that_are_submitted_meanwhile_move_nothing(some):
    async with some.begin() as conn:
        page = await list_executions(conn, limit=4)
        await add_execution(conn, "newer", 1, created_at_us=START_US + 10**9)
        rest = await list_executions(conn, limit=1000, cursor=page.next_cursor)
    assert rest.executions[0].id == "run5"
    assert len(rest.executions) == 7


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"statuses": (ExecutionStatus.FAILED,)}, ["run8", "run4", "run0"]),
        ({"statuses": ("failed", "running")}, ["run8", "run4", "run3/sub/0", "run0"]),
        ({"workflow": "other"}, ["run9", "run8", "run3/sub/0"]),
        ({"workflow": "other", "version": "1"}, []),
        ({"version": "2", "top_level": True}, ["run9", "run8"]),
        ({"parent": "run3"}, ["run3/sub/0"]),
        ({"created_after": to_datetime(START_US + 7_000_000)}, ["run9", "run8", "run7"]),
        (
            {"created_before": to_datetime(START_US + 2_000_000), "top_level": True},
            ["run1", "run0"],
        ),
    ],
)
async def test_filters_hold_together(some, filters, expected):
    assert await ids(some, **filters) == expected


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_page_has_bounds(database, limit):
    async with database.read() as conn:
        with pytest.raises(InputError, match="1 to 1,000 executions"):
            await list_executions(conn, limit=limit)


def encoded(*place):
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


NO_CURSORS = ["", "x", "e30", "WzEsIDJd", "WzEsICJ4Il0=ü", "bnVsbA"]
NOWHERE = [encoded(2**63, "a"), encoded(1, "a\ud800"), encoded(1, "a\0")]


@pytest.mark.parametrize("cursor", NO_CURSORS + NOWHERE)
async def test_what_is_no_cursor_is_said_to_be_none(database, cursor):
    async with database.read() as conn:
        with pytest.raises(InputError, match="is not the cursor of a page"):
            await list_executions(conn, cursor=cursor)


async def test_a_run_that_does_not_exist_has_no_summary(some):
    async with some.read() as conn:
        with pytest.raises(ExecutionNotFound, match="no execution 'run33'; did you mean 'run"):
            await get_summary(conn, "run33")


def test_times_come_back_to_the_microsecond():
    time = datetime(2026, 11, 22, 7, 15, 53, 123457, tzinfo=UTC)
    assert to_datetime(to_us(time)) == time
    assert to_us(datetime(1969, 12, 31, tzinfo=UTC)) == -86_400_000_000
    assert to_us(time + timedelta(microseconds=1)) == to_us(time) + 1
