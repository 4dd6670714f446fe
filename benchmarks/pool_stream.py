"""What a flow of 100,000 configs costs the process that drives it, in mode pool.

As a program, ``python pool_stream.py WHAT RUNS``, it streams that many, by the product's ``flow``
or by the ``executor`` of the standard library, and prints what that took of itself.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from tempfile import TemporaryDirectory
from typing import NamedTuple

from figures import Bound, Itself, Pair
from measuring import Benchmark, Shared, python, start
from places import PROGRAMS, TRIVIAL
from stream_memory import peak_mb

RUNS, FEW = 100_000, 1_000
QUICK_RUNS, QUICK_FEW = 40, 4


class Cost(NamedTuple):
    """What so many runs took.

    Attributes:
        peak_mb: The most memory that the driving process held.
        cpu_us: Its CPU time a run: all its threads, in user and in system mode; its children's
            is not in it.
        wall_us: Time a run.
    """

    peak_mb: float
    cpu_us: float
    wall_us: float


class Streams(NamedTuple):
    """The same for the product, for a short flow of the product, and for the standard library."""

    flow: Cost
    short: Cost
    executor: Cost


def measure(quick: bool) -> Streams:  # noqa: FBT001 - what `Shared` calls
    runs, few = (QUICK_RUNS, QUICK_FEW) if quick else (RUNS, FEW)
    return Streams(_cost("flow", runs), _cost("flow", few), _cost("executor", runs))


def _cost(what: str, runs: int) -> Cost:
    """Of a fresh process, which keeps its logs where they go away."""
    with TemporaryDirectory() as folder:
        return Cost(**json.loads(start(python(__file__, what, str(runs)), folder)))


def flow(runs: int) -> None:
    from kohakuengine import Config, ConfigGenerator, Parallel, Script

    configs = ConfigGenerator(Config({"step": step}) for step in range(runs))
    script = Script(TRIVIAL, config=configs)
    for result in Parallel([script], max_workers=2, executor="pool").stream():
        assert result.value == result.index


def executor(runs: int) -> None:
    sys.path.insert(0, str(PROGRAMS))
    from work import trivial

    with ProcessPoolExecutor(2) as pool:
        for number, value in enumerate(pool.map(trivial, range(runs), chunksize=1)):
            assert value == number


def main(what: str, runs: int) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    {"flow": flow, "executor": executor}[what](runs)
    cpu_us = (time.process_time() - cpu_s) / runs * 1e6
    wall_us = (time.perf_counter() - wall_s) / runs * 1e6
    print(json.dumps(Cost(peak_mb(), cpu_us, wall_us)._asdict()))


_streams = Shared(measure)

BENCHMARKS = (
    Benchmark(
        name="pool-memory",
        ours="100,000 configs streamed through mode pool, peak of the parent",
        base="1,000 configs",
        unit="MB",
        bound=Bound(30, "MB"),
        repeat=_streams.repeat(lambda taken: Pair(taken.flow.peak_mb, taken.short.peak_mb)),
    ),
    Benchmark(
        name="pool-driver",
        ours="100,000 configs streamed through mode pool, CPU time of the parent",
        base="`ProcessPoolExecutor.map`",
        unit="us a run",
        bound=Itself(100, "us a run"),
        repeat=_streams.repeat(lambda taken: Pair(taken.flow.cpu_us, taken.executor.cpu_us)),
    ),
    Benchmark(
        name="pool-wall",
        ours="100,000 configs streamed through mode pool, time",
        base="`ProcessPoolExecutor.map`",
        unit="us a run",
        bound=Bound(None),
        repeat=_streams.repeat(lambda taken: Pair(taken.flow.wall_us, taken.executor.wall_us)),
    ),
)

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
