import asyncio
import json
import threading
import time
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import column, insert, select, table, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from wflo_steps import attempt, code_of, until

from wflo.journal.outcome import LogLine
from wflo.models import CostLine, StatePatch, StepStatus
from wflo.runtime.sql import Sessions


def tells(ctx):
    return [
        ctx.execution_id,
        ctx.step,
        ctx.iteration,
        ctx.attempt,
        ctx.idempotency_key,
        dict(ctx.inputs),
        ctx.cancelled,
    ]


async def test_it_says_which_attempt_this_is():
    code = code_of(tells)
    outcome = await attempt(code, iteration=1, attempt=2, inputs={"a": [1]})
    told = ["run-1", "tells", 1, 2, "run-1/tells/1", {"a": [1]}, False]
    assert json.loads(outcome.result) == told


def changes_inputs(ctx):
    ctx.inputs["a"].append(2)
    ctx.inputs["b"] = 1


async def test_inputs_cannot_be_changed():
    inputs = {"a": [1]}
    outcome = await attempt(code_of(changes_inputs), inputs=inputs)
    assert outcome.failure.kind == "TypeError"
    assert inputs == {"a": [1]}


# -- log -------------------------------------------------------------------------------------------


def logs(ctx, then=None):
    ctx.log.debug("one")
    ctx.log.info("two", n=1, odd={1}, text="\x00", nested={"a": (1,)})
    ctx.log.warning(3)
    ctx.log.error("four")
    if then is not None:
        raise ValueError(then)


async def logs_later(ctx, then=None):
    logs(ctx, then)


@pytest.mark.parametrize("function", [logs, logs_later])
@pytest.mark.parametrize("then", [None, "failure"])
async def test_lines_are_kept_however_it_ends(function, then):
    told, threads = [], set()

    def on_log(line):
        told.append(line)
        threads.add(threading.get_ident())

    before = time.time_ns() // 1000
    outcome = await attempt(code_of(function), inputs={"then": then}, on_log=on_log)
    assert outcome.status is (StepStatus.FAILED if then else StepStatus.COMPLETED)
    assert [line[1:] for line in outcome.logs] == [
        ("debug", "one", {}),
        ("info", "two", {"n": 1, "odd": "{1}", "text": "\\x00", "nested": {"a": [1]}}),
        ("warning", "3", {}),
        ("error", "four", {}),
    ]
    assert all(isinstance(line, LogLine) for line in outcome.logs)
    assert before <= outcome.logs[0].at_us <= time.time_ns() // 1000
    assert tuple(told) == outcome.logs
    assert threads == {threading.get_ident()}  # on the event loop, wherever the function runs


class Unspeakable:
    def __repr__(self):
        raise LookupError


def logs_oddly(ctx):
    ctx.log.info("fields", message="mine", self=1, level="x")
    ctx.log.info("odd", number=10**5000, thing=Unspeakable(), half="\udcff")


async def test_no_field_of_a_line_is_a_reason_to_fail():
    outcome = await attempt(code_of(logs_oddly))
    assert outcome.failure is None
    fields = [line.fields for line in outcome.logs]
    assert fields[0] == {"message": "mine", "self": 1, "level": "x"}
    assert fields[1] == {
        "number": "<int without a repr: ValueError>",
        "thing": "<Unspeakable without a repr: LookupError>",
        "half": "\\udcff",
    }


# -- costs -----------------------------------------------------------------------------------------


def spends(ctx, then=None):
    ctx.add_cost(micro_usd=5, label="a model", input_tokens=10, output_tokens=2)
    ctx.add_cost(micro_usd=0)
    if then is not None:
        raise ValueError(then)


@pytest.mark.parametrize("then", [None, "failure"])
async def test_costs_are_kept_however_it_ends(then):
    outcome = await attempt(code_of(spends), inputs={"then": then})
    line = CostLine(micro_usd=5, label="a model", input_tokens=10, output_tokens=2)
    assert outcome.costs == (line, CostLine(micro_usd=0))


def spends_oddly(ctx, micro_usd):
    ctx.add_cost(micro_usd=micro_usd)


@pytest.mark.parametrize("micro_usd", [-1, 0.5, 10**15 + 1])
async def test_odd_costs_are_refused(micro_usd):
    outcome = await attempt(code_of(spends_oddly), inputs={"micro_usd": micro_usd})
    assert outcome.failure.kind == "ValueError"
    assert outcome.failure.message.startswith("ctx.add_cost: micro_usd: Input should be")
    assert "\n" not in outcome.failure.message


