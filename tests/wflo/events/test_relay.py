"""Events reach the sinks in order, at least once, whoever dies or fails on the way."""

import asyncio
import itertools
import json
from collections import defaultdict
from contextlib import asynccontextmanager

import pytest
from crashing import eventually
from sqlalchemy import insert, select, update
from wflo_rows import START_US, add_execution, add_workflow

from wflo import points
from wflo.db import tables
from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable
from wflo.events import relay as module
from wflo.events.relay import Relay

LATER = 60.0


class Heard:
    """A sink that notes what it gets, and refuses what it is told to refuse."""

    def __init__(self):
        self.sequences = defaultdict(list)
        self.refused = set()
        self.flushes = 0
        self.cannot_flush = False

    async def deliver(self, event):
        if event.execution_id in self.refused:
            raise ConnectionError("refused")
        self.sequences[event.execution_id].append(event.sequence)

    async def flush(self):
        if self.cannot_flush:
            raise OSError("no space")
        self.flushes += 1


def make_relay(database, *sinks, owner="a relay", dead=(), **options):
    return Relay(database, sinks, owner=owner, is_dead=lambda name: name in dead, **options)


async def add_events(database, **counts):
    """So many events more of each run, whose ids are the names."""
    async with database.begin() as conn:
        rows = (await conn.execute(select(tables.executions))).all()
        known = {row.id: row.workflow_id for row in rows}
        for execution_id, count in counts.items():
            if execution_id not in known:
                workflow_id = next(iter(known.values()), None) or await add_workflow(conn)
                await add_execution(conn, execution_id, workflow_id)
                known[execution_id] = workflow_id
            query = select(tables.outbox.c.sequence).where(
                tables.outbox.c.execution_id == execution_id
            )
            first = max((await conn.execute(query)).scalars(), default=0) + 1
            await conn.execute(
                insert(tables.outbox),
                [
                    {
                        "execution_id": execution_id,
                        "sequence": sequence,
                        "type": "step.completed",
                        "payload": json.dumps({"n": sequence}),
                        "created_at_us": START_US,
                    }
                    for sequence in range(first, first + count)
                ],
            )


async def unpublished(database):
    async with database.read() as conn:
        rows = await conn.execute(
            select(tables.outbox).where(tables.outbox.c.published_at_us.is_(None))
        )
        return sorted((row.execution_id, row.sequence) for row in rows)


async def is_all_published(database):
    return not await unpublished(database)


async def deliveries(database):
    async with database.read() as conn:
        return (await conn.execute(select(tables.deliveries))).all()


async def let_time_pass(database):
    """What waits for a time waits no longer."""
    async with database.begin() as conn:
        await conn.execute(update(tables.deliveries).values(until_us=0))


async def test_events_are_delivered_in_order_once(database):
    await add_events(database, one=5, two=3)
    heard = Heard()
    relay = make_relay(database, heard)
    await relay.flush()
    assert heard.sequences == {"one": [1, 2, 3, 4, 5], "two": [1, 2, 3]}
    assert heard.flushes > 0
    assert await unpublished(database) == []
    assert await deliveries(database) == []
    await add_events(database, one=1)
    await relay.flush()
    assert heard.sequences["one"] == [1, 2, 3, 4, 5, 6]


async def test_every_sink_gets_every_event(database):
    await add_events(database, one=2)
    first, second = Heard(), Heard()
    await make_relay(database, first, second).flush()
    assert first.sequences == second.sequences == {"one": [1, 2]}


async def test_more_than_fits_in_a_round_is_delivered_too(database, monkeypatch):
    monkeypatch.setattr(module, "_EVENTS", module._EVENTS.limit(4))
    monkeypatch.setattr(module, "_WAITING", module._WAITING.limit(2))
    await add_events(database, one=10, two=3, three=1)
    heard = Heard()
    await make_relay(database, heard).flush()
    assert heard.sequences == {"one": list(range(1, 11)), "two": [1, 2, 3], "three": [1]}


