"""Processes that are kept from ending (Linux), as one is that has much memory to give back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_from_ending"]

# <sys/ptrace.h>, <linux/wait.h>
_SEIZE, _DETACH = 0x4206, 17
_STOP_AT_EXIT = 0x40
_ALL_KINDS = 0x40000000
_EVENT_EXIT = 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


@contextmanager
def kept_from_ending(pid: int) -> Iterator[None]:
    """Have a process stop where the kernel would begin to take it apart, until this is left.

    All has to be done by one thread. The process does end in the block.
    """
    _ptrace(_SEIZE, pid, _STOP_AT_EXIT)
    try:
        yield
    finally:
        _, status = os.waitpid(pid, _ALL_KINDS)
        assert status >> 16 == _EVENT_EXIT, f"{pid} did something else: {status:#x}"
        _ptrace(_DETACH, pid, 0)


def _ptrace(request: int, pid: int, data: int) -> None:
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"process {pid}")
