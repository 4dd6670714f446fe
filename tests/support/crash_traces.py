"""What a run of `crash_flow.crashing` must have left in the database and with its sink."""

import json
from collections import Counter, defaultdict

from sqlalchemy import Column, Integer, MetaData, String, Table, select

from wflo.db import tables
from wflo.journal import queries
from wflo.journal.states import state_at

__all__ = ["VALUES", "bookings", "check_traces"]

ITEMS = [1, 2, 3]
VALUES = {"items": ITEMS, "processes": False, "linger_s": 0.0}

bookings = Table(
    "bookings", MetaData(), Column("idempotency_key", String(300)), Column("amount", Integer)
)

_CHILDREN = {("parts", n) for n in range(3)}
_RESULTS = {
    ("begin", 0): ITEMS,
    **{("square", n): item * item for n, item in enumerate(ITEMS)},
    **{("count", n): n + 1 for n in range(3)},
    ("flaky", 0): "well",
    ("is_empty", 0): False,
    ("never", 0): None,
    ("book", 0): 14,
    ("book_plainly", 0): -14,
    ("pause", 0): None,
    **{("parts", n): 2 * item + 1 for n, item in enumerate(ITEMS)},
    ("apart", 0): None,
    ("finish", 0): 29,
}
_STATE = {"begun": 3, "finished": 3, **{f"square of {n}": n * n for n in ITEMS}}


async def check_traces(database, execution_id, values, delivered):
    """Everything once, nothing left over."""
    family = [execution_id, *(f"{execution_id}/{step}/{n}" for step, n in sorted(_CHILDREN))]
    async with database.read() as conn:
        for each in family:
            await _check_ended(conn, each)
            await _check_attempts(conn, each)
            await _check_events(conn, each, delivered)
        await _check_effects(conn, execution_id, values)
        for child_id, item in zip(family[1:], ITEMS, strict=True):
            assert await _results(conn, child_id) == {
                ("double", 0): 2 * item,
                ("increment", 0): 2 * item + 1,
            }


async def _check_ended(conn, execution_id):
    execution = await queries.get_execution(conn, execution_id)
    assert execution.status == "completed", execution
    for table in (tables.timers, tables.deliveries):
        assert await _rows(conn, table, execution_id) == [], table


async def _check_attempts(conn, execution_id):
    attempts = defaultdict(list)
    for row in await _rows(conn, tables.step_attempts, execution_id):
        attempts[row.step, row.iteration].append(row)
    for row in await _rows(conn, tables.step_journal, execution_id):
        found = sorted(attempts[row.step, row.iteration], key=lambda each: each.attempt)
        assert [each.attempt for each in found] == list(range(1, row.attempts + 1)), row
        counts = Counter(each.status for each in found)
        assert counts["running"] == 0, row
        if found and row.step != "parts":  # what waits begins to count anew
            ends = counts["completed"] + counts["skipped"]
            assert ends == 1, row
            assert found[-1].status in {"completed", "skipped"}, row
            assert row.losses == counts["lost"], row
            assert row.uncounted == counts["lost"] + counts["released"], row


async def _check_events(conn, execution_id, delivered):
    rows = await _rows(conn, tables.outbox, execution_id)
    sequences = sorted(row.sequence for row in rows)
    run = await _rows(conn, tables.executions, execution_id, key="id")
    assert sequences == list(range(1, run[0].sequence + 1))
    assert all(row.published_at_us for row in rows)
    ends = Counter(
        (row.step, row.iteration)
        for row in rows
        if row.type in {"step.completed", "step.skipped", "step.failed"}
    )
    journal = await _rows(conn, tables.step_journal, execution_id)
    assert ends == Counter((row.step, row.iteration) for row in journal)
    types = Counter(row.type for row in rows if row.step is None)
    assert types == {"execution.created": 1, "execution.started": 1, "execution.completed": 1}
    events = [json.loads(line) for line in delivered.read_text().splitlines()]
    ours = [event["sequence"] for event in events if event["execution_id"] == execution_id]
    assert list(dict.fromkeys(ours)) == sequences  # in order, whatever came twice


async def _check_effects(conn, execution_id, values):
    expected = _RESULTS | {("apart", 0): True if values["processes"] else None}
    assert await _results(conn, execution_id) == expected
    assert await state_at(conn, execution_id) == _STATE
    patches = await _rows(conn, tables.state_patches, execution_id)
    assert Counter(row.key for row in patches) == dict.fromkeys(_STATE, 1)
    charges = [
        (row.execution_id, row.step, row.iteration, row.micro_usd)
        for row in await conn.execute(
            select(tables.ledger).where(tables.ledger.c.execution_id.startswith(execution_id))
        )
        if row.execution_id == execution_id or row.execution_id.startswith(f"{execution_id}/")
    ]
    assert sorted(charges) == sorted(
        [(execution_id, "begin", 0, 1)]
        + [(execution_id, "square", n, 10) for n in range(3)]
        + [(f"{execution_id}/parts/{n}", "increment", 0, 1_000) for n in range(3)]
        + [(execution_id, "apart", 0, 100)] * values["processes"]
    )
    booked = await conn.execute(
        select(bookings).where(bookings.c.idempotency_key.startswith(f"{execution_id}/"))
    )
    assert sorted(booked.all()) == [
        (f"{execution_id}/book/0", 14),
        (f"{execution_id}/book_plainly/0", -14),
    ]
    logs = await _rows(conn, tables.logs, execution_id)
    assert [row.message for row in logs] == ["begun"]


async def _results(conn, execution_id):
    return {
        (row.step, row.iteration): None if row.result is None else json.loads(row.result)
        for row in await _rows(conn, tables.step_journal, execution_id)
    }


async def _rows(conn, table, execution_id, key="execution_id"):
    return (await conn.execute(select(table).where(table.c[key] == execution_id))).all()
