"""What is being worked on, for everything that is said meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Correlation(NamedTuple):
    """What something is said about.

    Attributes:
        execution_id: Which execution.
        step: Which step of it.
        iteration: Which iteration of that.
        attempt: Which attempt at that.
    """

    execution_id: str
    step: str | None = None
    iteration: int | None = None
    attempt: int | None = None


_current: ContextVar[Correlation | None] = ContextVar("wflo_correlation", default=None)


def correlation() -> Correlation | None:
    """What this task, or this thread, works on."""
    return _current.get()


@contextmanager
def correlated(about: Correlation) -> Iterator[None]:
    """What is said inside is about this. Tasks that are started inside inherit it."""
    token = _current.set(about)
    try:
        yield
    finally:
        _current.reset(token)
