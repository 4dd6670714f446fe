"""What is seen of parallel runs while they go on, on terminals of all sizes."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from kohakuengine.config import Config
from kohakuengine.engine.script import Script
from kohakuengine.errors import RunFailed, RunLost
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.board import Board
from kohakuengine_cli.tally import Tally


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("kohakuengine_cli.tally.monotonic", lambda: now[0])
    monkeypatch.setattr("kohakuengine_cli.board.monotonic", lambda: now[0])
    return now


@pytest.fixture
def tally(clock, write):
    """Two runs are over and two go on, of 8."""
    write(script="")
    script = Script("script.py")
    tally = Tally()
    tally.flow_started(8)
    clock[0] += 10
    for index in range(4):
        config = Config({"x": index, "y": 1}, metadata={"x": index})
        slot = 1 - index % 2
        tally.run_started(RunSpec(index, script, config, slot=slot))
        if index < 2:
            tally.run_finished(RunResult(index, script, config, RunStatus.SUCCESS))
    clock[0] += 2
    return tally


def drawn(tally, width=80, height=24, *, several_scripts=False, **options):
    board = Board(tally, grace_s=5, several_scripts=several_scripts)
    file = io.TextIOWrapper(io.BytesIO(), encoding=options.pop("encoding", "utf-8"))
    console = Console(file=file, width=width, height=height, **options)
    console.print(board)
    file.seek(0)
    return [line.rstrip() for line in file.read().splitlines()]


def fail(tally, index, error, status=RunStatus.FAILED, **options):
    script = Script("script.py")
    tally.run_finished(RunResult(index, script, Config(), status, error=error, **options))


def test_it_tells_how_far_it_is_and_what_runs_where(tally):
    assert drawn(tally) == [
        "━━━━━━━━━━──────────────────────────────  2/8  25%  12/min  12 s  28 s left",
        "  0  run 4  x=3" + " " * 59 + "2 s",
        "  1  run 3  x=2" + " " * 59 + "2 s",
    ]


def test_without_a_total_there_is_neither_bar_nor_end(tally):
    tally.total = None
    assert drawn(tally)[0] == "2 done  12/min  12 s"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (60, "━━━━━───────────────── 2/8  25%  12/min  12 s  28 s left"),
        (44, "2/8  25%  12/min  12 s  28 s left"),
        (34, "2/8  25%  12/min  28 s left"),
        (24, "2/8  25%  28 s left"),
        (18, "2/8  28 s left"),
        (12, "2/8"),
        (5, "2…"),
    ],
)
def test_what_matters_least_gives_way_on_a_narrow_terminal(tally, width, line):
    told = drawn(tally, width)
    assert told[0].replace("─  2", "─ 2") == line
    assert all(cell_len(line) < width for line in told)


def test_what_failed_is_told_by_kind_the_most_frequent_first(tally):
    fail(tally, 4, RunLost("its process was killed by SIGKILL", exit_code=-9), RunStatus.LOST)
    for index in (5, 6):
        error = RunFailed("ValueError: diverged", kinds=("ValueError",), where="script.py:12")
        fail(tally, index, error, log_path=f"logs/{index}.log")
    told = drawn(tally)
    assert "3 failed" in told[0]
    assert told[-3:] == [
        "   2x ValueError: diverged (script.py:12)",
        "      run 6: logs/5.log",
        "   1x lost: its process was killed by SIGKILL",
    ]


def test_more_kinds_than_lines_are_counted(tally):
    for index in range(20):
        fail(tally, index + 4, RunFailed("no", kinds=(f"E{index}",)))
    told = drawn(tally, height=10)
    assert len(told) <= 9
    assert told[-1].strip() == "and 19 more kinds of failure"
    assert told[-2] == "   1x no"


def test_of_more_runs_than_lines_the_longest_are_shown(tally, clock):
    for index in range(4, 40):
        clock[0] += 1
        tally.run_started(RunSpec(index, Script("script.py"), Config({"x": index}), slot=index))
    told = drawn(tally, height=12)
    assert [line.split()[2] for line in told[1:-1]] == ["4", "3", "5", "6"]
    assert told[-1].strip() == "and 34 more runs"


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_it_is_no_higher_than_the_terminal(tally, height):
    fail(tally, 4, RunFailed("no"))
    tally.interrupted()
    told = drawn(tally, height=height)
    assert 1 <= len(told) <= max(1, height - 1)
    assert "2/8" in told[0] or "3/8" in told[0]


def test_it_tells_what_happens_after_ctrl_c(tally):
    tally.interrupted()
    told = drawn(tally)
    assert told[1] == "Stopping: waiting up to 5 s for 2 runs; press Ctrl-C again to kill them."
    assert "left" not in told[0]
    tally.interrupted()
    assert drawn(tally)[1] == "Stopping: killing 2 runs."


def test_scripts_and_attempts_are_named_where_that_tells_something(tally):
    tally.run_retried(RunResult(2, Script("script.py"), None, RunStatus.FAILED))
    again = RunSpec(2, Script("script.py"), Config({"x": 2}), slot=1, attempt=2)
    tally.run_started(again)
    told = drawn(tally, several_scripts=True)
    assert "1 retried" in told[0]
    assert told[2].split()[:6] == ["1", "run", "3", "script", "x=2", "attempt"]


def test_a_long_config_is_cut(tally):
    values = {f"name{n}": "long" * 5 for n in range(9)}
    tally.run_started(RunSpec(9, Script("script.py"), Config(values), slot=2))
    line = drawn(tally)[-1]
    assert cell_len(line) == 77
    assert line.endswith("…  0 s")


def test_a_terminal_of_few_characters_gets_others(tally):
    told = drawn(tally, encoding="ascii")
    assert told[0].startswith("==========------------------------------  2/8")
    assert all(map(str.isascii, told))


def test_failures_are_red_in_the_bar_however_few(tally):
    tally.total = 1000
    fail(tally, 4, RunFailed("no"))
    tally.done = 100
    lines = Board(tally, grace_s=5, several_scripts=False).lines(80, 24, ascii_only=False)
    assert any(span.style == "red" for span in lines[0].spans)
