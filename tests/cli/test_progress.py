"""When a line of progress is due."""

import re

import pytest

from kohakuengine.config import Config
from kohakuengine.engine.script import Script
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.progress import Progress


@pytest.fixture
def flow(write, monkeypatch, capsys):
    """Plays a flow on a terminal, with a clock of its own, and tells the lines of progress."""
    clock = [1000.0]
    monkeypatch.setattr("kohakuengine_cli.progress.time.monotonic", lambda: clock[0])
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "70")
    write(script="")
    script = Script("script.py")

    def play(total, durations, failed=()):
        progress = Progress(several_scripts=False, retries=0)
        progress.flow_started(total)
        for index, duration in enumerate(durations):
            config = Config({"x": index}, metadata={"x": index})
            progress.run_started(RunSpec(index, script, config))
            clock[0] += duration
            status = RunStatus.FAILED if index in failed else RunStatus.SUCCESS
            progress.run_finished(RunResult(index, script, config, status))
        lines = re.sub(r"\x1b\[[0-9;]*m|[━─]", "", capsys.readouterr().err).splitlines()
        return [" ".join(line.split()) for line in lines]

    return play


def test_every_run_of_a_short_flow_is_headed_however_quick(flow):
    assert len(flow(100, [0.0] * 100)) == 100


def test_of_a_long_flow_of_quick_runs_come_a_few_lines(flow):
    lines = flow(20000, [0.01] * 20000)
    assert lines[:2] == ["1/20000 x=0", "2/20000 x=1"]
    assert 30 < len(lines) < 120
    assert "x=" not in lines[10]
    assert lines[-1].endswith(" s left")


def test_they_come_less_and_less_often(flow):
    lines = flow(None, [0.1] * 36000)  # an hour
    numbers = [int(line.split()[0]) for line in lines]
    assert len(lines) < 200
    assert numbers[-1] - numbers[-2] > 10 * (numbers[20] - numbers[19])


def test_slow_runs_of_a_long_flow_are_headed(flow):
    assert flow(200, [2.0] * 200)[150].startswith("151/200 x=150 ")


def test_failures_are_counted_where_runs_are_not_headed(flow):
    lines = flow(2000, [0.1] * 2000, failed={3, 30})
    assert lines[12].split()[1:3] == ["2", "failed"]


def test_the_time_left_is_told_once_there_is_something_to_tell_by(flow):
    assert flow(5, [1.0, 1.0, 60.0, 60.0, 1.0]) == [
        "1/5 x=0",
        "2/5 x=1",
        "3/5 x=2 3 s left",
        "4/5 x=3 41 s left",
        "5/5 x=4 30 s left",
    ]
    assert flow(3, [400.0, 400.0, 400.0])[1] == "2/3 x=1 13:20 left"


def test_a_flow_of_one_run_has_no_progress(flow):
    assert flow(1, [5.0]) == []
