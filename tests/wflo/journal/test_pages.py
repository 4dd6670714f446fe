"""A page of runs is the same however it is asked for: over a connection, or by a glance."""

from itertools import product

import pytest
from wflo_rows import START_US, add_execution, add_workflow, definition

from wflo.config.urls import parse_database_url
from wflo.db.glance import glance
from wflo.journal.listing import get_summary, list_executions
from wflo.journal.pages import page_of, page_query, summary_query
from wflo.journal.rows import summary_of, to_datetime
from wflo.models import ExecutionStatus
from wflo.models.listing import ExecutionFilter

SECOND = 1_000_000
STATUSES = list(ExecutionStatus)

CHOICES = {
    "statuses": [(), ("failed",), ("completed", "running"), ("waiting",)],
    "workflow": [None, "other", "nobodys"],
    "version": [None, "2"],
    "parent": [None, "run3"],
    "top_level": [False, True],
    "created_after": [None, to_datetime(START_US + 2 * SECOND)],
    "created_before": [None, to_datetime(START_US + 5 * SECOND)],
}
FILTERS = [
    ExecutionFilter(**dict(zip(CHOICES, chosen, strict=True)))
    for chosen in product(*CHOICES.values())
]


@pytest.fixture(params=["sqlite", "postgresql", "postgresql+asyncpg"])
def scheme(request):
    return request.param


@pytest.fixture
async def runs(database):
    """Twenty runs, oldest first, as they are in the table: two at a time, each fifth of a run."""
    rows = []
    async with database.begin() as conn:
        one = await add_workflow(conn)
        two = await add_workflow(conn, definition("other", "2"))
        for number in range(20):
            parent = "run3" if number % 5 == 4 else None
            row = {
                "status": STATUSES[number % 3 + 2].value,
                "error": "it broke: ü" if number % 3 else None,
                "parent_id": parent,
                "cost_micro_usd": number,
                "created_at_us": START_US + SECOND * (number // 2),
                "started_at_us": START_US + SECOND * 20 if number % 2 else None,
                "ended_at_us": START_US + SECOND * 30 + 1 if number % 4 == 3 else None,
            }
            workflow, name = (one, "report") if number % 4 else (two, "other")
            await add_execution(conn, f"run{number}", workflow, root_id="run3", **row)
            rows.append({"id": f"run{number}", "workflow": name, **row})
    return rows


def matches(row, filters):
    time = to_datetime(row["created_at_us"])
    return (
        (not filters.statuses or row["status"] in filters.statuses)
        and filters.workflow in (None, row["workflow"])
        and (filters.version is None or (row["workflow"] == "other") == (filters.version == "2"))
        and filters.parent in (None, row["parent_id"])
        and not (filters.top_level and row["parent_id"])
        and (filters.created_after is None or time >= filters.created_after)
        and (filters.created_before is None or time < filters.created_before)
    )


def expected(rows, filters):
    found = [row for row in rows if matches(row, filters)]
    found.sort(key=lambda row: (row["created_at_us"], row["id"]), reverse=True)
    return [row["id"] for row in found]


async def pages(ask, filters, limit):
    """All pages, one after the other."""
    found = [await ask(filters, limit, None)]
    while found[-1].next_cursor is not None:
        found.append(await ask(filters, limit, found[-1].next_cursor))
    return found


async def test_every_filter_finds_what_it_says_page_by_page(database, runs):
    async with database.read() as conn:

        async def ask(filters, limit, cursor):
            return await list_executions(conn, filters, limit=limit, cursor=cursor)

        for place, filters in enumerate(FILTERS):
            found = await pages(ask, filters, limit := (3, 7, 100)[place % 3])
            ids = [each.id for page in found for each in page.executions]
            assert ids == expected(runs, filters), filters
            assert {len(page.executions) for page in found[:-1]} <= {limit}


class TestGlances:
    @pytest.fixture(params=["sqlite"])
    def scheme(self, request):
        return request.param

    async def test_they_show_the_same_pages(self, database, database_url, runs):
        url = parse_database_url(database_url)

        async def quick(filters, limit, cursor):
            query = page_query(filters, limit=limit, cursor=cursor)
            return page_of(glance(url, query, wait_s=1), limit=limit)

        async with database.read() as conn:

            async def usual(filters, limit, cursor):
                return await list_executions(conn, filters, limit=limit, cursor=cursor)

            for place, filters in enumerate(FILTERS):
                limit = (3, 7, 100)[place % 3]
                assert await pages(quick, filters, limit) == await pages(usual, filters, limit)

    async def test_and_the_same_run(self, database, database_url, runs):
        [row] = glance(parse_database_url(database_url), summary_query("run7"), wait_s=1)
        async with database.read() as conn:
            assert summary_of(row) == await get_summary(conn, "run7")

    async def test_the_newest_are_found_without_sorting_all(self, database_url, database):
        for filters in (ExecutionFilter(), ExecutionFilter(top_level=True)):
            query = page_query(filters, limit=20, cursor=None)
            plan = query._replace(sql=f"EXPLAIN QUERY PLAN {query.sql}")
            steps = [row.detail for row in glance(parse_database_url(database_url), plan, wait_s=1)]
            assert "ix_executions_created" in steps[0]
            assert not any("TEMP B-TREE" in step for step in steps)
