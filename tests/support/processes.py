"""Processes as the kernel knows them (Linux), and conditions that are waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["MARK", "Marked", "is_gone", "start_program", "until"]

MARK = "KOGINE_TEST_MARK"


def until(condition: Callable[[], Any], within_s: float = 30.0, what: str = "it") -> Any:
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s} s"
        time.sleep(0.002)
    return found


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    return _state(pid) in {"", "Z"}


class Marked:
    """The processes that have this mark in their environment: all that came of whoever set it.

    Also those that left their parent, their group and their session.
    """

    def __init__(self) -> None:
        self.text = uuid.uuid4().hex

    @property
    def environment(self) -> dict[str, str]:
        return {MARK: self.text}

    def pids(self) -> dict[int, int]:
        """Those that there are, zombies aside, each with its parent."""
        wanted = f"{MARK}={self.text}".encode()
        found = {}
        for entry in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):
                if int(entry) != os.getpid() and wanted in _read(entry, "environ"):
                    found[int(entry)] = _parent(int(entry))
        return found

    def children_of(self, parent: int) -> list[int]:
        return [pid for pid, its in self.pids().items() if its == parent]

    def grandchildren_of(self, ancestor: int) -> list[int]:
        pids = self.pids()
        return [pid for pid, parent in pids.items() if pids.get(parent) == ancestor]

    def kill(self) -> None:
        """End those that are left, after a test that failed."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def start_program(
    source: str, folder: Path, *argv: str, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start Python with this source, in a folder, in a session of its own."""
    program = folder / "program.py"
    program.write_text(source, encoding="utf-8")
    words: Sequence[str] = [sys.executable, str(program), *argv]
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def _read(entry: str, name: str) -> bytes:
    return Path("/proc", entry, name).read_bytes()


def _parent(pid: int) -> int:
    # The name, in brackets, may hold anything; the state follows, then the parent.
    return int(_read(str(pid), "stat").rpartition(b")")[2].split()[1])


def _state(pid: int) -> str:
    try:
        return _read(str(pid), "stat").rpartition(b")")[2].split()[0].decode()
    except OSError:
        return ""
