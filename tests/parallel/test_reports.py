"""How the reports of forks come back: by one socket for all, or by a file where that is gone."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kohakuengine_parallel.instead import read_instead
from kohakuengine_parallel.supervisor import Supervisor
from kohakuengine_parallel.zygote.reports import (
    HEAD_SIZE,
    OVER,
    WHOLE,
    ReportsEnd,
    send_report,
    way,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has forks of a zygote")

DEADLINE_S = 30
PART = 1 << 16
LONG = bytes(range(256)) * 256 * 20  # many parts, and more than a socket has room for

Told = list[tuple[int, bytes, bool]]
MORE = b"\1"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    failures: list[BaseException] = []
    made = Supervisor(failures.append)
    yield made
    made.stop()
    assert not failures


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def arrived() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def reports(
    supervisor: Supervisor, told: Told, arrived: threading.Semaphore
) -> Iterator[ReportsEnd]:
    def hear(key: int, report: bytes | bytearray, is_over: bool) -> None:
        told.append((key, bytes(report), is_over))
        arrived.release()

    made: list[ReportsEnd] = []
    done(supervisor, lambda: made.append(ReportsEnd(supervisor, hear)))
    yield made[0]
    done(supervisor, made[0].close)
    made[0].other.close()


def done(supervisor: Supervisor, function: Callable[[], object]) -> None:
    """Have the supervisor's thread call a function, and wait for that."""
    over = threading.Event()
    supervisor.call(function)
    supervisor.call(over.set)
    assert over.wait(DEADLINE_S)


def sent(to: socket.socket, key: int, report: bytes, word: bytes = WHOLE) -> threading.Thread:
    """Send a report as a fork does, which may have to wait for room."""
    arguments = (way(to.fileno()), key, report, "", word)
    thread = threading.Thread(target=send_report, args=arguments)
    thread.start()
    return thread


def datagram(key: int, part: bytes, word: bytes = WHOLE) -> bytes:
    return key.to_bytes(HEAD_SIZE - 1, "big") + word + part


@pytest.mark.parametrize("word", [WHOLE, OVER])
def test_a_report_arrives_with_its_key(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, word: bytes
) -> None:
    sent(reports.other, 7, b"fine", word).join(DEADLINE_S)
    sent(reports.other, 2**40, b"too", word).join(DEADLINE_S)
    done(supervisor, reports.read)
    assert told == [(7, b"fine", word == OVER), (2**40, b"too", word == OVER)]


@pytest.mark.parametrize("word", [WHOLE, OVER])
@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 2 * PART])
def test_a_report_of_any_size_is_whole(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, size: int, word: bytes
) -> None:
    sent(reports.other, 0, LONG[:size], word).join(DEADLINE_S)
    done(supervisor, reports.read)
    assert told == [(0, LONG[:size], word == OVER)]


def test_the_last_word_may_come_after_the_report(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    sent(reports.other, 7, b"fine").join(DEADLINE_S)
    sent(reports.other, 7, b"", OVER).join(DEADLINE_S)
    done(supervisor, reports.read)
    assert told == [(7, b"fine", False), (7, b"", True)]


def test_nothing_to_read_is_no_report(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    done(supervisor, reports.read)
    assert told == []


def test_reports_are_read_when_they_come(
    reports: ReportsEnd, told: Told, arrived: threading.Semaphore
) -> None:
    for number in range(3):
        sent(reports.other, number, b"fine").join(DEADLINE_S)
        assert arrived.acquire(timeout=DEADLINE_S)
    assert told == [(number, b"fine", False) for number in range(3)]


def test_forks_that_wait_for_room_get_it(
    reports: ReportsEnd, told: Told, arrived: threading.Semaphore
) -> None:
    senders = [sent(reports.other, key, LONG) for key in (1, 2)]
    for _ in senders:
        assert arrived.acquire(timeout=DEADLINE_S)
    for sender in senders:
        sender.join(DEADLINE_S)
    assert sorted(told) == [(1, LONG, False), (2, LONG, False)]


def test_parts_of_several_reports_may_be_mixed(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    for data in (
        datagram(1, b"on", MORE),
        datagram(2, b"tw", MORE),
        datagram(1, b"", MORE),
        datagram(2, b"o"),
        datagram(1, b"e", OVER),
    ):
        reports.other.send(data)
    done(supervisor, reports.read)
    assert told == [(2, b"two", False), (1, b"one", True)]


def test_what_is_forgotten_is_not_part_of_another_report(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    reports.other.send(datagram(1, b"half", MORE))
    done(supervisor, reports.read)
    done(supervisor, lambda: reports.forget(1))
    done(supervisor, lambda: reports.forget(1))  # there is nothing more
    reports.other.send(datagram(1, b"whole"))
    done(supervisor, reports.read)
    assert told == [(1, b"whole", False)]


@pytest.mark.parametrize("junk", [b"x", b"\0" * (HEAD_SIZE - 1), b"\0" * HEAD_SIZE])
def test_junk_is_no_report_and_harms_none(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, junk: bytes
) -> None:
    reports.other.send(junk)
    reports.other.send(datagram(3, b"fine"))
    done(supervisor, reports.read)
    assert told == [(3, b"fine", False)]


@pytest.mark.parametrize("junk", [b"x", b"\0" * (HEAD_SIZE - 1)])
def test_junk_between_parts_is_passed_over(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, junk: bytes
) -> None:
    for key in (0, ord("x")):
        reports.other.send(datagram(key, b"fi", MORE))
        reports.other.send(junk)
        reports.other.send(datagram(key, b"ne"))
    done(supervisor, reports.read)
    assert told == [(0, b"fine", False), (ord("x"), b"fine", False)]


def test_the_end_of_all_forks_keeps_what_has_arrived(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    sent(reports.other, 1, b"fine").join(DEADLINE_S)
    reports.other.close()
    done(supervisor, reports.read)
    done(supervisor, reports.read)
    assert told == [(1, b"fine", False)]


def test_where_it_is_closed_nothing_is_read(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    def close() -> None:
        reports.other.send(datagram(1, b"late"))
        reports.close()
        reports.close()  # there is nothing more to close
        reports.read()

    done(supervisor, close)
    assert told == []


@pytest.mark.parametrize("word", [WHOLE, OVER])
def test_a_report_goes_by_a_file_where_the_socket_is_closed(
    reports: ReportsEnd, tmp_path: Path, word: bytes
) -> None:
    there = way(reports.other.fileno())
    reports.other.close()
    send_report(there, 1, b"fine", str(tmp_path / "instead"), word)
    assert read_instead(str(tmp_path / "instead")) == b"fine"


def test_a_last_word_that_cannot_be_said_leaves_the_report_in_its_file(
    reports: ReportsEnd, tmp_path: Path
) -> None:
    there = way(reports.other.fileno())
    reports.other.close()
    send_report(there, 1, b"fine", str(tmp_path / "instead"), WHOLE)
    send_report(there, 1, b"", str(tmp_path / "instead"), OVER)
    assert read_instead(str(tmp_path / "instead")) == b"fine"


def test_a_report_goes_by_a_file_where_another_has_the_sockets_number(
    reports: ReportsEnd, tmp_path: Path
) -> None:
    there = way(reports.other.fileno())
    users = tmp_path / "users"
    with users.open("wb") as file:
        os.dup2(file.fileno(), there[0])
        send_report(there, 1, b"fine", str(tmp_path / "instead"), WHOLE)
    assert read_instead(str(tmp_path / "instead")) == b"fine"
    assert users.read_bytes() == b""
