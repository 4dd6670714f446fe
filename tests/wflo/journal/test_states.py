"""The state of a run, folded from its patches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wflo_rows import add_execution, add_workflow

from wflo.journal.blobs import MAX_INLINE
from wflo.journal.states import (
    add_patches,
    add_snapshot,
    patches_between,
    snapshots_of,
    state_at,
)
from wflo.models import StatePatch

LONG = "x" * (MAX_INLINE + 1)


def setting(key, value):
    return StatePatch(op="set", key=key, value=value)


def removing(key):
    return StatePatch(op="delete", key=key)


@pytest.fixture
async def run(database):
    async with database.begin() as conn:
        await add_execution(conn, "run", await add_workflow(conn))
        await add_execution(conn, "other", 1)
        await add_patches(conn, "other", 1, [setting("a", "of another run")])
    return database


async def test_patches_apply_in_order_also_within_one_entry(run):
    async with run.begin() as conn:
        await add_patches(conn, "run", 2, [setting("a", 1), setting("b", 2)], "fetch", 0)
        await add_patches(conn, "run", 5, [setting("a", 3), removing("b"), setting("a", 4)])
        assert await state_at(conn, "run") == {"a": 4}


async def test_every_point_can_be_read_later(run):
    async with run.begin() as conn:
        await add_patches(conn, "run", 2, [setting("a", 1)])
        await add_patches(conn, "run", 5, [removing("a"), setting("b", None)])
        await add_patches(conn, "run", 7, [setting("a", [{"c": LONG}])])
        states = [await state_at(conn, "run", point) for point in (0, 1, 2, 4, 5, 6, 7, 99)]
    assert states == [
        {},
        {},
        {"a": 1},
        {"a": 1},
        {"b": None},
        {"b": None},
        {"a": [{"c": LONG}], "b": None},
        {"a": [{"c": LONG}], "b": None},
    ]


async def test_no_patches_write_nothing(run):
    async with run.begin() as conn:
        await add_patches(conn, "run", 1, [])
        assert await state_at(conn, "run") == {}


def test_what_makes_one_state_the_other():
    old = {"same": [1], "number": 1, "gone": None}
    new = {"same": [1], "number": 1.5, "added": {}}
    assert patches_between(old, new) == [
        setting("added", {}),
        removing("gone"),
        setting("number", 1.5),
    ]
    assert patches_between(old, old) == []


def test_true_is_not_one():
    assert patches_between({"a": 1}, {"a": True}) == [setting("a", True)]


values = st.none() | st.booleans() | st.integers(-3, 3) | st.lists(st.integers(0, 2), max_size=2)
states = st.dictionaries(st.sampled_from("abcd"), values)


@settings(deadline=None)
@given(states, states)
def test_patches_lead_from_any_state_to_any(old, new):
    state = dict(old)
    for patch in patches_between(old, new):
        if patch.op == "set":
            state[patch.key] = patch.value
        else:
            del state[patch.key]
    assert state == new


async def test_snapshots_are_points_with_names(run):
    async with run.begin() as conn:
        first = await add_snapshot(conn, "run", sequence=3, label="before", now_us=1)
        second = await add_snapshot(conn, "run", sequence=5, label="", now_us=2)
        assert await snapshots_of(conn, "run") == [first, second]
        assert await snapshots_of(conn, "other") == []
    assert (first.sequence, first.label, first.execution_id) == (3, "before", "run")
    assert first.id < second.id
