"""Where the steps of a workflow are drawn."""

import math
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wflo.cli.graph import layout
from wflo.models import WorkflowDefinition, WorkflowStep
from wflo.plan import make_plan


def plan(**needs):
    steps = tuple(
        WorkflowStep(id=step, depends_on=tuple(names.split())) for step, names in needs.items()
    )
    return make_plan(WorkflowDefinition(name="w", steps=steps))


def drawn(**needs):
    lines = []
    for placed in layout(plan(**needs)):
        joins = f"  <- {', '.join(placed.joins)}" if placed.joins else ""
        lines.append(f"{placed.indent}{placed.step.id}{joins}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": ""}, "a"),
        ({"a": "", "b": "a", "c": "b"}, "a\nb\nc"),
        ({"b": "a", "a": ""}, "a\nb"),
        (
            {"a": "", "b": "a", "c": "a", "d": "b c"},
            """
            a
            ├─ b
            └─ c
            d  <- b, c
            """,
        ),
        (
            {"a": "", "b": "a", "b2": "b", "c": "a", "c2": "c", "d": "b2 c2", "e": "d"},
            """
            a
            ├─ b
            │  b2
            └─ c
               c2
            d  <- b2, c2
            e
            """,
        ),
        (
            {"a": "", "b": "", "c": "a b"},
            """
            ├─ a
            └─ b
            c  <- a, b
            """,
        ),
        (  # what is waited for anyway is not drawn
            {"a": "", "b": "a", "c": "a b", "d": "c a b"},
            "a\nb\nc\nd",
        ),
        (  # most of what follows goes straight on
            {"a": "", "log": "a", "b": "a", "c": "b", "d": "c"},
            """
            a
            └─ log
            b
            c
            d
            """,
        ),
        (  # a join inside of a branch stays there
            {"a": "", "b": "a", "c": "b", "d": "b", "e": "c d", "f": "a", "g": "e f"},
            """
            a
            ├─ b
            │  ├─ c
            │  └─ d
            │  e  <- c, d
            └─ f
            g  <- e, f
            """,
        ),
    ],
)
def test_the_drawing(needs, expected):
    assert drawn(**needs) == dedent(expected).strip("\n")


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 30))
    return {
        f"s{number}": " ".join(
            f"s{other}" for other in sorted(draw(st.sets(st.integers(0, number - 1), max_size=4)))
        )
        if number
        else ""
        for number in range(count)
    }


@settings(deadline=None)
@given(graphs())
def test_each_step_is_drawn_once_below_all_that_it_waits_for(needs):
    ids = [placed.step.id for placed in layout(plan(**needs))]
    assert sorted(ids) == sorted(needs)
    for step, names in needs.items():
        assert all(ids.index(name) < ids.index(step) for name in names.split())


@settings(deadline=None)
@given(st.integers(1, 400), st.randoms(use_true_random=False))
def test_without_joins_the_drawing_is_narrow(count, random):
    needs = {f"s{n}": f"s{random.randrange(n)}" if n else "" for n in range(count)}
    deepest = max(len(placed.indent) // 3 for placed in layout(plan(**needs)))
    assert deepest <= math.log2(count) + 1


def test_a_deep_graph_is_no_trouble():
    needs = {"s0": "", "t0": "s0"}
    for number in range(1, 1500):
        needs[f"s{number}"] = f"s{number - 1}"
        needs[f"t{number}"] = f"t{number - 1} s{number}"
    assert len(layout(plan(**needs))) == 3000