# -- state -----------------------------------------------------------------------------------------


def uses_state(ctx, then=None):
    ctx.state["seen"].append("not kept: it is a copy")
    ctx.state["count"] = ctx.state.get("count", 0) + 1
    value = [1]
    ctx.state["value"] = value
    value.append(2)
    del ctx.state["old"]
    if then is not None:
        raise ValueError(then)
    return [dict(ctx.state), len(ctx.state), list(ctx.state), "old" in ctx.state, repr(ctx.state)]


async def test_state_is_what_was_committed_and_what_it_wrote_itself():
    state = {"seen": [], "old": True}
    outcome = await attempt(code_of(uses_state), state=state)
    now = {"seen": [], "count": 1, "value": [1]}
    assert json.loads(outcome.result) == [now, 3, list(now), False, f"StepState({now!r})"]
    assert outcome.patches == (
        StatePatch(op="set", key="count", value=1),
        StatePatch(op="set", key="value", value=[1]),
        StatePatch(op="delete", key="old"),
    )
    assert state == {"seen": [], "old": True}


async def test_state_of_a_failure_is_lost():
    state = {"seen": [], "old": True}
    outcome = await attempt(code_of(uses_state), state=state, inputs={"then": "failure"})
    assert outcome.failure is not None
    assert outcome.patches == ()


def writes(ctx, kind):
    key, value = {
        "value": ("model", object()),
        "key": (3, 1),
        "empty": ("", 1),
        "long": ("x" * 201, 1),
        "nul": ("a\0", 1),
        "half": ("\udcff", 1),
        "digits": ("n", [10**5000]),
    }[kind]
    ctx.state[key] = value


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("value", "ctx.state['model'] must be JSON: it is of type object, which is not JSON"),
        ("key", "a key of ctx.state is a str of 1 to 200 characters"),
        ("empty", "a key of ctx.state is a str of 1 to 200 characters"),
        ("long", "a key of ctx.state is a str of 1 to 200 characters"),
        (
            "nul",
            "a key of ctx.state is a str without NUL and halves of surrogate pairs, not 'a\\x00'",
        ),
        (
            "half",
            "a key of ctx.state is a str without NUL and halves of surrogate pairs, not '\\udcff'",
        ),
        ("digits", "ctx.state['n'] must be JSON: [0] is an integer of more than 4300 digits"),
    ],
)
async def test_state_that_is_no_json_is_refused_where_it_is_written(kind, message):
    outcome = await attempt(code_of(writes), inputs={"kind": kind})
    assert (outcome.failure.kind, outcome.failure.message) == ("TypeError", message)
    assert "ctx.state[key] = value" in outcome.failure.traceback


def reads_nothing(ctx):
    return ctx.state["nothing"]


def deletes_nothing(ctx):
    del ctx.state["nothing"]


@pytest.mark.parametrize("function", [reads_nothing, deletes_nothing])
async def test_state_that_is_not_there(function):
    outcome = await attempt(code_of(function))
    assert (outcome.failure.kind, outcome.failure.message) == ("KeyError", "'nothing'")


# -- transactions ----------------------------------------------------------------------------------

ORDERS = table("orders", column("n"))


class Ledger:
    """A database, and the transaction of one attempt."""

    def __init__(self, engine):
        self.engine = engine
        self.left = []

    @asynccontextmanager
    async def open(self):
        async with self.engine.connect() as connection:
            try:
                yield connection
            except BaseException as error:
                self.left.append(type(error).__name__)
                raise
            self.left.append(None)
            await connection.commit()

    async def numbers(self):
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(ORDERS.c.n))).scalars())


