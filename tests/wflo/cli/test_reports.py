"""How a run goes, in plain lines."""

import pytest

from wflo.cli import reports
from wflo.cli.board import Shown
from wflo.cli.reports import Reports
from wflo.cli.steps import StepView
from wflo.models import ExecutionStatus, StepStatus

DONE, RUNNING, FAILED = StepStatus.COMPLETED, StepStatus.RUNNING, StepStatus.FAILED


def shown(notes=None, news=(), **views):
    return Shown("run", ExecutionStatus.RUNNING, views, 0, notes=notes or {}, news=news)


def ended(status, counts=None, attempts=1):
    return StepView(status, counts or {status: 1}, None, attempts, 1_000_000, 3_500_000)


def test_a_step_is_told_of_when_it_has_ended_and_once():
    told = Reports()
    assert list(told.lines(shown(a=StepView(), b=StepView()))) == []
    assert list(told.lines(shown(a=StepView(RUNNING, {RUNNING: 1}, None, 1)))) == []
    assert list(told.lines(shown(a=ended(DONE)))) == ["a: completed in 2.5 s"]
    assert list(told.lines(shown(a=ended(DONE)))) == []


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (StepView(StepStatus.SKIPPED, {StepStatus.SKIPPED: 1}), "a: skipped"),
        (ended(FAILED, attempts=3), "a: failed in 2.5 s (attempt 3): KeyError: x"),
        (ended(DONE, {DONE: 5}), "a: completed in 2.5 s (5 iterations)"),
        (
            ended(FAILED, {DONE: 5, FAILED: 2}, attempts=2),
            "a: failed in 2.5 s (7 iterations, 2 of them failed, up to 2 attempts): KeyError: x",
        ),
        (StepView(StepStatus.WAITING, {StepStatus.WAITING: 1}), "a: waiting: KeyError: x"),
    ],
)
def test_what_is_told_of_a_step(view, line):
    assert list(Reports().lines(shown(a=view, notes={"a": "KeyError: x"}))) == [line]


def test_news_come_first():
    told = Reports()
    news = ["b: attempt 1: KeyError: x; again at once"]
    assert list(told.lines(shown(a=ended(DONE), news=news))) == [*news, "a: completed in 2.5 s"]


def test_how_far_a_map_is_is_told_now_and_then(monkeypatch):
    now = 0.0
    monkeypatch.setattr(reports, "monotonic", lambda: now)
    told = Reports()
    lines = []
    for second in range(14):
        now = float(second)
        view = StepView(RUNNING, {DONE: second, RUNNING: 1}, 40, 1)
        lines += told.lines(shown(a=view))
    assert lines == ["a: 6/40", "a: 11/40"]
