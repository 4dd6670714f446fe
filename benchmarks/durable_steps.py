"""What a durable step costs: in a chain, next to DBOS, and side by side with others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from statistics import median
from tempfile import TemporaryDirectory

from figures import Bound, Pair, Speedup
from measuring import Benchmark, python, start
from needs import DBOS, POSTGRESQL, Need
from places import PROGRAMS
from servers import postgresql

STEPS, SIDE_BY_SIDE = 500, 1_000
QUICK_STEPS = 3
# Each is a program of its own, of which one runs at a time.
TURNS = 4

Urls = AbstractContextManager[tuple[str, str]]


@contextmanager
def two_files() -> Iterator[tuple[str, str]]:
    """A file for each side. Both flush it to the disk at each commit."""
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/base.db"


@contextmanager
def two_files_in_wal() -> Iterator[tuple[str, str]]:
    """The same, but DBOS's is made to have a write-ahead log, which wflo's has anyway."""
    with two_files() as (ours, base):
        with closing(sqlite3.connect(base.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        yield ours, base


@contextmanager
def two_databases() -> Iterator[tuple[str, str]]:
    """A database for each side, on one server."""
    with postgresql() as database:
        yield database(), database()


def chain(kind: str, databases: Callable[[], Urls]) -> Callable[[bool], Pair]:
    """The repeat of a benchmark that compares wflo with DBOS.

    Returns:
        A function that gives milliseconds a step.
    """

    def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
        steps = QUICK_STEPS if quick else STEPS
        with databases() as (ours, base):
            return in_turns(
                lambda: ms_a_step("wflo_steps.py", "chain", kind, steps, ours),
                lambda: ms_a_step("dbos_chain.py", kind, steps, base),
                quick=quick,
            )

    return repeat


def side_by_side(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
    many, steps = (QUICK_STEPS, QUICK_STEPS) if quick else (SIDE_BY_SIDE, STEPS)
    with two_files() as (ours, base):
        return in_turns(
            lambda: ms_a_step("wflo_steps.py", "parallel", "plain", many, ours),
            lambda: ms_a_step("wflo_steps.py", "chain", "plain", steps, base),
            quick=quick,
        )


def in_turns(ours: Callable[[], float], base: Callable[[], float], *, quick: bool) -> Pair:
    """The median of what each says; who begins alternates."""
    said: dict[Callable[[], float], list[float]] = {ours: [], base: []}
    for turn in range(1 if quick else TURNS):
        for side in (base, ours) if turn % 2 else (ours, base):
            said[side].append(side())
    return Pair(median(said[ours]), median(said[base]))


def ms_a_step(program: str, *arguments: object) -> float:
    with TemporaryDirectory() as folder:
        return float(start(python(str(PROGRAMS / program), *map(str, arguments)), folder))


def _next_to_dbos(
    name: str,
    kind: str,
    where: str,
    databases: Callable[[], Urls],
    limit: float | None,
    *needs: Need,
) -> Benchmark:
    return Benchmark(
        name=name,
        ours=f"chain of {STEPS} {kind} steps, {where}, wflo",
        base="DBOS",
        unit="ms a step",
        bound=Bound(limit),
        repeat=chain(kind, databases),
        needs=[DBOS, *needs],
    )


BENCHMARKS = (
    _next_to_dbos("wflo-chain-sqlite", "plain", "SQLite", two_files, 1),
    _next_to_dbos("wflo-chain-async", "async", "SQLite", two_files, None),
    _next_to_dbos("wflo-chain-wal", "plain", "SQLite, both with WAL", two_files_in_wal, None),
    _next_to_dbos("wflo-chain-postgres", "plain", "PostgreSQL", two_databases, 1, POSTGRESQL),
    Benchmark(
        name="wflo-parallel",
        ours=f"{SIDE_BY_SIDE:,} steps side by side, SQLite",
        base=f"chain of {STEPS}",
        unit="ms a step",
        bound=Speedup(3),
        repeat=side_by_side,
    ),
)
