"""What 10,000 runs of a durable workflow leave: in a worker's memory, and to be listed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import NamedTuple

from figures import Bound, Pair
from measuring import Benchmark, Shared, environment, python, start, starts
from needs import PSUTIL
from places import PROGRAMS, WFLO

MANY, FEW = 10_000, 1_000
QUICK_MANY, QUICK_FEW = 8, 4


class Leftovers(NamedTuple):
    """What there is after many runs.

    Attributes:
        memory_mb: What the worker held after all of them and after the first, in MB of 2**20 bytes.
        list_ms: How long `wflo list` takes, and `wflo --help`.
    """

    memory_mb: Pair
    list_ms: Pair


def measure(quick: bool) -> Leftovers:  # noqa: FBT001 - what `Shared` calls
    many, few = (QUICK_MANY, QUICK_FEW) if quick else (MANY, FEW)
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/wflo.db"
        with worker(url) as process:
            run(url, few)
            before_mb = resident_mb(process)
            run(url, many - few)
            memory = Pair(resident_mb(process), before_mb)
        # As data: the table would say on stderr that there is more of it.
        listing = [WFLO, "list", "--json", "--database", url]
        return Leftovers(memory, starts(listing, [WFLO, "--help"])(quick))


@contextmanager
def worker(url: str) -> Iterator[subprocess.Popen[str]]:
    """A worker, which is told to stop in the end.

    Raises:
        RuntimeError: It ended otherwise.
    """
    command = [WFLO, "worker", "--app", str(PROGRAMS / "one_step.py"), "--database", url]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {said}")


def run(url: str, count: int) -> None:
    start(python(str(PROGRAMS / "submit.py"), url, str(count)))


def resident_mb(process: subprocess.Popen[str]) -> float:
    import psutil

    return float(psutil.Process(process.pid).memory_info().rss) / 2**20


_leftovers = Shared(measure)

BENCHMARKS = (
    Benchmark(
        name="wflo-memory",
        ours=f"memory of `wflo worker` after {MANY:,} runs",
        base=f"after {FEW:,}",
        unit="MB",
        bound=Bound(10, "MB"),  # 1 KB a run
        repeat=_leftovers.repeat(lambda taken: taken.memory_mb),
        needs=[PSUTIL],
    ),
    Benchmark(
        name="wflo-list",
        ours=f"`wflo list`, of {MANY:,} runs",
        base="`wflo --help`",
        unit="ms",
        bound=Bound(150, "ms"),
        repeat=_leftovers.repeat(lambda taken: taken.list_ms),
        needs=[PSUTIL],
    ),
)
