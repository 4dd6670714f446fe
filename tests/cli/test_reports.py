"""When a plain line about parallel runs is due, and what it says."""

from threading import Event

import pytest

from kohakuengine.config import Config
from kohakuengine.engine.script import Script
from kohakuengine.errors import RunFailed
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.reports import Reports
from kohakuengine_cli.tally import Tally
from kohakuengine_cli.ticker import Ticker


class Flow:
    def __init__(self, clock, total, workers=2):
        self.clock = clock
        self.script = Script("script.py")
        self.tally = Tally()
        self.reports = Reports(self.tally, grace_s=5.0, workers=workers)
        for listener in (self.tally, self.reports):
            listener.flow_started(total)
        self.index = 0
        self.begin()

    def begin(self):
        self.tally.run_started(RunSpec(self.index, self.script, Config()))

    def end(self, status=RunStatus.SUCCESS):
        error = None if status is RunStatus.SUCCESS else RunFailed("no")
        self.tally.run_finished(RunResult(self.index, self.script, None, status, error=error))
        self.index += 1
        self.begin()

    def wait(self, seconds):
        for _ in range(int(seconds * 5)):
            self.clock[0] += 0.2
            self.reports.tick()


@pytest.fixture
def flow(monkeypatch, write):
    write(script="")
    clock = [1000.0]
    monkeypatch.setattr("kohakuengine_cli.tally.monotonic", lambda: clock[0])
    monkeypatch.setattr("kohakuengine_cli.reports.monotonic", lambda: clock[0])
    return lambda *arguments, **options: Flow(clock, *arguments, **options)


@pytest.fixture
def said(capsys):
    def lines():
        return capsys.readouterr().err.splitlines()

    return lines


def test_it_begins_with_how_many_there_are(flow, said):
    flow(100)
    flow(None, workers=None)
    flow(1)
    assert said() == ["100 runs, 2 at a time.", "Runs, as many as there are CPUs at a time."]


def test_a_line_is_due_for_each_tenth(flow, said):
    playing = flow(100)
    for _ in range(100):
        playing.wait(1)
        playing.end()
    lines = said()[1:]
    assert len(lines) == 9
    assert lines[0] == "10/100 runs done (10%), 1.0/s, after 10 s, some 90 s left"


def test_quick_runs_have_few_lines(flow, said):
    playing = flow(1000)
    for _ in range(1000):
        playing.clock[0] += 0.01
        playing.end()
        playing.reports.tick()
    assert len(said()) <= 6


def test_slow_runs_have_a_line_now_and_then_and_less_and_less_often(flow, said):
    playing = flow(None)
    playing.wait(3600)
    lines = said()[1:]
    assert lines[0] == "0 runs done, after 30 s"
    assert 30 < len(lines) < 45
    playing.wait(3600)
    assert len(said()) < 10


def test_failures_and_retries_are_counted(flow, said):
    playing = flow(10)
    playing.tally.retried = 3
    playing.end(RunStatus.FAILED)
    playing.wait(3)
    assert said()[1].startswith("1/10 runs done (10%), 1 failed, 3 retried, ")


def test_being_told_to_stop_is_said_once_each_time(flow, said):
    playing = flow(10)
    playing.tally.interrupted()
    playing.wait(60)
    playing.tally.interrupted()
    playing.wait(60)
    assert said()[1:] == [
        "Stopping: waiting up to 5 s for 1 run; press Ctrl-C again to kill it.",
        "Stopping: killing 1 run.",
    ]


def test_where_nothing_runs_any_more_there_is_nothing_to_say(flow, said):
    playing = flow(10)
    playing.tally.running.clear()
    playing.tally.interrupted()
    playing.wait(60)
    assert len(said()) == 1


def test_a_terminal_that_has_gone_ends_the_calls():
    called = Event()

    def fail():
        called.set()
        raise OSError

    with Ticker(0.001, fail) as ticker:
        assert called.wait(10)
        ticker._thread.join(10)
        assert not ticker._thread.is_alive()