@pytest.fixture
async def ledger(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    async with engine.begin() as connection:
        await connection.execute(text("create table orders (n integer)"))
    yield Ledger(engine)
    await engine.dispose()


async def orders_later(ctx, n):
    async with ctx.tx() as connection:
        await connection.execute(insert(ORDERS).values(n=n))
        if n == 13:
            raise ValueError(n)


def orders(ctx, n):
    with ctx.tx() as connection:
        connection.execute("insert into orders values (:n)", {"n": n})
        connection.execute(insert(ORDERS), [{"n": n + 1}, {"n": n + 2}])
        rows = connection.execute(select(ORDERS.c.n)).scalars().all()
        if n == 13:
            raise ValueError(n)
    return list(rows)


async def test_async_steps_have_sql(ledger):
    outcome = await attempt(code_of(orders_later), inputs={"n": 1}, open_tx=ledger.open)
    assert outcome.failure is None
    assert await ledger.numbers() == [1]


async def test_plain_steps_have_sql(ledger):
    outcome = await attempt(code_of(orders), inputs={"n": 1}, open_tx=ledger.open)
    assert outcome.result == "[1,2,3]"
    assert ledger.left == [None]
    assert await ledger.numbers() == [1, 2, 3]


@pytest.mark.parametrize("function", [orders, orders_later])
async def test_the_transaction_sees_a_failure_in_its_block(ledger, function):
    outcome = await attempt(code_of(function), inputs={"n": 13}, open_tx=ledger.open)
    assert (outcome.failure.kind, outcome.failure.message) == ("ValueError", "13")
    frames = [line for line in outcome.failure.traceback.splitlines() if "File" in line]
    assert len(frames) == 1 or function is orders_later
    assert ledger.left == ["ValueError"]
    assert await ledger.numbers() == []


async def ends_it(ctx, method):
    async with ctx.tx() as connection:
        await connection.execute(insert(ORDERS).values(n=1))
        await getattr(connection, method)()


@pytest.mark.parametrize("method", ["commit", "rollback", "close", "invalidate"])
async def test_the_transaction_is_not_the_steps_to_end(ledger, method):
    outcome = await attempt(code_of(ends_it), inputs={"method": method}, open_tx=ledger.open)
    assert outcome.failure.kind == "RuntimeError"
    said = f"the connection of ctx.tx() has no {method}(): "
    assert outcome.failure.message.startswith(said)
    assert ledger.left == ["RuntimeError"]
    assert await ledger.numbers() == []


async def uses_all_of_it(ctx):
    async with ctx.tx() as connection:
        async with connection.begin_nested():
            await connection.execute(insert(ORDERS).values(n=1))
        await connection.exec_driver_sql("insert into orders values (2)")
        streamed = await connection.stream_scalars(select(ORDERS.c.n))
        return [n async for n in streamed] + list(await connection.scalars(select(ORDERS.c.n)))


async def test_all_else_of_the_connection_is_sqlalchemys(ledger):
    outcome = await attempt(code_of(uses_all_of_it), open_tx=ledger.open)
    assert outcome.failure is None
    assert outcome.result == "[1,2,1,2]"
    assert await ledger.numbers() == [1, 2]


def executes_too_early(ctx):
    return ctx.tx().execute("select 1")


async def executes_too_early_later(ctx):
    return await ctx.tx().execute(text("select 1"))


@pytest.mark.parametrize("function", [executes_too_early, executes_too_early_later])
async def test_it_is_entered_first(ledger, function):
    outcome = await attempt(code_of(function), open_tx=ledger.open)
    assert outcome.failure.kind == "RuntimeError"
    assert outcome.failure.message.startswith("ctx.tx() is entered first: `with ctx.tx() as conn")


def keeps_the_connection(ctx):
    with ctx.tx() as connection:
        pass
    connection.execute("select 1")


async def test_a_connection_is_over_with_its_block(ledger):
    outcome = await attempt(code_of(keeps_the_connection), open_tx=ledger.open)
    assert outcome.failure.message.startswith("the block of ctx.tx() was left, and its connection")


def selects_nonsense(ctx):
    with ctx.tx() as connection:
        try:
            connection.execute("select nonsense")
        except OperationalError:
            return connection.execute("select 1").scalar()


async def test_an_error_of_the_database_is_raised_where_the_statement_is(ledger):
    outcome = await attempt(code_of(selects_nonsense), open_tx=ledger.open)
    assert outcome.result == "1"


def exits_in_transaction(ctx):
    with ctx.tx():
        raise SystemExit(3)


async def test_an_exit_in_its_block_leaves_the_event_loop_alone(ledger):
    outcome = await attempt(code_of(exits_in_transaction), open_tx=ledger.open)
    assert outcome.failure.kind == "SystemExit"
    assert ledger.left == ["SystemExit"]


@asynccontextmanager
async def broken_at_once():
    raise ConnectionError("no database")
    yield


@asynccontextmanager
async def broken_at_its_end():
    yield None
    raise ConnectionError("no database any more")


def only_enters(ctx):
    with ctx.tx():
        pass


@pytest.mark.parametrize("open_tx", [broken_at_once, broken_at_its_end])
async def test_errors_of_the_transaction_itself_are_raised_in_the_step(open_tx):
    outcome = await attempt(code_of(only_enters), open_tx=open_tx)
    assert outcome.failure.kind == "ConnectionError"
    assert "with ctx.tx():" in outcome.failure.traceback


def enters_wrongly(ctx):
    asyncio.run(enters_wrongly_later(ctx))


async def enters_wrongly_later(ctx):
    async with ctx.tx():
        raise AssertionError


async def blocks_the_loop(ctx):
    with ctx.tx():
        raise AssertionError


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (enters_wrongly, "a plain step enters its transaction by `with ctx.tx() as connection:`"),
        (blocks_the_loop, "an async step enters its transaction by `async with ctx.tx() as conn"),
    ],
)
async def test_each_kind_of_step_has_its_way_to_enter(ledger, function, message):
    outcome = await attempt(code_of(function), open_tx=ledger.open)
    assert outcome.failure.message.startswith(message)


