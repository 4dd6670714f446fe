"""The state of runs, from outside."""

import asyncio
import json

import pytest
from sqlalchemy import select
from wflo_rows import add_execution, add_workflow

from wflo import StateManager, Workflow, WorkflowContext, WorkflowManager
from wflo.db.tables import audit, executions, outbox
from wflo.errors import ExecutionNotFound, InputError, SnapshotNotFound
from wflo.journal.states import add_patches
from wflo.models import StatePatch, WorkflowState

wf = Workflow("w")
events = {}  # of the test's loop


@wf.step()
async def first(ctx: WorkflowContext) -> None:
    ctx.state["first"] = "of the step"
    events["begun"].set()
    await events["may end"].wait()


@wf.step(depends_on=["first"])
async def second(ctx: WorkflowContext) -> dict:
    return dict(ctx.state)


@pytest.fixture
async def run(database):
    """A run whose journal has four entries; its second one set the state."""
    async with database.begin() as conn:
        await add_execution(conn, "run", await add_workflow(conn), sequence=4)
        await add_execution(conn, "other", 1)
        patch = StatePatch(op="set", key="seen", value=3)
        await add_patches(conn, "run", 2, [patch], "fetch", 0)
    return "run"


@pytest.fixture
def states(database):
    return StateManager(database, actor="ada")


async def rows(database, table):
    async with database.read() as conn:
        return (await conn.execute(select(table))).mappings().all()


async def test_a_state_is_read_as_it_is_now(states, run):
    assert await states.load_state(run) == WorkflowState(
        execution_id="run", sequence=4, data={"seen": 3}
    )


async def test_a_state_is_read_as_it_was(states, run):
    assert (await states.load_state(run, at=1)).data == {}
    assert await states.load_state(run, at=2) == WorkflowState(
        execution_id="run", sequence=2, data={"seen": 3}
    )


@pytest.mark.parametrize("point", [-1, 5])
async def test_a_point_that_is_not_there_yet_is_refused(states, run, point):
    with pytest.raises(InputError, match=rf"points 0 to 4, not {point}"):
        await states.load_state(run, at=point)


async def test_saving_adds_what_differs_to_the_journal(states, run, database):
    saved = await states.save_state(run, {"seen": 3, "new": (1, {"a": None})})
    assert saved == WorkflowState(
        execution_id="run", sequence=5, data={"seen": 3, "new": [1, {"a": None}]}
    )
    assert await states.load_state(run) == saved
    [event] = await rows(database, outbox)
    assert (event["sequence"], event["type"], event["step"]) == (5, "state.saved", None)
    assert json.loads(event["payload"]) == {"keys": ["new"]}
    [entry] = await rows(database, audit)
    assert (entry["execution_id"], entry["actor"], entry["action"]) == ("run", "ada", "state.saved")
    assert json.loads(entry["detail"]) == {"keys": ["new"]}


async def test_saving_removes_what_is_not_there(states, run):
    assert (await states.save_state(run, {})).data == {}
    assert (await states.load_state(run)).data == {}
    assert (await states.load_state(run, at=4)).data == {"seen": 3}


async def test_saving_what_is_there_already_writes_nothing(states, run, database):
    assert (await states.save_state(run, {"seen": 3})).sequence == 4
    assert await rows(database, outbox) == []
    assert await rows(database, audit) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({1: 2}, "a key of the state is a text of 1 to 200 characters, not 1"),
        ({"": 2}, "not ''"),
        ({"x" * 201: 2}, "not 'xxx"),
        ({"a\x00": 2}, "not 'a"),
        ({"a": {1}}, "the state's 'a' cannot be kept: it is of type set, which is not JSON"),
        ({"a": [float("nan")]}, r"the state's 'a' cannot be kept: \[0\] is nan"),
        (
            {"a": 10**5000},
            "the state's 'a' cannot be kept: it is an integer of more than 4300 digits",
        ),
    ],
)
async def test_what_cannot_be_kept_is_named_and_nothing_is_written(states, run, data, message):
    with pytest.raises(InputError, match=message):
        await states.save_state(run, data)
    assert (await states.load_state(run)).sequence == 4


