"""Run the benchmarks, and print what each comes to beside what it may.

Every figure compares the product with plain Python or another tool, measured in turns in one go,
and is the median of several repeats. `peers` puts the tools side by side.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import command_line
import durable_steps
import durable_worker
import first_result
import imports
import parallel_runs
import peers
import plot
import pool_stream
import stream_memory
import sweep
import table
from measuring import Result, measured
from needs import missing

from kohakuengine.errors import nearest

BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        imports.IMPORT,
        imports.FIRST_CONFIG,
        imports.FIRST_RUN,
        command_line.RUN,
        command_line.HELP,
        sweep.SWEEP,
        stream_memory.MEMORY,
        *parallel_runs.BENCHMARKS,
        *pool_stream.BENCHMARKS,
        first_result.FIRST_RESULT,
        imports.WFLO,
        *durable_steps.BENCHMARKS,
        *durable_worker.BENCHMARKS,
    )
}
NAMES = [*BENCHMARKS, peers.NAME]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what `argv` asks for.

    Returns:
        The exit code: 0, also when a figure breaks its bound; with ``--check`` that is 1. A
        benchmark that breaks ends everything, with its traceback and 1.
    """
    parser = make_parser()
    flags = parser.parse_args(argv)
    names = flags.names or NAMES
    if flags.plot and peers.NAME not in names:
        parser.error(f"--plot draws what {peers.NAME} measures: name it too")
    before = load()
    results, skipped = measure([name for name in names if name != peers.NAME], flags)
    show = table.as_markdown if flags.markdown else table.as_text
    if results:
        print(show(table.HEAD, [table.row(result) for result in results]), end="\n\n")
    if peers.NAME in names:
        standings = peers.measured(repeats=flags.repeats, quick=flags.quick)
        skipped += standings.skipped
        print(show(peers.HEAD, standings.cells()), end="\n\n")
        if flags.plot:
            flags.plot.write_text(plot.drawn(standings, machine()))
    for line in skipped:
        print(line)
    print(f"{machine()}; load average {before} before, {load()} after")
    if flags.quick:
        print("Not measurements: --quick only shows that the benchmarks work.")
    return int(flags.check and any(result.breaks_its_bound for result in results))


def measure(names: Sequence[str], flags: argparse.Namespace) -> tuple[list[Result], list[str]]:
    """The results of these benchmarks, and a line for each that something is missing for."""
    results, skipped = [], []
    for name in names:
        benchmark = BENCHMARKS[name]
        reason = missing(benchmark.needs)
        if reason:
            skipped.append(f"skipped {name}: {reason}")
            continue
        print(f"measuring {name}", file=sys.stderr)
        results.append(measured(benchmark, repeats=flags.repeats, quick=flags.quick))
    return results, skipped


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python benchmarks/run.py", description=__doc__)
    names = ", ".join(NAMES)
    parser.add_argument("names", nargs="*", type=named, metavar="NAME", help=f"of {names}")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="default: 5")
    parser.add_argument("--quick", action="store_true", help="only show that they work")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bound is broken")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the peers, as SVG")
    return parser


def named(name: str) -> str:
    if name not in NAMES:
        there = ", ".join(NAMES)
        hint = nearest(name, NAMES)
        raise argparse.ArgumentTypeError(f"unknown benchmark {name!r}; there are {there}.{hint}")
    return name


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of repeats; 1 is the least")
    return int(text)


def machine() -> str:
    """What the figures depend on; nothing that tells whose machine it is."""
    today = dt.datetime.now(tz=dt.UTC).date()
    system = f"{platform.system()} {platform.machine()}"
    return f"{today}; Python {platform.python_version()}; {system}, {os.cpu_count()} cores"


def load() -> str:
    """How busy the machine was in the last minute; above its number of cores, figures are void."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    sys.exit(main())
