"""How the reports of forks come back: by one socket for all, or by a file where that is gone."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kohakuengine_parallel.channel import read_instead
from kohakuengine_parallel.supervisor import Supervisor
from kohakuengine_parallel.zygote.reports import HEAD_SIZE, ReportsEnd, send_report, way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has forks of a zygote")

DEADLINE_S = 30
PART = 1 << 16
LONG = bytes(range(256)) * 256 * 20  # many parts, and more than a socket has room for

Told = list[tuple[int, bytes]]


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
    def hear(key: int, report: bytes | bytearray) -> None:
        told.append((key, bytes(report)))
        arrived.release()

    made = ReportsEnd(supervisor, hear)
    yield made
    done(supervisor, made.close)
    made.other.close()


def done(supervisor: Supervisor, function: Callable[[], object]) -> None:
    """Have the supervisor's thread call a function, and wait for that."""
    over = threading.Event()
    supervisor.call(function)
    supervisor.call(over.set)
    assert over.wait(DEADLINE_S)


def sent(to: socket.socket, key: int, report: bytes) -> threading.Thread:
    """Send a report as a fork does, which may have to wait for room."""
    thread = threading.Thread(target=send_report, args=(way(to.fileno()), key, report, ""))
    thread.start()
    return thread


def datagram(key: int, part: bytes, *, more: bool) -> bytes:
    return key.to_bytes(HEAD_SIZE - 1, "big") + bytes([more]) + part


def test_a_report_arrives_with_its_key(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    sent(reports.other, 7, b"fine").join(DEADLINE_S)
    sent(reports.other, 2**40, b"too").join(DEADLINE_S)
    done(supervisor, reports.read)
    assert told == [(7, b"fine"), (2**40, b"too")]


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 2 * PART])
def test_a_report_of_any_size_is_whole(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, size: int
) -> None:
    sent(reports.other, 0, LONG[:size]).join(DEADLINE_S)
    done(supervisor, reports.read)
    assert told == [(0, LONG[:size])]


def test_nothing_to_read_is_no_report(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    done(supervisor, reports.read)
    assert told == []


def test_a_report_that_nobody_reads_is_read_after_a_while(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, arrived: threading.Semaphore
) -> None:
    for number in range(3):  # each time anew
        done(supervisor, reports.expect)
        sent(reports.other, number, b"fine").join(DEADLINE_S)
        assert arrived.acquire(timeout=DEADLINE_S)
    assert told == [(number, b"fine") for number in range(3)]


def test_forks_that_wait_for_room_get_it_after_a_while(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, arrived: threading.Semaphore
) -> None:
    for _ in range(2):  # each of two runs is expected
        done(supervisor, reports.expect)
    senders = [sent(reports.other, key, LONG) for key in (1, 2)]
    for _ in senders:
        assert arrived.acquire(timeout=DEADLINE_S)
    for sender in senders:
        sender.join(DEADLINE_S)
    assert sorted(told) == [(1, LONG), (2, LONG)]


def test_parts_of_several_reports_may_be_mixed(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    for data in (
        datagram(1, b"on", more=True),
        datagram(2, b"tw", more=True),
        datagram(1, b"", more=True),
        datagram(2, b"o", more=False),
        datagram(1, b"e", more=False),
    ):
        reports.other.send(data)
    done(supervisor, reports.read)
    assert told == [(2, b"two"), (1, b"one")]


def test_what_is_forgotten_is_not_part_of_another_report(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    reports.other.send(datagram(1, b"half", more=True))
    done(supervisor, reports.read)
    done(supervisor, lambda: reports.forget(1))
    done(supervisor, lambda: reports.forget(1))  # there is nothing more
    reports.other.send(datagram(1, b"whole", more=False))
    done(supervisor, reports.read)
    assert told == [(1, b"whole")]


@pytest.mark.parametrize("junk", [b"x", b"\0" * (HEAD_SIZE - 1), b"\0" * HEAD_SIZE])
def test_junk_is_no_report_and_harms_none(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, junk: bytes
) -> None:
    reports.other.send(junk)
    reports.other.send(datagram(3, b"fine", more=False))
    done(supervisor, reports.read)
    assert told == [(3, b"fine")]


@pytest.mark.parametrize("junk", [b"x", b"\0" * (HEAD_SIZE - 1)])
def test_junk_between_parts_is_passed_over(
    supervisor: Supervisor, reports: ReportsEnd, told: Told, junk: bytes
) -> None:
    for key in (0, ord("x")):
        reports.other.send(datagram(key, b"fi", more=True))
        reports.other.send(junk)
        reports.other.send(datagram(key, b"ne", more=False))
    done(supervisor, reports.read)
    assert told == [(0, b"fine"), (ord("x"), b"fine")]


def test_the_end_of_all_forks_keeps_what_has_arrived(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    sent(reports.other, 1, b"fine").join(DEADLINE_S)
    reports.other.close()
    done(supervisor, reports.read)
    done(supervisor, reports.read)
    assert told == [(1, b"fine")]


def test_where_it_is_closed_nothing_is_read(
    supervisor: Supervisor, reports: ReportsEnd, told: Told
) -> None:
    done(supervisor, reports.expect)
    sent(reports.other, 1, b"late").join(DEADLINE_S)
    done(supervisor, reports.close)
    done(supervisor, reports.read)
    assert told == []


def test_a_report_goes_by_a_file_where_the_socket_is_closed(
    reports: ReportsEnd, tmp_path: Path
) -> None:
    there = way(reports.other.fileno())
    reports.other.close()
    send_report(there, 1, b"fine", str(tmp_path / "instead"))
    assert read_instead(str(tmp_path / "instead")) == b"fine"


def test_a_report_goes_by_a_file_where_another_has_the_sockets_number(
    reports: ReportsEnd, tmp_path: Path
) -> None:
    there = way(reports.other.fileno())
    users = tmp_path / "users"
    with users.open("wb") as file:
        os.dup2(file.fileno(), there[0])
        send_report(there, 1, b"fine", str(tmp_path / "instead"))
    assert read_instead(str(tmp_path / "instead")) == b"fine"
    assert users.read_bytes() == b""