async def test_a_snapshot_is_a_point_and_never_a_copy(states, run, database):
    snapshot = await states.create_snapshot(run, "before")
    assert (snapshot.execution_id, snapshot.sequence, snapshot.label) == ("run", 4, "before")
    async with database.read() as conn:
        sequence = await conn.scalar(select(executions.c.sequence).where(executions.c.id == run))
    assert sequence == 4


async def test_a_snapshot_is_restored_by_adding_to_the_journal(states, run, database):
    before = await states.create_snapshot(run)
    await states.save_state(run, {"other": 1})
    restored = await states.restore_snapshot(run, before.id)
    assert restored == WorkflowState(execution_id="run", sequence=6, data={"seen": 3})
    assert await states.load_state(run) == restored
    assert (await states.load_state(run, at=5)).data == {"other": 1}
    event = (await rows(database, outbox))[-1]
    assert event["type"] == "state.restored"
    assert json.loads(event["payload"]) == {"keys": ["other", "seen"], "snapshot": before.id}


async def test_snapshots_are_listed_in_order(states, run):
    made = [await states.create_snapshot(run, label) for label in ("a", "b")]
    assert await states.get_snapshots(run) == made
    assert await states.get_snapshots("other") == []


async def test_a_snapshot_belongs_to_its_run(states, run):
    snapshot = await states.create_snapshot("other")
    with pytest.raises(SnapshotNotFound, match=r"'run' has no snapshot \d+; it has none"):
        await states.restore_snapshot(run, snapshot.id)


async def test_a_label_that_is_too_long_is_refused(states, run):
    with pytest.raises(InputError, match="up to 200 characters; this one has 201"):
        await states.create_snapshot(run, "x" * 201)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("save_state", ({"a": 1},)),
        ("load_state", ()),
        ("create_snapshot", ()),
        ("restore_snapshot", (1,)),
        ("get_snapshots", ()),
    ],
)
async def test_a_run_that_does_not_exist_is_named(states, run, method, arguments):
    with pytest.raises(ExecutionNotFound, match="no execution 'rum'; did you mean 'run'"):
        await getattr(states, method)("rum", *arguments)
    for odd in ("", "a\x00", "\udcff"):
        with pytest.raises(ExecutionNotFound, match=r"^there is no execution"):
            await getattr(states, method)(odd, *arguments)


async def test_who_did_it_is_the_user_of_the_process(database, run, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "grace")
    await StateManager(database).save_state(run, {})
    [entry] = await rows(database, audit)
    assert entry["actor"].startswith("grace@")


async def test_a_user_without_a_name_is_unknown(database, run, monkeypatch):
    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)  # as in a container
    await StateManager(database).save_state(run, {})
    [entry] = await rows(database, audit)
    assert entry["actor"].startswith("unknown@")


async def test_a_run_that_goes_on_sees_what_was_set_from_outside(database):
    events.update({name: asyncio.Event() for name in ("begun", "may end")})
    states = StateManager(database)
    async with asyncio.timeout(60), WorkflowManager(database) as manager:
        running = asyncio.create_task(manager.execute_workflow(wf, execution_id="one"))
        await events["begun"].wait()
        await states.save_state("one", {"first": "from outside", "other": 1})
        events["may end"].set()
        assert (await running).output == {"first": "of the step", "other": 1}
        async with database.read() as conn:
            sequences = (await conn.execute(select(outbox.c.sequence))).scalars().all()
    assert sorted(sequences) == list(range(1, len(sequences) + 1))


async def test_it_opens_the_database_of_its_settings_and_closes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = await wf_of_one.run()
    async with StateManager() as states:
        assert (await states.load_state(run.id)).data == {"seen": 1}
    assert (await states.load_state(run.id)).data == {"seen": 1}  # it is opened again
    await states.close()


wf_of_one = Workflow("one")


@wf_of_one.step()
async def note(ctx: WorkflowContext) -> None:
    ctx.state["seen"] = 1
