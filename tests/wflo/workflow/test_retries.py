"""Whether and when an attempt is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo.models import RetryPolicy
from wflo.workflow.retries import may_retry, may_survive, retry_delay_s

KINDS = ("pkg.errors.Timeout", "OSError", "Exception")


def policy(**fields):
    return RetryPolicy(**{"max_attempts": 3, "jitter": 0} | fields)


def test_an_attempt_is_repeated_while_there_are_attempts_left():
    assert [may_retry(policy(), attempts, KINDS) for attempts in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


def test_without_a_policy_nothing_is_repeated():
    assert not may_retry(RetryPolicy(), 1, KINDS)


@pytest.mark.parametrize("name", ["pkg.errors.Timeout", "Timeout", "OSError", "Exception"])
def test_an_error_is_repeated_by_its_name_or_that_of_a_base(name):
    assert may_retry(policy(retry_on=("KeyError", name)), 1, KINDS)


@pytest.mark.parametrize("name", ["KeyError", "other.Timeout", "errors.Timeout", "timeout"])
def test_other_errors_are_not_repeated(name):
    assert not may_retry(policy(retry_on=(name,)), 1, KINDS)


@pytest.mark.parametrize("error", ["LoopBoundReached", "MapTooLarge", "StepInputError"])
def test_what_would_end_the_same_is_never_repeated(error):
    kinds = (f"wflo.errors.{error}", "wflo.errors.StepError", "Exception")
    assert not may_retry(policy(), 1, kinds)
    assert not may_retry(policy(retry_on=("Exception",)), 1, kinds)


def test_an_error_of_the_same_name_in_another_module_is_not_ours():
    assert may_retry(policy(), 1, ("pkg.MapTooLarge",))


def test_a_step_survives_as_many_losses_as_its_policy_says():
    assert may_survive(policy(max_worker_losses=2), 2)
    assert not may_survive(policy(max_worker_losses=2), 3)


def test_delays_grow_up_to_the_longest():
    delays = policy(initial_delay_s=1, multiplier=3, max_delay_s=20)
    assert [retry_delay_s(delays, attempt, 0.5) for attempt in (1, 2, 3, 4, 5)] == [1, 3, 9, 20, 20]


@pytest.mark.parametrize(("chance", "delay_s"), [(0, 7.5), (0.5, 10), (1, 12.5)])
def test_jitter_goes_in_either_direction(chance, delay_s):
    delays = policy(initial_delay_s=10, jitter=0.25)
    assert retry_delay_s(delays, 1, chance) == pytest.approx(delay_s)


def test_no_first_delay_is_no_delay_ever():
    assert retry_delay_s(policy(initial_delay_s=0, multiplier=100), 10_000, 0.9) == 0


def test_a_delay_that_no_float_holds_is_the_longest():
    assert retry_delay_s(policy(multiplier=100, max_delay_s=60), 10_000, 0.5) == 60


@given(
    st.integers(1, 10_000),
    st.floats(0, 86_400),
    st.floats(1, 100),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
)
def test_a_delay_is_never_negative_nor_longer_than_the_longest_and_its_jitter(
    attempt, initial, multiplier, jitter, chance
):
    delays = policy(initial_delay_s=initial, multiplier=multiplier, jitter=jitter)
    assert 0 <= retry_delay_s(delays, attempt, chance) <= delays.max_delay_s * (1 + jitter)
