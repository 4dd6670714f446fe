"""Whether a process may be forked: whether its forks would find all in working order.

A fork has one thread, whatever its parent had. A lock that another thread held stays locked in it
for ever, and a CUDA context is no context any more.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

__all__ = ["why_unsafe"]


# How long a thread may take to end that was told to: some hundred times what it takes.
_PATIENCE_S = 0.05
_MOMENT_S = 0.001


def why_unsafe() -> str | None:
    """Why this process must not be forked; None if it may."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        reason = _reason()
        if reason is None or time.monotonic() >= deadline:
            return reason
        time.sleep(_MOMENT_S)  # the kernel counts a thread for a moment after it was joined


def _reason() -> str | None:
    count = _python_threads()
    if count > 1:
        return f"{count - 1} Python thread{'s' if count > 2 else ''} {_run(count - 1)}"
    if _has_cuda():
        return "a GPU has been initialised"
    native = len(os.listdir("/proc/self/task")) - 1
    unknown = native - _openblas_threads()
    if unknown > 0:
        return f"{unknown} native thread{'s' if unknown > 1 else ''} {_run(unknown)}"
    return None


def _run(count: int) -> str:
    return "is running" if count == 1 else "are running"


def _python_threads() -> int:
    threading = sys.modules.get("threading")
    known = len(threading.enumerate()) if threading is not None else 1
    return max(known, _thread._count() + 1)  # noqa: SLF001 - those that threading has not seen


def _has_cuda() -> bool:
    """Whether the driver's device is open, as it is from the first use of a GPU on."""
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            if os.readlink(f"/proc/self/fd/{entry}").startswith("/dev/nvidia"):
                return True
    return False


def _openblas_threads() -> int:
    """How many threads OpenBLAS keeps, which it ends before a fork and starts again after it."""
    return sum(max(0, _threads_of(path) - 1) for path in _mapped("openblas"))


def _mapped(part: str) -> Iterator[str]:
    seen = set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if path and part in os.path.basename(path) and path not in seen:
                seen.add(path)
                yield "/" + path


def _threads_of(library: str) -> int:
    """How many threads an OpenBLAS computes with; its builds differ in how they call that."""
    loaded = ctypes.CDLL(library)
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_"):
            function = getattr(loaded, f"{prefix}openblas_get_num_threads{suffix}", None)
            if function is not None:
                return int(function())
    return 1
