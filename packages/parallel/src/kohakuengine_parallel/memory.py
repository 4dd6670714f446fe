"""The memory that a run may have, and whether the kernel killed one for having too much."""

from __future__ import annotations

import sys

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.cpus import cgroup_chains, kernel_text

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OomKills", "check_limit", "limit_memory"]

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


class OomKills:
    """Counts the processes that the kernel kills because memory is out, from now on.

    Of a process that died by SIGKILL, though nobody here sent it, this tells whether it was the
    kernel: the counter is raised before the signal is sent. It is that of this process's control
    group where the kernel keeps one (from 4.13 on), else that of the machine; what else dies in
    there counts too. Where there is no counter at all, nothing is ever counted.

    Args:
        root: The folder that holds ``proc`` and what is mounted.
    """

    def __init__(self, root: str = "/") -> None:
        self._source, self._accounted = next(_counters(root), ("", 0))

    def since(self) -> int:
        """How many there have been for which no `claim` has accounted."""
        return max(0, (_count(self._source) or 0) - self._accounted)

    def claim(self) -> bool:
        """Whether there is one more, which is then accounted for: one kill explains one death."""
        found = self.since() > 0
        self._accounted += found
        return found


def _counters(root: str) -> Iterator[tuple[str, int]]:
    """The counters that there are, with what they show; the nearest first."""
    names = [
        f"{folder}/{name}"
        for chain in cgroup_chains("memory", root)
        for folder in chain  # its own may be without the controller; the next above counts for it
        for name in ("memory.events", "memory.oom_control")
    ]
    for name in [*names, f"{root}/proc/vmstat"]:
        count = _count(name)
        if count is not None:
            yield name, count


def _count(source: str) -> int | None:
    for line in kernel_text(source).splitlines():
        key, _, value = line.partition(" ")
        if key == "oom_kill":
            return int(value)
    return None