async def test_a_failing_sink_stops_its_run_and_no_other(database):
    await add_events(database, one=2, two=2)
    heard = Heard()
    heard.refused = {"one"}
    relay = make_relay(database, heard)
    await relay.flush()
    assert heard.sequences == {"two": [1, 2]}
    assert await unpublished(database) == [("one", 1), ("one", 2)]
    heard.refused = set()
    await relay.flush()  # not yet
    assert "one" not in heard.sequences
    await let_time_pass(database)
    await relay.flush()
    assert heard.sequences == {"one": [1, 2], "two": [1, 2]}
    assert await deliveries(database) == []


async def test_what_fails_again_and_again_is_tried_less_and_less_often(database):
    await add_events(database, one=1)
    heard = Heard()
    heard.refused = {"one"}
    relay = make_relay(database, heard)
    pauses = []
    for _ in range(10):
        before = database.now_us()
        await relay.flush()
        [row] = await deliveries(database)
        pauses.append((row.until_us - before) / 1e6)
        await let_time_pass(database)
    assert all(b > 1.5 * a for a, b in itertools.pairwise(pauses[:7]))
    assert pauses[0] < 2
    assert max(pauses) < 2 * LATER


async def test_others_wait_for_the_next_try_too(database):
    await add_events(database, one=1)
    failing, heard = Heard(), Heard()
    failing.refused = {"one"}
    await make_relay(database, failing).flush()
    other = make_relay(database, heard, owner="another")
    await other.flush()
    assert heard.sequences == {}
    await let_time_pass(database)
    await other.flush()
    assert heard.sequences == {"one": [1]}


async def test_events_before_the_one_that_fails_do_not_come_again(database):
    class Third(Heard):
        async def deliver(self, event):
            if event.sequence == 3 and not self.refused:
                self.refused = {"once"}
                raise ConnectionError
            await super().deliver(event)

    await add_events(database, one=4)
    heard = Third()
    relay = make_relay(database, heard)
    await relay.flush()
    assert await unpublished(database) == [("one", 3), ("one", 4)]
    await let_time_pass(database)
    await relay.flush()
    assert heard.sequences["one"] == [1, 2, 3, 4]


async def test_what_is_not_flushed_comes_again(database):
    await add_events(database, one=2)
    heard = Heard()
    heard.cannot_flush = True
    relay = make_relay(database, heard)
    await relay.flush()
    assert len(await unpublished(database)) == 2
    heard.cannot_flush = False
    await let_time_pass(database)
    await relay.flush()
    assert heard.sequences["one"] == [1, 2, 1, 2]


async def test_a_sink_that_hangs_has_failed(database):
    class Hanging(Heard):
        async def deliver(self, event):
            if event.execution_id == "one":
                await asyncio.Event().wait()
            await super().deliver(event)

    await add_events(database, one=1, two=1)
    heard = Hanging()
    await make_relay(database, heard, lease_s=0.1).flush()
    assert heard.sequences == {"two": [1]}
    [row] = await deliveries(database)
    assert (row.execution_id, row.failures) == ("one", 1)


async def test_a_slow_sink_goes_on_in_the_next_round(database):
    class Slow(Heard):
        async def deliver(self, event):
            await asyncio.sleep(0.1)
            await super().deliver(event)

    await add_events(database, one=10)
    heard = Slow()
    await make_relay(database, heard, lease_s=0.6).flush()
    assert heard.sequences["one"] == list(range(1, 11))
    assert await deliveries(database) == []


