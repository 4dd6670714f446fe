"""Whether the kernel killed a run for having too much memory."""

from __future__ import annotations

from collections.abc import Iterator

from kohakuengine_parallel.cpus import cgroup_chains, kernel_text

__all__ = ["OomKills"]


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
