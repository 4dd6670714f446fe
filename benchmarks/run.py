"""Run the benchmarks, and print what each comes to beside what it may.

Every figure compares the product with plain Python, measured in turns in one go, and is the median
of several repeats.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
from collections.abc import Sequence

import command_line
import imports
import stream_memory
import sweep
from measuring import Benchmark, measured
from table import as_markdown, as_text

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
    )
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what `argv` asks for.

    Returns:
        The exit code: 0, also when a figure is over its bound; with ``--check`` that is 1. A
        benchmark that breaks ends everything, with its traceback and 1.
    """
    flags = make_parser().parse_args(argv)
    before = load()
    results = []
    for benchmark in flags.names or BENCHMARKS.values():
        print(f"measuring {benchmark.name}", file=sys.stderr)
        results.append(measured(benchmark, repeats=flags.repeats, quick=flags.quick))
    print(as_markdown(results) if flags.markdown else as_text(results))
    print(f"\n{machine()}; load average {before} before, {load()} after")
    if flags.quick:
        print("Not measurements: --quick only shows that the benchmarks work.")
    return int(flags.check and any(result.is_over for result in results))


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python benchmarks/run.py", description=__doc__)
    names = ", ".join(BENCHMARKS)
    parser.add_argument("names", nargs="*", type=named, metavar="NAME", help=f"of {names}")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="default: 5")
    parser.add_argument("--quick", action="store_true", help="only show that they work")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a figure is over")
    return parser


def named(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        hint = nearest(name, list(BENCHMARKS))
        raise argparse.ArgumentTypeError(
            f"unknown benchmark {name!r}; there are {', '.join(BENCHMARKS)}.{hint}"
        )
    return BENCHMARKS[name]


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
