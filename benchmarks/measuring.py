"""How everything here is measured: side by side with what it is compared to, several times."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Generic, TypeVar

from figures import Bound, Pair
from needs import Need

T = TypeVar("T")

# What a benchmark gets done in a loop is cut into this many parts, between which the two sides
# alternate, so that another program's burst of work meets both.
TURNS = 20
QUICK_TURNS = 2


@dataclass(frozen=True)
class Benchmark:
    """One thing that is measured.

    Attributes:
        name: What it is called on the command line.
        ours: What of the product is measured.
        base: What that is compared to.
        unit: Of both.
        bound: What its figure is, and may be.
        repeat: Measures once. Given True it does as little as possible: the figure is void, but
            it shows that the benchmark works.
        needs: What is to be installed for it.
    """

    name: str
    ours: str
    base: str
    unit: str
    bound: Bound
    repeat: Callable[[bool], Pair]
    needs: Sequence[Need] = ()


@dataclass(frozen=True)
class Result:
    """What the repeats of a benchmark came to; every number is the median of the repeats'."""

    benchmark: Benchmark
    repeats: Sequence[Pair]

    @property
    def ours(self) -> float:
        return median(pair.ours for pair in self.repeats)

    @property
    def base(self) -> float:
        return median(pair.base for pair in self.repeats)

    @property
    def ratio(self) -> float:
        return median(pair.ratio for pair in self.repeats)

    @property
    def figures(self) -> list[float]:
        """What the bound is for, for each repeat, in ascending order."""
        return sorted(map(self.benchmark.bound.figure, self.repeats))

    @property
    def figure(self) -> float:
        return median(self.figures)

    @property
    def breaks_its_bound(self) -> bool:
        return self.benchmark.bound.is_broken_by(self.figure)


def measured(benchmark: Benchmark, *, repeats: int, quick: bool) -> Result:
    """Measure `benchmark`."""
    return Result(benchmark, [benchmark.repeat(quick) for _ in range(repeats)])


def alternated(ours: Callable[[], object], base: Callable[[], object], turns: int) -> list[Pair]:
    """The seconds that each takes, called in turn; who begins alternates too."""
    pairs = []
    for turn in range(turns):
        if turn % 2:
            base_s = _seconds(base)
            pairs.append(Pair(_seconds(ours), base_s))
        else:
            ours_s = _seconds(ours)
            pairs.append(Pair(ours_s, _seconds(base)))
    return pairs


def _seconds(action: Callable[[], object]) -> float:
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def starts(ours: Sequence[str], base: Sequence[str]) -> Callable[[bool], Pair]:
    """The repeat of a benchmark that compares two commands, by how long a typical start takes.

    Returns:
        A function that gives milliseconds: the medians of the starts of one repeat.
    """

    def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
        for command in (ours, base):
            start(command)  # reads the files from the disk, and writes bytecode where there is none
        turns = QUICK_TURNS if quick else TURNS
        pairs = alternated(lambda: start(ours), lambda: start(base), turns)
        ours_s = median(pair.ours for pair in pairs)
        base_s = median(pair.base for pair in pairs)
        return Pair(ours_s * 1000, base_s * 1000)

    return repeat


def start(command: Sequence[str], folder: str | None = None) -> str:
    """Run a command to its end, in `folder`, and return what it printed.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    return subprocess.run(
        command, env=environment(), cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def environment() -> dict[str, str]:
    """Ours, without what changes what is measured, and differently for each side.

    Such are PYTHONDONTWRITEBYTECODE, and what makes children measure their coverage.
    """
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}


def python(*arguments: str) -> list[str]:
    """The command that starts this interpreter."""
    return [sys.executable, *arguments]


class Shared(Generic[T]):
    """A measurement from which several benchmarks take their figures; each repeat takes it once.

    Args:
        measure: Takes it; is told whether to do as little as possible.
    """

    def __init__(self, measure: Callable[[bool], T]) -> None:
        self._measure = measure
        self._taken: list[T] = []

    def repeat(self, read: Callable[[T], Pair]) -> Callable[[bool], Pair]:
        """The repeat of one of the benchmarks, whose figure `read` finds in the measurement."""
        numbers = count()

        def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
            number = next(numbers)
            if number == len(self._taken):
                self._taken.append(self._measure(quick))
            return read(self._taken[number])

        return repeat
