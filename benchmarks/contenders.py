"""What runs a script many times, two at a time: the product, its peers, and a floor."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean
from tempfile import TemporaryDirectory
from typing import NamedTuple

from figures import Pair
from measuring import alternated, python, start
from needs import GNU_PARALLEL, HYDRA_JOBLIB, JOBLIB, NUMPY, XARGS, Need, missing
from places import PROGRAMS, TRIVIAL, USES_NUMPY

QUICK_RUNS = 4
# Often enough that another program's burst of work meets both sides, and who begins alternates.
TURNS = 2


class Work(NamedTuple):
    """What is to be run.

    Attributes:
        name: The script's stem, and the name of the function in programs/work.py that does as much.
        label: What it is called in tables.
        script: The path.
        needs: What it imports.
    """

    name: str
    label: str
    script: str
    needs: Sequence[Need] = ()


NOTHING = Work("trivial", "trivial script", TRIVIAL)
NUMPY_IMPORT = Work("uses_numpy", "script that imports numpy", USES_NUMPY, (NUMPY,))
WORKS = (NOTHING, NUMPY_IMPORT)


@dataclass(frozen=True)
class Tool:
    """Something that does work many times, two at a time, by one command.

    Attributes:
        name: What it is called in tables.
        command: What it takes for so many runs; its current folder is one that may be littered.
        runs: How many make one measurement, of `NOTHING` and of `NUMPY_IMPORT`: what takes long is
            measured by fewer.
        isolates: Whether each run has a process of its own.
        needs: What is to be installed for it.
    """

    name: str
    command: Callable[[Work, int], Sequence[str]]
    runs: tuple[int, int]
    isolates: bool = True
    needs: Sequence[Need] = ()

    def load(self, work: Work) -> Load:
        return Load(self, work, self.runs[WORKS.index(work)])


class Load(NamedTuple):
    """So many runs of some work by some tool."""

    tool: Tool
    work: Work
    runs: int

    @property
    def needs(self) -> Sequence[Need]:
        return [*self.tool.needs, *self.work.needs]

    @property
    def missing(self) -> str:
        return missing(self.needs)

    def start(self, folder: str) -> None:
        start(self.tool.command(self.work, self.runs), folder)

    def fewest(self) -> Load:
        return self._replace(runs=QUICK_RUNS)


def side_by_side(ours: Load, base: Load) -> Callable[[bool], Pair]:
    """The repeat of a benchmark that compares two commands, each from its start to its end.

    Returns:
        A function that gives milliseconds a run.
    """

    def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
        mine, theirs = (ours.fewest(), base.fewest()) if quick else (ours, base)
        with TemporaryDirectory() as folder:
            if not quick:
                ours.fewest().start(folder)  # reads the files from the disk, and writes bytecode
                base.fewest().start(folder)
            turns = 1 if quick else TURNS
            pairs = alternated(lambda: mine.start(folder), lambda: theirs.start(folder), turns)
        ours_s, base_s = mean(pair.ours for pair in pairs), mean(pair.base for pair in pairs)
        return Pair(ours_s * 1000 / mine.runs, base_s * 1000 / theirs.runs)

    return repeat


def _product(mode: str) -> Callable[[Work, int], Sequence[str]]:
    return lambda work, runs: _program("product.py", mode, work.script, runs)


def _functions(tool: str) -> Callable[[Work, int], Sequence[str]]:
    return lambda work, runs: _program("functions.py", tool, work.name, runs)


def _program(name: str, *arguments: object) -> Sequence[str]:
    return python(str(PROGRAMS / name), *map(str, arguments))


def _numbers_to(feeder: str) -> Callable[[Work, int], Sequence[str]]:
    """A program that starts a command for each line that it reads.

    The script does not look at its argument: these tools are spared what it takes to use it.
    """

    def command(work: Work, runs: int) -> Sequence[str]:
        return ["sh", "-c", f"seq {runs} | {feeder} {shlex.join(python(work.script))}"]

    return command


def _hydra(work: Work, runs: int) -> Sequence[str]:
    steps = ",".join(map(str, range(runs)))
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    return _program(f"hydra_{work.name}.py", "--multirun", *launcher, f"+step={steps}")


FORK_LOOP = Tool(
    "bare fork loop",
    lambda work, runs: _program("fork_loop.py", work.script, runs),
    runs=(1000, 1000),
)
FORK = Tool("KohakuEngine, fork", _product("fork"), runs=(1000, 1000))
SUBPROCESS = Tool("KohakuEngine, subprocess", _product("subprocess"), runs=(100, 40))
POOL = Tool("KohakuEngine, pool", _product("pool"), runs=(10_000, 10_000), isolates=False)
XARGS_PYTHON = Tool("xargs -P2 python", _numbers_to("xargs -n1 -P2"), (200, 40), needs=[XARGS])
PROCESS_POOL = Tool(
    "ProcessPoolExecutor.map",
    _functions("process_pool_executor"),
    runs=(10_000, 10_000),
    isolates=False,
)

TOOLS = (
    FORK_LOOP,
    FORK,
    SUBPROCESS,
    POOL,
    XARGS_PYTHON,
    Tool("GNU parallel -j2 python", _numbers_to("parallel -j2"), (100, 40), needs=[GNU_PARALLEL]),
    Tool("Pool(maxtasksperchild=1)", _functions("pool_of_one_task"), runs=(200, 200)),
    Tool("multiprocessing.Pool", _functions("pool"), runs=(10_000, 10_000), isolates=False),
    PROCESS_POOL,
    Tool("joblib (loky)", _functions("joblib"), (10_000, 10_000), isolates=False, needs=[JOBLIB]),
    Tool("Hydra, joblib launcher", _hydra, (100, 100), isolates=False, needs=[HYDRA_JOBLIB]),
)
