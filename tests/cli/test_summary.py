"""What a table is made of, where scripts run in processes of their own."""

import io

import pytest
from rich.console import Console

from kohakuengine.config import Config
from kohakuengine.engine.script import Script
from kohakuengine.errors import RunFailed
from kohakuengine.flow.failures import FailureGroups
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus
from kohakuengine_cli.summary import Summary
from kohakuengine_cli.table import show_failures


@pytest.fixture
def summary():
    summary = Summary(in_process=False)
    summary.flow_started(None)
    return summary


@pytest.fixture
def end(write, summary):
    """End runs of the flow."""
    write(script="")
    script = Script("script.py")

    def run(index, config, value=None, status=RunStatus.SUCCESS, **options):
        summary.run_started(RunSpec(index, script, config))
        summary.run_finished(RunResult(index, script, config, status, value, **options))

    return run


def test_of_many_runs_the_first_and_the_last_are_told(end, summary):
    values = [{"loss": 0.5}, 3, None, "text", [1, 2], {"a": "b"}]
    for index in range(300):
        end(index, Config({"x": index, "same": 1}), values[index % len(values)])
    rows = summary.rows
    assert [row.number for row in rows] == [*range(1, 21), *range(291, 301)]
    assert [row.values["x"] for row in rows[-2:]] == ["298", "299"]
    assert [row.outcome for row in rows[-6:]] == [
        {"loss": "0.5"},
        {"value": "3"},
        {},
        {"value": "text"},
        {"value": "[1, 2]"},
        {"a": "b"},
    ]
    assert summary.varying == ["x"]


def test_failures_in_between_are_told_too(end, summary):
    for index in range(300):
        bad = index in {150, 200}
        status = RunStatus.FAILED if bad else RunStatus.SUCCESS
        end(index, Config({"x": 1}), status=status, error=RunFailed("no") if bad else None)
    assert [row.number for row in summary.rows if row.reason] == [151, 201]
    assert str(summary).endswith(": 298 succeeded, 2 failed")


def test_what_varies_is_seen_in_values_of_all_kinds(end, summary):
    end(0, Config({"a": [1], "b": 1, "c": True, "d": "x", "e": {1: 2}}, args=[1], kwargs={"k": 1}))
    end(
        1, Config({"a": [1], "b": 1.0, "c": True, "d": "y", "e": {1: 3}}, args=[2], kwargs={"k": 1})
    )
    assert summary.varying == ["b", "d", "e", "args[0]"]
    end(2, Config({"f": 1}))
    assert summary.varying == ["a", "b", "c", "d", "e", "args[0]", "--k", "f"]


def test_that_we_stopped_a_run_is_no_reason_of_its_own(end, summary):
    end(0, Config(), status=RunStatus.CANCELLED, error=RunFailed("killed by SIGTERM"))
    assert [row.reason for row in summary.rows] == [""]


def test_failures_of_kinds_that_are_not_kept_are_counted(write):
    write(script="")
    groups = FailureGroups(max_kinds=1)
    for kind in ("A", "B", "C"):
        error = RunFailed(kind, kinds=(kind,))
        groups.add(RunResult(0, Script("script.py"), None, RunStatus.FAILED, error=error))
    console = Console(file=io.StringIO(), width=60)
    show_failures(console, groups)
    assert console.file.getvalue().splitlines()[0] == "1x  A"
    assert console.file.getvalue().splitlines()[-2] == "2x  of other kinds"
