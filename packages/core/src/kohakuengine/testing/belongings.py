"""What a process has: what tells whether something was left behind."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["belongings"]


def belongings() -> set[tuple[str, object]]:
    """Threads; and, where ``/proc`` tells (on Linux), children and open files."""
    threads: set[tuple[str, object]] = {("thread", thread) for thread in threading.enumerate()}
    if not os.path.isdir("/proc/self/fd"):
        return threads
    return threads | _children() | _open_files()


def _children() -> set[tuple[str, object]]:
    children: set[tuple[str, object]] = set()
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it ended meanwhile
            status = Path("/proc", entry, "stat").read_text()
            # The name, in brackets, may hold anything; the parent is the second field after it.
            if int(status.rpartition(")")[2].split()[1]) == os.getpid():
                children.add(("child", entry))
    return children


def _open_files() -> set[tuple[str, object]]:
    files: set[tuple[str, object]] = set()
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            files.add(("file", (entry, os.readlink(f"/proc/self/fd/{entry}"))))
    return files
