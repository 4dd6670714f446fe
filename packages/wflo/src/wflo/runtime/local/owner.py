"""The name of a process that holds steps, and whether that process is still there.

A lease says until when a worker is believed. On its own machine a worker that was killed can be
told from one that is slow, so that nobody waits for the lease of the dead.
"""

from __future__ import annotations

import functools
import os
import secrets
import socket
import sys
from pathlib import Path

_SEPARATOR = "|"


@functools.cache
def _machine() -> str:
    """What is shared by exactly those processes that can see each other's ids."""
    parts = [socket.gethostname()]
    if sys.platform == "linux":
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        parts.append(boot[:8])
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))  # containers have their own
    return "/".join(parts)


def new_owner() -> str:
    """A name for this process; another one at each call."""
    pid = os.getpid()
    parts = (_machine(), str(pid), _started(pid) or "", secrets.token_hex(4))
    return _SEPARATOR.join(parts)


def is_dead(owner: str) -> bool:
    """Whether the process of that name is known to be gone. False where that cannot be known."""
    machine, _, rest = owner.partition(_SEPARATOR)
    pid, _, rest = rest.partition(_SEPARATOR)
    started, _, _ = rest.partition(_SEPARATOR)
    if sys.platform != "linux" or machine != _machine() or not pid.isdecimal():
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str | None:
    """When the process began, in the kernel's ticks; None if there is no such process.

    Field 22 of /proc/PID/stat, see proc(5); the second field may have spaces and brackets.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
