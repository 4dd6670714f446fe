"""How many CPUs this process may use, which in a container is not what the machine has.

The kernel limits a process in two ways: by the CPUs that it may run on (the affinity, which also
shows cpusets), and by a quota of CPU time on its control group and on each group above that.
https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
https://docs.kernel.org/scheduler/sched-bwc.html (version 1)
"""

from __future__ import annotations

import os
import sys

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cgroup_chains", "kernel_text", "usable_cpus"]


def usable_cpus(root: str = "/") -> int:
    """How many CPUs this process may use: by affinity and quota, rounded up, at least 1.

    A number that the user gave to Python (``PYTHON_CPU_COUNT``, ``-X cpu_count``) stands as it is.
    Python heeds these from 3.13 on; here they count on every version.

    Args:
        root: The folder that holds ``proc`` and what is mounted.
    """
    given = _given_count()
    if given:
        return given
    folders = (folder for chain in cgroup_chains("cpu", root) for folder in chain)
    quotas = (_quota(folder) for folder in folders)
    return min([_permitted_cpus(), *(quota for quota in quotas if quota)])


def _given_count() -> int:
    variable = "" if sys.flags.ignore_environment else os.environ.get("PYTHON_CPU_COUNT", "")
    text = str(sys._xoptions.get("cpu_count", variable))  # noqa: SLF001 - documented, in spite of its name
    return int(text) if text.isdecimal() else 0  # "default" asks for the count of the system


def _permitted_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    # Python 3.13 knows the affinity on other systems too.
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1


def _quota(folder: str) -> int | None:
    """The whole CPUs that a control group's quota is enough for, or None where it has no quota."""
    text = kernel_text(f"{folder}/cpu.max") or " ".join(
        kernel_text(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period")
    )
    numbers = [int(word) for word in text.split() if word.isdecimal()]  # not "max", not "-1"
    if len(numbers) != 2 or not all(numbers):
        return None
    quota, period = numbers
    return -(-quota // period)


def cgroup_chains(controller: str, root: str = "/") -> list[list[str]]:
    """The folders of this process's control groups: its own, then each one above it.

    There is one chain for version 2 and one for the version 1 hierarchy of the controller; a system
    has either, or both (then the files of the controller are in one of the two), or none.
    """
    chains = []
    for line in kernel_text(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts = list(_mounts("cgroup2", "", root))
        elif controller in controllers.split(","):
            mounts = list(_mounts("cgroup", controller, root))
        else:
            continue
        if mounts:
            chains.append(_chain(path, mounts, root))
    return chains


def _mounts(kind: str, controller: str, root: str) -> Iterator[tuple[str, str]]:
    """Where a hierarchy is mounted: the group that is at the top there, and the mount point.

    For the format see proc_pid_mountinfo(5).
    """
    for line in kernel_text(os.path.join(root, "proc/self/mountinfo")).splitlines():
        mount, _, file_system = line.partition(" - ")
        found, _, options = file_system.split(" ", 2)
        if found == kind and (not controller or controller in options.split(",")):
            _, _, _, top, point, *_ = mount.split(" ")
            yield _unescaped(top), _unescaped(point)


def _unescaped(path: str) -> str:
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        path = path.replace(code, character)
    return path


def _chain(path: str, mounts: list[tuple[str, str]], root: str) -> list[str]:
    """The folder of the group named, and those above it up to the mount point."""
    ways = [(_inside(path, top), point) for top, point in mounts]
    # Else another part of the tree is mounted, as in some containers: its top is all that we see.
    inside, point = next(((way, at) for way, at in ways if way is not None), ([], mounts[0][1]))
    base = os.path.join(root, point.lstrip("/"))
    return [os.path.join(base, *inside[:depth]) for depth in range(len(inside), -1, -1)]


def _inside(path: str, top: str) -> list[str] | None:
    """The way from one group down to another, or None if the other is not below it."""
    way, start = ([name for name in whole.split("/") if name] for whole in (path, top))
    # ".." leads out of the cgroup namespace, to groups whose names cannot be known here.
    if ".." in way or way[: len(start)] != start:
        return None
    return way[len(start) :]


def kernel_text(path: str) -> str:
    """What is in a file of the kernel's, or nothing where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
