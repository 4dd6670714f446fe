"""What Linux knows of a process and those that came of it, and how to end them all.

The constants are those of ``<linux/prctl.h>``; `prctl(2)` says what they do.
"""

from __future__ import annotations

import ctypes
import os
import time
from _signal import (  # type: ignore[import-not-found]  # `signal` imports enum, a burden to forks
    SIGCHLD,
    SIGKILL,
)
from contextlib import suppress
from functools import partial

__all__ = [
    "adopt_orphans",
    "allocate",
    "die_with_parent",
    "end_descendants",
    "end_session",
    "flush_c_streams",
    "free",
    "is_glibc",
    "reap",
    "signal_file",
    "signal_group",
    "wake_with_parent",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_SIGSET_WORDS = 1024 // (8 * ctypes.sizeof(ctypes.c_ulong))  # <bits/types/__sigset_t.h>

_MOMENT_S = 0.002  # between two looks at who is left

# The least that ctypes can do around a call: neither errno nor other threads.
_libc = ctypes.PyDLL(None)

# Have the kernel kill this process when the thread that started it ends.
die_with_parent = partial(_libc.prctl, _PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)

# Write out what C code has in its buffers, as ``exit(3)`` does and ``_exit(2)`` does not.
flush_c_streams = partial(_libc.fflush, None)

# Memory, by its address.
is_glibc = hasattr(_libc, "gnu_get_libc_version")
allocate = _libc.malloc
allocate.argtypes, allocate.restype = [ctypes.c_size_t], ctypes.c_size_t
free = _libc.free
free.argtypes, free.restype = [ctypes.c_size_t], None


def wake_with_parent() -> None:
    """Have the kernel send this process SIGCHLD when the thread that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, SIGCHLD, 0, 0, 0)


def signal_file(number: int) -> int:
    """A file that can be read when a signal has come, which is to be blocked: see signalfd(2).

    Raises:
        OSError: There cannot be one more file.
    """
    mask = (ctypes.c_ulong * _SIGSET_WORDS)(1 << number - 1)
    file = int(_libc.signalfd(-1, mask, os.O_NONBLOCK | os.O_CLOEXEC))
    if file < 0:
        raise OSError("there is no file for signals")
    return file


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, in the place of init."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def signal_group(leader: int, number: int) -> None:
    """Signal a process group; that there is none any more is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def end_session(leader: int) -> None:
    """Kill what is left of a session, also in other process groups than the leader's."""
    for pid, (_, session) in _processes().items():
        if session == leader:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, SIGKILL)


def end_descendants(patience_s: float = 1.0) -> None:
    """Kill all processes that came of this one, and theirs.

    Also those that left their session: this process has adopted them. Looked for again until there
    are none, because a process may start another while it is being killed.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = _descendants(os.getpid())
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, SIGKILL)
        reap()
        time.sleep(_MOMENT_S)


def reap() -> None:
    """Wait for those children that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants(ancestor: int) -> set[int]:
    parents = {pid: parent for pid, (parent, _) in _processes().items()}
    found: set[int] = set()
    while True:
        more = {pid for pid, parent in parents.items() if parent == ancestor or parent in found}
        if more == found:
            return found
        found = more


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and session of every process there is."""
    known = {}
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it ended meanwhile
            with open(f"/proc/{entry}/stat", "rb") as file:
                # The name, in brackets, may hold anything. proc_pid_stat(5): the state follows,
                # the parent, the process group and the session.
                fields = file.read().rpartition(b")")[2].split()
            known[int(entry)] = (int(fields[1]), int(fields[3]))
    return known
