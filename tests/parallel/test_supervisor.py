"""The thread that watches sockets and clocks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kohakuengine_parallel.supervisor import Supervisor

DEADLINE_S = 30


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def supervisor(failures: list[BaseException]) -> Iterator[Supervisor]:
    made = Supervisor(failures.append)
    yield made
    made.stop()


def test_calls_are_made_in_order_by_one_thread(supervisor: Supervisor) -> None:
    seen: list[tuple[int, threading.Thread]] = []
    done = threading.Event()
    for number in range(100):
        supervisor.call(lambda n=number: seen.append((n, threading.current_thread())))
    supervisor.call(done.set)
    assert done.wait(DEADLINE_S)
    assert [number for number, _ in seen] == list(range(100))
    assert len({thread for _, thread in seen}) == 1


def test_what_comes_later_comes_in_the_order_of_its_time(supervisor: Supervisor) -> None:
    seen: list[str] = []
    done = threading.Event()

    def plan() -> None:
        supervisor.later(0.02, lambda: (seen.append("second"), done.set()))
        supervisor.later(0.01, lambda: seen.append("first"))
        supervisor.later(0.0, lambda: seen.append("never")).cancel()

    supervisor.call(plan)
    assert done.wait(DEADLINE_S)
    assert seen == ["first", "second"]


def test_what_was_cancelled_is_not_kept_until_its_time(supervisor: Supervisor) -> None:
    done = threading.Event()

    def plan() -> None:
        for _ in range(10_000):
            supervisor.later(3600, lambda: None).cancel()
        done.set()

    supervisor.call(plan)
    assert done.wait(DEADLINE_S)
    assert len(supervisor._timers) < 1000


def test_an_error_of_ours_is_told_and_ends_the_thread(
    supervisor: Supervisor, failures: list[BaseException]
) -> None:
    error = ZeroDivisionError()

    def fail() -> None:
        raise error

    supervisor.call(fail)
    supervisor.stop()
    assert failures == [error]


def test_what_is_called_unlocked_finds_the_lock_free(supervisor: Supervisor) -> None:
    seen: list[bool] = []
    done = threading.Event()

    def unlocked() -> None:
        seen.append(supervisor.lock.locked())
        done.set()

    supervisor.call(supervisor.call_unlocked, unlocked)
    assert done.wait(DEADLINE_S)
    assert seen == [False]


def test_what_another_thread_wants_called_unlocked_is_not_left_waiting(
    supervisor: Supervisor,
) -> None:
    supervisor.call(lambda: None)
    for _ in range(300):
        done = threading.Event()
        with supervisor.lock:
            supervisor.call_unlocked(done.set)
        assert done.wait(DEADLINE_S)


def test_an_error_of_ours_keeps_nothing_from_being_called_unlocked(
    supervisor: Supervisor, failures: list[BaseException]
) -> None:
    done = threading.Event()

    def fail() -> None:
        supervisor.call_unlocked(done.set)
        raise ZeroDivisionError

    supervisor.call(fail)
    assert done.wait(DEADLINE_S)
    supervisor.stop()
    assert len(failures) == 1
