"""How far a flow of parallel runs is."""

import pytest

from kohakuengine.config import Config
from kohakuengine.engine.script import Script
from kohakuengine.errors import RunFailed
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.tally import Tally


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("kohakuengine_cli.tally.monotonic", lambda: now[0])
    return now


@pytest.fixture
def tally(clock):
    return Tally()


@pytest.fixture
def end(write, tally):
    """End a run of the flow."""
    write(script="")
    script = Script("script.py")

    def run(index, status=RunStatus.SUCCESS, **options):
        tally.run_started(RunSpec(index, script, Config()))
        tally.run_finished(RunResult(index, script, Config(), status, **options))

    return run


def test_before_the_first_end_nobody_can_tell_a_rate(tally, clock):
    tally.flow_started(10)
    clock[0] += 5
    assert (tally.rate(), tally.left_s(clock[0])) == (None, None)


def test_time_counts_from_the_start_of_the_flow(tally, clock, end):
    clock[0] += 100
    tally.flow_started(10)
    clock[0] += 5
    end(0)
    assert tally.rate() == pytest.approx(0.2)
    assert tally.left_s(clock[0]) == pytest.approx(45)


def test_the_time_left_shrinks_while_long_runs_go_on(tally, clock, end):
    tally.flow_started(4)
    clock[0] += 3600
    end(0)
    end(1)
    assert tally.left_s(clock[0]) == pytest.approx(3600)
    assert tally.left_s(clock[0] + 1800) == pytest.approx(1800)
    assert tally.left_s(clock[0] + 7200) == 0


def test_of_an_unknown_number_of_runs_there_is_a_rate_but_no_end(tally, clock, end):
    tally.flow_started(None)
    clock[0] += 1
    end(0)
    assert (tally.rate(), tally.left_s(clock[0])) == (1.0, None)


def test_the_rate_is_that_of_late(tally, clock, end):
    tally.flow_started(1000)
    for index in range(100):
        clock[0] += 10.0 if index < 10 else 1.0
        end(index)
    assert tally.rate() == pytest.approx(1.0)


def test_failures_are_counted_by_kind_and_cancelled_runs_are_none(tally, end):
    tally.flow_started(4)
    error = RunFailed("no", kinds=("ValueError", "Exception"), where="script.py:1")
    end(0, RunStatus.FAILED, error=error, log_path="/logs/flow/0.log")
    end(1, RunStatus.FAILED, error=error, log_path="/logs/flow/1.log")
    end(2, RunStatus.TIMEOUT)
    end(3, RunStatus.CANCELLED)
    assert (tally.done, tally.failed, tally.log_dir) == (4, 3, "/logs/flow")
    assert [(group.kind.kind, group.count) for group in tally.failures] == [
        ("ValueError", 2),
        ("timeout", 1),
    ]


def test_a_run_that_waits_for_its_next_attempt_does_not_run(tally, write):
    write(script="")
    script = Script("script.py")
    tally.run_started(RunSpec(0, script))
    assert list(tally.running) == [0]
    tally.run_retried(RunResult(0, script, None, RunStatus.FAILED))
    assert (tally.running, tally.retried, tally.done) == ({}, 1, 0)


def test_it_counts_how_often_it_is_told_to_stop(tally):
    assert (tally.interrupted(), tally.interrupted(), tally.interrupts) == (1, 2, 2)
