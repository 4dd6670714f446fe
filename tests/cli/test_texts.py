"""How values, results and times are written in a table."""

import enum
import math
from pathlib import Path

import pytest

from kohakuengine.config import Config
from kohakuengine.config.deferred import DeferredText
from kohakuengine.engine.script import Script
from kohakuengine.errors import KohakuEngineError, RunFailed
from kohakuengine.flow.runs import RunResult, RunStatus
from kohakuengine_cli.texts import (
    config_texts,
    cut,
    duration_text,
    failure_text,
    outcome_texts,
    path_text,
    rate_text,
    reason_text,
    run_text,
    stopping_text,
    time_text,
    value_text,
)


class Mode(enum.Enum):
    FAST = 1


class Word(enum.StrEnum):
    FAST = "fast"


class Scalar:
    """As numpy and torch have them."""

    shape = ()

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e-07, "1e-07"),
        (True, "True"),
        (None, "None"),
        ("two  words\nand a line", "two words and a line"),
        ("", "''"),
        ("  ", "' '"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ([1, "a"], "[1, 'a']"),
        (Path("a/b"), "a/b"),
        (Mode.FAST, "Mode.FAST"),
        (Word.FAST, "fast"),
        (Mode, "Mode"),
        (cut, "cut"),
        (Scalar(0.5), "0.5"),
        (DeferredText("fast"), "fast"),
        (list(range(50)), str(list(range(40)))[:-1] + ", ...]"),
    ],
)
def test_a_value_is_written_as_one_gives_it(value, text):
    assert value_text(value) == text


def test_a_huge_value_is_looked_at_no_further_than_needed():
    assert len(value_text(["x" * 10**6] * 10**6)) < 20000
    assert len(value_text("x" * 10**6)) == 400


def test_a_config_is_written_with_its_arguments():
    config = Config({"lr": 0.1}, args=["a"], kwargs={"b": 2})
    assert config_texts(config) == {"lr": "0.1", "args[0]": "a", "--b": "2"}
    assert config_texts(None) == {}


def test_a_run_is_told_by_its_axes_or_else_by_all():
    assert run_text(Config({"a": 1, "b": 2}, metadata={"b": 2, "note": 3})) == ["b=2"]
    assert run_text(Config({"a": 1, "b": "x" * 40}, metadata={"note": 3})) == [
        "a=1",
        "b=" + "x" * 31 + "…",
    ]
    assert run_text(None) == []


def result(value=None, error=None):
    return RunResult(0, Script("script.py"), None, RunStatus.SUCCESS, value=value, error=error)


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (None, {}),
        (3, {"value": "3"}),
        (0.123456789012, {"value": "0.123457"}),
        (0.1234567, {"value": "0.1234567"}),
        (Scalar(1 / 3), {"value": "0.333333"}),
        ({"ok": Scalar(True)}, {"ok": "True"}),
        (math.inf, {"value": "inf"}),
        ({"loss": 1 / 3, "name": "a"}, {"loss": "0.333333", "name": "a"}),
        ({"loss": [1]}, {"value": "{'loss': [1]}"}),
        ({1: 2}, {"value": "{1: 2}"}),
        ({}, {"value": "{}"}),
    ],
)
def test_a_result_has_columns(write, value, columns):
    write(script="")
    assert outcome_texts(result(value)) == columns


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        (RunFailed("script.py: ValueError: no: 1\nmore"), "ValueError: no: 1"),
        (RunFailed("script.py: ValueError: \x1b[31mred"), "ValueError: \\x1b[31mred"),
        (RunFailed("script.py failed with exit code 1: ValueError: no"), "ValueError: no"),
        (KohakuEngineError("there is no 'x'"), "there is no 'x'"),
    ],
)
def test_a_reason_is_one_line_without_the_scripts_name(write, error, text):
    write(script="")
    assert reason_text(result(error=error)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00004, "0.0 ms"),
        (0.0994, "99.4 ms"),
        (0.0996, "0.1 s"),
        (99.4, "99.4 s"),
        (99.6, "1:40"),
        (3599.6, "1:00:00"),
        (7265, "2:01:05"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("width", "options", "text"),
    [(6, {}, "abcdef"), (5, {}, "abcd…"), (5, {"end": "..."}, "ab...")],
)
def test_a_text_is_cut_to_a_width(width, options, text):
    assert cut("abcdef", width, **options) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1250, "1250/s"),
        (81.26, "81/s"),
        (8.126, "8.1/s"),
        (0.9999, "1.0/s"),
        (0.5, "30/min"),
        (1 / 30, "2.0/min"),
        (1 / 3600, "1.0/h"),
        (1 / 36000, "0.1/h"),
    ],
)
def test_a_rate_is_in_the_unit_that_one_can_count_in(rate, text):
    assert rate_text(rate) == text


def test_a_time_that_goes_on_is_in_whole_seconds():
    assert [time_text(seconds) for seconds in (0.2, 42.4, 65, 125, 7200)] == [
        "0 s",
        "42 s",
        "65 s",
        "2:05",
        "2:00:00",
    ]


def test_a_path_is_told_from_here(folder):
    assert path_text(str(folder / "logs" / "1.log")) == "logs/1.log"
    assert path_text("/elsewhere/1.log") == "/elsewhere/1.log"


def test_stopping_is_told_of_one_and_of_several():
    assert stopping_text(1, 1, 5.0) == (
        "Stopping: waiting up to 5 s for 1 run; press Ctrl-C again to kill it."
    )
    assert stopping_text(1, 2, 0.5).endswith(
        "up to 0.5 s for 2 runs; press Ctrl-C again to kill them."
    )
    assert stopping_text(2, 2, 5.0) == "Stopping: killing 2 runs."


def test_failures_of_a_kind_are_told_by_why_and_where(write):
    write(script="")
    script = Script("script.py")
    error = RunFailed("script.py: ValueError: no", where="script.py:3")
    failed = RunResult(0, script, None, RunStatus.FAILED, error=error)
    assert failure_text(failed) == "ValueError: no (script.py:3)"
    late = RunResult(0, script, None, RunStatus.TIMEOUT, error=KohakuEngineError("took too long"))
    assert failure_text(late) == "timed out: took too long"
