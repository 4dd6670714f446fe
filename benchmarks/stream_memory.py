"""Whether memory stays flat while a generator of configs is streamed.

As a program, ``python stream_memory.py RUNS``, it streams that many and prints its peak memory.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from figures import Bound, Pair
from measuring import Benchmark, python, start
from places import TRIVIAL

from kohakuengine import Config, ConfigGenerator, Script, Sequential

FEW, MANY = 1_000, 1_000_000
QUICK_FEW, QUICK_MANY = 10, 1_000


def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
    """Each in a fresh process. Memory is not disturbed by other programs: no turns are taken."""
    few, many = (QUICK_FEW, QUICK_MANY) if quick else (FEW, MANY)
    return Pair(ours=_peak_mb_of(many), base=_peak_mb_of(few))


def _peak_mb_of(runs: int) -> float:
    return float(start(python(__file__, str(runs))))


def stream(runs: int) -> None:
    configs = ConfigGenerator(Config({"step": step}) for step in range(runs))
    for result in Sequential([Script(TRIVIAL, config=configs)]).stream():
        assert result.value == result.index


def peak_mb() -> float:
    """The most memory that this process has held, in MB of 2**20 bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
    # On Linux, getrusage begins with the peak of the process that started this one.
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 2**10


MEMORY = Benchmark(
    name="memory",
    ours="1,000,000 configs streamed, peak",
    base="1,000 configs",
    unit="MB",
    bound=Bound(20, "MB"),
    repeat=repeat,
)

if __name__ == "__main__":
    stream(int(sys.argv[1]))
    print(peak_mb())
