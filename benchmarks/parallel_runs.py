"""What a run costs in each mode of `Parallel`, by two workers."""

from __future__ import annotations

from contenders import (
    FORK,
    FORK_LOOP,
    NOTHING,
    NUMPY_IMPORT,
    POOL,
    PROCESS_POOL,
    SUBPROCESS,
    XARGS_PYTHON,
    Tool,
    Work,
    side_by_side,
)
from figures import Bound, Speedup
from measuring import Benchmark


def _compared(name: str, work: Work, ours: Tool, base: Tool, bound: Bound) -> Benchmark:
    our_load, base_load = ours.load(work), base.load(work)
    return Benchmark(
        name=name,
        ours=f"{our_load.runs:,} runs of a {work.label}, {ours.name}",
        base=f"{base_load.runs:,} by {base.name}",
        unit="ms a run",
        bound=bound,
        repeat=side_by_side(our_load, base_load),
        needs=[*our_load.needs, *base.needs],
    )


BENCHMARKS = (
    _compared("fork-numpy", NUMPY_IMPORT, FORK, FORK_LOOP, Bound(1.5)),
    _compared("fork-numpy-xargs", NUMPY_IMPORT, FORK, XARGS_PYTHON, Speedup(50)),
    _compared("fork-trivial", NOTHING, FORK, FORK_LOOP, Bound(None)),
    _compared("fork-trivial-xargs", NOTHING, FORK, XARGS_PYTHON, Speedup(5)),
    _compared("subprocess-numpy", NUMPY_IMPORT, SUBPROCESS, XARGS_PYTHON, Bound(1.3)),
    _compared("subprocess-trivial", NOTHING, SUBPROCESS, XARGS_PYTHON, Bound(3)),
    _compared("pool", NOTHING, POOL, PROCESS_POOL, Bound(1.5)),
)
