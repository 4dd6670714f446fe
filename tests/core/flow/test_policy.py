import json

import pytest

from kohakuengine.errors import (
    EntrypointNotFound,
    RunError,
    RunFailed,
    RunLost,
    RunTimeout,
    WorkflowError,
)
from kohakuengine.flow.policy import Policy
from kohakuengine.flow.runs import RunResult, RunStatus

FAILED = RunFailed("x", kinds=("json.decoder.JSONDecodeError", "ValueError", "Exception"))
STATUSES = {
    RunFailed: RunStatus.FAILED,
    RunLost: RunStatus.LOST,
    RunTimeout: RunStatus.TIMEOUT,
    EntrypointNotFound: RunStatus.FAILED,
}


@pytest.fixture
def retried(script):
    """Whether a first attempt that ended by an error is followed by another."""
    made = script("")

    def wants(error, retry_on, attempt=1):
        result = RunResult(0, made, None, STATUSES[type(error)], error=error)
        return Policy(retries=1, retry_on=retry_on).wants_retry(result, attempt)

    return wants


class TestRetryOn:
    @pytest.mark.parametrize(
        ("error", "wanted"),
        [
            (FAILED, ValueError),
            (FAILED, json.JSONDecodeError),
            (FAILED, Exception),
            (FAILED, RunFailed),
            (FAILED, RunError),
            (FAILED, "ValueError"),
            (FAILED, "JSONDecodeError"),
            (FAILED, "json.decoder.JSONDecodeError"),
            (RunLost("x"), "lost"),
            (RunLost("x"), RunLost),
            (RunLost("x"), RunError),
            (RunTimeout("x"), "timeout"),
            (RunTimeout("x"), RunTimeout),
        ],
    )
    def test_chooses_by_exception_and_by_how_the_process_ended(self, retried, error, wanted):
        assert retried(error, [KeyError, wanted])

    @pytest.mark.parametrize(
        ("error", "wanted"),
        [
            (FAILED, KeyError),
            (FAILED, "Error"),
            (FAILED, "lost"),
            (FAILED, "timeout"),
            (FAILED, RunLost),
            (RunLost("x"), "timeout"),
            (RunLost("x"), RuntimeError),
            (RunTimeout("x"), OSError),
            (RunTimeout("x"), "lost"),
            (EntrypointNotFound("x"), EntrypointNotFound),
        ],
    )
    def test_leaves_others_alone(self, retried, error, wanted):
        assert not retried(error, (wanted,))

    @pytest.mark.parametrize("error", [FAILED, RunLost("x"), RunTimeout("x")])
    def test_without_it_all_that_may_differ_are_tried_again(self, retried, error):
        assert retried(error, None)
        assert not retried(error, [])
        assert not retried(error, None, attempt=2)

    @pytest.mark.parametrize("retry_on", ["lost", ValueError, {"lost"}, 3])
    def test_is_a_list(self, retry_on):
        with pytest.raises(WorkflowError, match="retry_on must be a list of classes of exceptions"):
            Policy(retry_on=retry_on)

    @pytest.mark.parametrize("wanted", [3, int, "", ValueError()])
    def test_of_exceptions_and_names(self, wanted):
        with pytest.raises(WorkflowError, match="retry_on takes classes of exceptions, their"):
            Policy(retry_on=[ValueError, wanted])


class TestDelays:
    def test_are_doubled(self):
        policy = Policy(retries=9, retry_delay_s=0.5)
        assert [policy.delay_s(attempt) for attempt in (1, 2, 3)] == [0.5, 1.0, 2.0]

    def test_none_stays_none(self):
        assert Policy(retries=9999).delay_s(5000) == 0.0


class TestBounds:
    def test_of_failures_and_of_those_of_one_kind(self):
        policy = Policy(on_error="continue", max_failures=3, max_identical_failures=2)
        assert policy.bound_reached(2, 1) == ""
        assert policy.bound_reached(3, 1) == "max_failures=3"
        assert policy.bound_reached(2, 2) == "max_identical_failures=2"

    def test_there_are_none_by_default(self):
        assert Policy(on_error="continue").bound_reached(10**6, 10**6) == ""

    @pytest.mark.parametrize("name", ["max_failures", "max_identical_failures"])
    def test_take_continue_and_a_number(self, name):
        with pytest.raises(WorkflowError, match=f"{name} must be at least 1, got 0"):
            Policy(on_error="continue", **{name: 0})
        with pytest.raises(WorkflowError, match=f"{name} takes on_error='continue'; 'stop' ends"):
            Policy(**{name: 1})


def test_other_words_are_refused_and_the_nearest_named():
    message = r"on_error is 'stopp'; it takes stop, continue, raise\. Did you mean 'stop'\?"
    with pytest.raises(WorkflowError, match=message):
        Policy(on_error="stopp")
