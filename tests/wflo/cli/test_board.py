"""A run, drawn."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wflo.cli.board import Board, Shown, chosen_places
from wflo.cli.paint import painted, plain_text
from wflo.cli.steps import StepView, step_views
from wflo.cli.texts import cells
from wflo.journal.queries import StepCounts
from wflo.models import (
    ExecutionStatus,
    LoopSpec,
    MapSpec,
    StepStatus,
    WorkflowDefinition,
    WorkflowStep,
)
from wflo.plan import make_plan

SECOND = 1_000_000
NOW = 100 * SECOND


def plan(*steps):
    made = [step if isinstance(step, WorkflowStep) else WorkflowStep(**step) for step in steps]
    return make_plan(WorkflowDefinition(name="report", steps=tuple(made)))


def chain(*ids):
    return plan(
        *(
            {"id": step, "depends_on": ids[place - 1 : place] if place else ()}
            for place, step in enumerate(ids)
        )
    )


def counts(step, status, iterations=1, attempts=1, size=None, started_s=90, ended_s=None):
    ended_us = None if ended_s is None else ended_s * SECOND
    started_us = None if started_s is None else started_s * SECOND
    return StepCounts(step, status, iterations, attempts, size, started_us, ended_us)


def shown(plan, *rows, status="running", sizes=None, **more):
    return Shown(
        execution_id="run",
        status=ExecutionStatus(status),
        views=step_views(plan, rows, sizes or {}),
        now_us=NOW,
        started_at_us=90 * SECOND,
        **more,
    )


def lines(plan, seen, *, symbols=True, width=100, height=40, tick=0):
    board = Board(plan, symbols=symbols)
    return [plain_text(line) for line in board.lines(seen, width=width, height=height, tick=tick)]


def test_a_run_that_has_not_begun():
    abc = chain("a", "b", "c")
    seen = shown(abc, status="pending")._replace(started_at_us=None)
    assert lines(abc, seen) == ["report 1  run  pending  0/3 steps", "· a", "· b", "· c"]


def test_how_far_each_step_is():
    steps = chain(*"abcdefgh")
    seen = shown(
        steps,
        counts("a", "completed", ended_s=95, attempts=3),
        counts("b", "running", attempts=2),
        counts("c", "ready", attempts=0, started_s=None),
        counts("d", "waiting", started_s=None),
        counts("e", "failed", ended_s=91),
        counts("f", "skipped", started_s=None, ended_s=91),
        counts("g", "blocked", started_s=None, ended_s=91),
        counts("h", "cancelled", ended_s=92),
        notes={
            "a": "not said",
            "b": "KeyError: x",
            "d": "until 12:00",
            "e": "ValueError: y",
        },
        cost_micro_usd=1_500_000,
    )
    assert lines(steps, seen) == [
        "report 1  run  running  5/8 steps  10.0 s  $1.50",
        "✓ a     5.0 s  attempt 3",
        "⠋ b    10.0 s  attempt 2  KeyError: x",
        "○ c",
        "◷ d            waiting  until 12:00",
        "✗ e     1.0 s  failed  ValueError: y",
        "– f            skipped",  # noqa: RUF001 # the symbol
        "⊘ g            blocked",
        "⊘ h     2.0 s  cancelled",
    ]


def test_a_step_that_waits_for_its_next_attempt_says_why():
    one = chain("a")
    seen = shown(one, counts("a", "ready", attempts=1), notes={"a": "KeyError: x"})
    assert lines(one, seen)[1] == "○ a    10.0 s  to be tried again  KeyError: x"


def test_ascii_is_enough():
    graph = plan(
        {"id": "a"},
        {"id": "b", "depends_on": ["a"], "map": MapSpec(over="a")},
        {"id": "c", "depends_on": ["a"]},
        {"id": "d", "depends_on": ["b", "c"]},
    )
    seen = shown(
        graph,
        counts("a", "completed", size=4, ended_s=91),
        counts("b", "completed", 2),
        counts("b", "running", 2),
        counts("c", "running"),
    )
    assert lines(graph, seen, symbols=False, tick=1) == [
        "report 1  run  running  1/4 steps  10.0 s",
        "+ a        1.0 s",
        "|- / b    10.0 s  ========--------  2/4  2 running",
        "`- / c    10.0 s",
        ". d               <- b, c",
    ]
    assert all(line.isascii() for line in lines(graph, seen, symbols=False, width=20))


def test_a_map_says_how_many_items_it_has_done():
    graph = plan({"id": "a"}, {"id": "b", "map": MapSpec(over="a")})
    seen = shown(
        graph,
        counts("a", "completed", size=40, ended_s=91),
        counts("b", "completed", 11),
        counts("b", "skipped", 1),
        counts("b", "failed", 1),
        counts("b", "running", 3),
        counts("b", "ready", 2),
    )
    assert lines(graph, seen)[2] == ("⠋ b    10.0 s  ━━━━━───────────  13/40  3 running  1 failed")


def test_a_map_that_is_over_needs_no_bar():
    graph = plan({"id": "b", "map": MapSpec(over="pages")})
    seen = shown(graph, counts("b", "completed", 3, ended_s=92), sizes={"pages": 3})
    assert lines(graph, seen)[1] == "✓ b     2.0 s  3/3"


def test_a_loop_says_which_iteration_it_is():
    graph = plan({"id": "b", "loop": LoopSpec(max_iterations=9)})
    seen = shown(graph, counts("b", "completed", 3, ended_s=92), counts("b", "running"))
    assert lines(graph, seen)[1] == "⠋ b    10.0 s  iteration 4"


def test_lines_are_no_longer_than_the_terminal():
    steps = chain("a" * 90, "b")
    seen = shown(
        steps,
        counts("b", "running"),
        notes={"b": "ValueError: " + "日" * 100},
    )
    for width in (20, 60, 100):
        assert all(cells(line) <= width for line in lines(steps, seen, width=width))
    assert lines(steps, seen, width=30)[1] == "· " + "a" * 15 + "…"


def test_on_a_narrow_terminal_names_leave_room_for_the_rest():
    steps = chain("a" * 40, "b")
    seen = shown(steps, counts("b", "running", attempts=2), notes={"b": "ValueError: no luck"})
    assert lines(steps, seen, width=60)[1:] == [
        "· " + "a" * 25 + "…",
        "⠋ b" + " " * 29 + "10.0 s  attempt 2  ValueErr…",
    ]


def test_where_there_is_no_room_the_steps_are_shown_where_something_happens():
    steps = chain(*(f"s{number}" for number in range(10)))
    seen = shown(
        steps,
        *(counts(f"s{number}", "completed", ended_s=91) for number in range(4)),
        counts("s4", "running"),
    )
    assert lines(steps, seen, height=6) == [
        "report 1  run  running  4/10 steps  10.0 s",
        "… 4 done",
        "⠋ s4    10.0 s",
        "· s5",
        "· s6",
        "… 3 to come",
    ]


def test_what_is_left_out_may_be_both():
    steps = chain(*(f"s{number}" for number in range(9)))
    seen = shown(steps, counts("s0", "running"), counts("s4", "completed"), counts("s8", "running"))
    assert lines(steps, seen, height=4)[2] == "… 1 done, 6 to come"


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=50), st.integers(2, 30))
def test_what_is_shown_fits_and_says_what_is_left_out(importance, room):
    chosen = chosen_places(importance, room)
    edges = [-1, *chosen, len(importance)]
    gaps = sum(after - before > 1 for before, after in pairwise(edges))
    assert chosen == sorted(set(chosen))
    assert len(chosen) + gaps <= max(room, 3)
    assert len(chosen) == len(importance) or max(importance) in {importance[c] for c in chosen}


def test_colours_are_those_of_a_terminal_and_widths_do_not_count_them():
    one = chain("a")
    line = Board(one, symbols=True).lines(shown(one), width=100, height=9)[0]
    text = painted(line, colours=True)
    assert text.startswith("\x1b[1mreport\x1b[0m 1")
    assert painted(line, colours=False) == plain_text(line)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], StepView()),
        (
            [counts("a", "completed", ended_s=95)],
            StepView(
                StepStatus.COMPLETED,
                {StepStatus.COMPLETED: 1},
                None,
                1,
                90 * SECOND,
                95 * SECOND,
            ),
        ),
        (
            [
                counts("a", "completed", 2, ended_s=95),
                counts("a", "failed", ended_s=93, attempts=4),
            ],
            StepView(
                StepStatus.FAILED,
                {StepStatus.COMPLETED: 2, StepStatus.FAILED: 1},
                None,
                4,
                90 * SECOND,
                95 * SECOND,
            ),
        ),
        (
            [counts("a", "failed", ended_s=93), counts("a", "ready", 2, attempts=0)],
            StepView(
                StepStatus.READY, {StepStatus.FAILED: 1, StepStatus.READY: 2}, None, 1, 90 * SECOND
            ),
        ),
    ],
)
def test_a_step_as_a_whole(rows, expected):
    assert step_views(chain("a"), rows, {}) == {"a": expected}
    assert step_views(chain("a"), rows, {})["a"].done == expected.counts.get("completed", 0)