async def test_while_one_relay_delivers_no_other_does(database):
    await add_events(database, one=2)
    entered, let_go = asyncio.Event(), asyncio.Event()

    class Blocked(Heard):
        async def deliver(self, event):
            entered.set()
            await let_go.wait()
            await super().deliver(event)

    slow, heard = Blocked(), Heard()
    work = asyncio.create_task(make_relay(database, slow).flush())
    await entered.wait()
    other = make_relay(database, heard, owner="another")
    await other.flush()
    assert heard.sequences == {}
    await add_events(database, two=1)
    await other.flush()
    assert heard.sequences == {"two": [1]}
    let_go.set()
    await work
    assert slow.sequences["one"] == [1, 2]


@asynccontextmanager
async def ended_in_the_middle(point):
    """Reaching a point raises what nobody catches, as the end of a process would."""

    class EndedError(BaseException):
        pass

    def end(reached):
        if reached == point:
            raise EndedError

    points.install(end)
    try:
        with pytest.raises(BaseException) as caught:  # the body is the caller's
            yield
        assert caught.type is EndedError
    finally:
        points.install(None)


@pytest.mark.parametrize("point", ["in relay", "after delivery"])
async def test_what_a_dead_relay_had_begun_is_delivered_by_the_next_at_once(database, point):
    await add_events(database, one=2)
    heard = Heard()
    async with ended_in_the_middle(point):
        await make_relay(database, heard, owner="dead").flush()
    before = len(heard.sequences["one"])
    assert len(await deliveries(database)) == 1
    await make_relay(database, heard, owner="alive").flush()
    assert len(heard.sequences["one"]) == before  # it may yet live
    await make_relay(database, heard, owner="alive", dead={"dead"}).flush()
    assert heard.sequences["one"][before:] == [1, 2]
    assert await unpublished(database) == []


async def test_what_a_silent_relay_had_begun_is_delivered_after_its_time(database):
    await add_events(database, one=2)
    heard = Heard()
    async with ended_in_the_middle("in relay"):
        await make_relay(database, heard, owner="silent").flush()
    other = make_relay(database, heard, owner="another")
    await other.flush()
    assert heard.sequences == {}
    await let_time_pass(database)
    await other.flush()
    assert heard.sequences["one"] == [1, 2]


async def test_many_relays_reorder_nothing(database, database_url):
    runs = {f"run{n}": 20 for n in range(12)}
    await add_events(database, **runs)
    heard = Heard()

    class Yielding(Heard):
        async def deliver(self, event):
            await asyncio.sleep(0)
            heard.sequences[event.execution_id].append(event.sequence)

    async def relay(owner):
        async with await Database.open(database_url) as own:
            relay = make_relay(own, Yielding(), owner=owner)
            stop = asyncio.Event()
            work = asyncio.create_task(relay.run(stop, interval_s=0.01))
            await eventually(lambda: is_all_published(own))
            stop.set()
            await work

    await asyncio.gather(*(relay(f"relay {n}") for n in range(3)))
    assert heard.sequences == {run: list(range(1, 21)) for run in runs}


async def test_it_goes_on_until_it_is_told_to_stop(database):
    heard, stop = Heard(), asyncio.Event()
    work = asyncio.create_task(make_relay(database, heard).run(stop, interval_s=0.01))
    for count in (1, 2, 3):
        await add_events(database, one=1)
        await eventually(lambda: len(heard.sequences["one"]) == count)  # noqa: B023
    stop.set()
    await work
    assert heard.sequences["one"] == [1, 2, 3]


class Broken:
    """A database whose transactions fail."""

    def __init__(self, database, error):
        self._database = database
        self.error = error

    def __getattr__(self, name):
        return getattr(self._database, name)

    def begin(self):
        if self.error is not None:
            raise self.error
        return self._database.begin()


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), RuntimeError("a bug")])
async def test_whatever_goes_wrong_it_tries_again_later(database, error, caplog):
    await add_events(database, one=1)
    heard = Heard()
    broken = Broken(database, error)
    relay = make_relay(broken, heard)
    await relay.flush()
    assert heard.sequences == {}
    assert str(error) in caplog.text
    broken.error = None
    await relay.flush()
    assert heard.sequences == {"one": [1]}
