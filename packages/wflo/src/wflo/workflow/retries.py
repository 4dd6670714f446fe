"""Whether and when an attempt is repeated. Pure: chance is an argument."""

from __future__ import annotations

from collections.abc import Iterable

from wflo.errors import LoopBoundReached, MapTooLarge, StepInputError
from wflo.models import RetryPolicy

# The next attempt would be given the same, and end the same.
_FINAL = frozenset(
    f"{error.__module__}.{error.__qualname__}"
    for error in (LoopBoundReached, MapTooLarge, StepInputError)
)


def may_retry(policy: RetryPolicy, attempts: int, kinds: Iterable[str]) -> bool:
    """Whether a failed attempt is repeated.

    Args:
        policy: The step's. A name in its ``retry_on`` that has no dot also means errors of that
            name in any module: ``Timeout`` means ``pkg.errors.Timeout`` too.
        attempts: How many were made, the failed one among them; not those that ended with their
            worker.
        kinds: The names of what was raised and of its bases, as `wflo.models.StepFailure` has
            them.
    """
    names = set(kinds)
    if attempts >= policy.max_attempts or names & _FINAL:
        return False
    if not policy.retry_on:
        return True
    names |= {name.rpartition(".")[2] for name in names}
    return not names.isdisjoint(policy.retry_on)


def may_survive(policy: RetryPolicy, losses: int) -> bool:
    """Whether a step is tried again that lost its worker, the last loss counted."""
    return losses <= policy.max_worker_losses


def retry_delay_s(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Seconds between a failed attempt and the next: see `RetryPolicy`.

    Args:
        policy: The step's.
        attempt: The number of the one that failed, from 1.
        chance: From 0 to 1: where in the range that the jitter allows.
    """
    try:
        delay_s = policy.initial_delay_s * policy.multiplier ** (attempt - 1)
    except OverflowError:
        delay_s = policy.max_delay_s if policy.initial_delay_s else 0.0
    return min(delay_s, policy.max_delay_s) * (1 + policy.jitter * (2 * chance - 1))
