"""How long it takes until a sweep of a million has its first result."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from statistics import median
from tempfile import TemporaryDirectory

from figures import Itself, Pair
from measuring import QUICK_TURNS, Benchmark, environment, python
from places import HELLO, MILLION, PROGRAMS, TRIVIAL

TURNS = 10
SWEEP = python(str(PROGRAMS / "first_result.py"), "fork", TRIVIAL, MILLION)


def repeat(quick: bool) -> Pair:  # noqa: FBT001 - what `Benchmark.repeat` takes
    """Seconds until each has printed its first line, in turns."""
    ours, base = [], []
    with TemporaryDirectory() as folder:
        first_line_s(SWEEP, folder)  # reads the files from the disk, and writes bytecode
        for _ in range(QUICK_TURNS if quick else TURNS):
            ours.append(first_line_s(SWEEP, folder))
            base.append(first_line_s(python(HELLO), folder))
    return Pair(median(ours), median(base))


def first_line_s(command: Sequence[str], folder: str) -> float:
    """Seconds from the start of a command to its first line. What it does afterwards is its own.

    Raises:
        RuntimeError: There was no line, or the command failed in the end.
    """
    before = time.perf_counter()
    with subprocess.Popen(
        command, env=environment(), cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken_s = time.perf_counter() - before
    if process.returncode or not line:
        raise RuntimeError(f"{command} ended with {process.returncode}, its first line is {line!r}")
    return taken_s


FIRST_RESULT = Benchmark(
    name="first-result",
    ours="first result of a sweep of 1,000,000, mode fork",
    base="`python hello.py`, first line",
    unit="s",
    bound=Itself(1, "s"),
    repeat=repeat,
)
