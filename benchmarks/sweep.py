"""What a run costs in a sweep in this very process."""

from __future__ import annotations

import runpy
from itertools import islice

from figures import Bound, Pair
from measuring import TURNS, Benchmark, alternated
from places import TRIVIAL

from kohakuengine import Config, ConfigGenerator, Script, Sequential

RUNS = 10_000
QUICK_RUNS = 200


def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
    """One flow over a generator, advanced in turns with as many calls of `runpy.run_path`.

    Returns:
        The seconds of all runs.

    Raises:
        RuntimeError: A run did not get its value.
    """
    runs = QUICK_RUNS if quick else RUNS
    part = runs // TURNS
    configs = ConfigGenerator(Config({"step": step}) for step in range(runs))
    results = Sequential([Script(TRIVIAL, config=configs)]).stream()
    values: list[object] = []

    def ours() -> None:
        values.extend(result.value for result in islice(results, part))

    def base() -> None:
        for _ in range(part):
            runpy.run_path(TRIVIAL, run_name="__main__")

    pairs = alternated(ours, base, TURNS)
    if values != list(range(runs)):
        raise RuntimeError("the values of the runs are not those of their configs")
    return Pair(sum(pair.ours for pair in pairs), sum(pair.base for pair in pairs))


SWEEP = Benchmark(
    name="sweep",
    ours="10,000 runs of a script in process",
    base="10,000 times `runpy.run_path`",
    unit="s",
    bound=Bound(1),
    repeat=repeat,
)
