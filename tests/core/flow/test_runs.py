from dataclasses import FrozenInstanceError, replace

import pytest

from kohakuengine import Config
from kohakuengine.errors import RunFailed, RunLost
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus


def test_statuses_are_their_words():
    assert [f"{status}" for status in RunStatus] == [
        "success",
        "failed",
        "lost",
        "timeout",
        "cancelled",
    ]
    assert RunStatus.LOST == "lost"


def test_a_spec_does_not_change(script):
    with pytest.raises(FrozenInstanceError):
        RunSpec(0, script("")).index = 1


def test_its_environment(script):
    spec = RunSpec(5, script(""), attempt=2, slot=3)
    assert spec.environment == {
        "KOGINE_WORKER_ID": "3",
        "KOGINE_RUN_INDEX": "5",
        "KOGINE_ATTEMPT": "2",
    }


def test_in_its_slot(script):
    config = Config()
    spec = RunSpec(5, script(""), config, attempt=2, argv=("--x",), strict=True)
    assert spec.in_slot(0) is spec
    assert spec.in_slot(3) == replace(spec, slot=3)
    assert spec.in_slot(3).config is config
    assert RunSpec(0, script("")).in_slot(1).config is None


def test_again(script):
    spec = RunSpec(5, script(""), slot=3)
    assert spec.again() == replace(spec, attempt=2)


def test_a_result_is_ok_if_the_run_succeeded(script):
    made = script("")
    assert [RunResult(0, made, None, status).ok for status in RunStatus] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_its_traceback_is_that_of_its_error(script):
    made = script("")
    failed = RunResult(0, made, None, RunStatus.FAILED, error=RunFailed("x", traceback="Trace"))
    assert failed.traceback == "Trace"
    assert RunResult(0, made, None, RunStatus.LOST, error=RunLost("x")).traceback == ""
    assert RunResult(0, made, None, RunStatus.SUCCESS).traceback == ""


def test_results_are_compared_without_their_errors(script):
    made = script("")
    one, other = (
        RunResult(0, made, None, RunStatus.FAILED, error=RunFailed(text)) for text in "ab"
    )
    assert one == other
