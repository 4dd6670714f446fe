"""The memory that a run may have."""

from __future__ import annotations

import sys

from kohakuengine.errors import WorkflowError

__all__ = ["check_limit", "limit_memory"]

_MIB = 2**20


def check_limit(memory_limit_mb: float | None) -> None:
    """Refuse a limit that makes no sense, or that this platform would not enforce.

    Raises:
        WorkflowError: It does so; the message says why.
    """
    if memory_limit_mb is None:
        return
    if not _is_size(memory_limit_mb):
        raise WorkflowError(
            f"memory_limit_mb must be a number of at least 1, got {memory_limit_mb!r}"
        )
    try:
        import resource  # noqa: F401 - is it there?
    except ImportError:
        enforced = False
    else:
        enforced = sys.platform != "darwin"  # macOS has the call, and ignores it
    if not enforced:
        raise WorkflowError(f"memory_limit_mb cannot be enforced on this platform ({sys.platform})")


def _is_size(megabytes: object) -> bool:
    if not isinstance(megabytes, (int, float)) or isinstance(megabytes, bool):
        return False
    # The upper bound is that of the system call, in bytes; nan is in no range.
    return 1 <= megabytes < 2**63 / _MIB


def limit_memory(memory_limit_mb: float) -> None:
    """Limit the address space of this process, and of each that it starts, for good.

    Beyond it allocations fail, in Python with `MemoryError`. Address space is more than the memory
    in use: what is mapped counts, also before it is touched and what a fork shares with its parent.
    CUDA reserves more of it than any machine has memory, so such a limit is for runs on CPUs.

    Args:
        memory_limit_mb: In units of 2**20 bytes. A hard limit that is lower already remains.
    """
    import resource

    limit = int(memory_limit_mb * _MIB)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