@pytest.mark.parametrize("function", [only_enters, enters_wrongly_later])
async def test_an_engine_may_lend_none(function):
    outcome = await attempt(code_of(function))
    assert outcome.failure.kind == "wflo.errors.NotSupported"
    assert "not to be had here: this engine lends no transaction" in outcome.failure.message


class Late:
    """What a thread does after its attempt was given up."""

    def __init__(self):
        self.may_go_on = threading.Event()
        self.over = threading.Event()
        self.raised = []

    def note(self, function, *arguments):
        try:
            function(*arguments)
        except RuntimeError as error:
            self.raised.append(str(error))


LATE = {}


def goes_on(ctx, key):
    late = LATE[key]
    context = ctx.tx()
    unused = ctx.tx()
    connection = context.__enter__()
    connection.execute("insert into orders values (1)")
    assert late.may_go_on.wait(30)
    late.note(connection.execute, "insert into orders values (2)")
    late.note(context.__exit__, None, None, None)
    late.note(unused.__enter__)
    late.note(ctx.tx)
    late.over.set()


async def test_nothing_can_be_written_once_the_attempt_is_over(ledger):
    late = LATE["key"] = Late()
    code = code_of(goes_on, timeout_s=0.2)
    outcome = await attempt(code, inputs={"key": "key"}, open_tx=ledger.open)
    assert outcome.failure.kind == "wflo.errors.StepTimeout"
    assert ledger.left == ["CancelledError"]
    late.may_go_on.set()
    await until(late.over.is_set)
    assert late.raised == ["the attempt is over, and its transaction with it"] * 4
    assert await ledger.numbers() == []


class Slow:
    """A connection whose statements take for ever."""

    def __init__(self):
        self.executing = asyncio.Event()

    @asynccontextmanager
    async def open(self):
        yield self

    async def execute(self, statement, parameters):
        self.executing.set()
        await asyncio.Event().wait()


async def test_statements_end_with_the_attempt():
    slow, late = Slow(), Late()
    sessions = Sessions(slow.open, asyncio.get_running_loop())
    block = sessions()
    connection = await asyncio.to_thread(block.__enter__)
    under_way, waiting = (
        asyncio.create_task(asyncio.to_thread(late.note, connection.execute, statement))
        for statement in ("select 1", "select 2")
    )
    await slow.executing.wait()
    await until(lambda: not block._jobs.empty())
    await sessions.close()
    await asyncio.gather(under_way, waiting)
    assert late.raised == ["the attempt is over, and its transaction with it"] * 2


async def test_an_attempt_may_be_over_before_its_transaction_has_begun():
    begun = asyncio.Event()

    @asynccontextmanager
    async def never():
        begun.set()
        await asyncio.Event().wait()
        yield

    late = Late()
    sessions = Sessions(never, asyncio.get_running_loop())
    entering = asyncio.create_task(asyncio.to_thread(late.note, sessions().__enter__))
    await begun.wait()
    await sessions.close()
    await entering
    assert late.raised == ["the attempt is over, and its transaction with it"]
