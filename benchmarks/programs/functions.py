"""``python functions.py TOOL FUNCTION RUNS``: call a function of work.py, by two workers."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import work

WORKERS = 2
Function = Callable[[int], int]


def process_pool_executor(function: Function, runs: int) -> list[int]:
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(function, range(runs), chunksize=1))


def pool(function: Function, runs: int) -> list[int]:
    with multiprocessing.Pool(WORKERS) as workers:
        return workers.map(function, range(runs), chunksize=1)


def pool_of_one_task(function: Function, runs: int) -> list[int]:
    """A new process for each call."""
    with multiprocessing.Pool(WORKERS, maxtasksperchild=1) as workers:
        return workers.map(function, range(runs), chunksize=1)


def joblib(function: Function, runs: int) -> list[int]:
    """As it comes: it makes batches of the calls."""
    from joblib import Parallel, delayed

    values = Parallel(n_jobs=WORKERS, backend="loky")(delayed(function)(n) for n in range(runs))
    return list(values)


def main(tool: str, function: str, runs: int) -> None:
    call: Callable[[Function, int], list[int]] = globals()[tool]
    if call(getattr(work, function), runs) != list(range(runs)):
        raise RuntimeError("the values are not those of the calls")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
