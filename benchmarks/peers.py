"""What an isolated run costs by each tool, in one table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from contenders import TOOLS, WORKS, Load, Tool, Work

NAME = "peers"
HEAD = ["tool", "a process for each run", *(f"{work.label}, ms a run" for work in WORKS), "runs"]


@dataclass
class Standing:
    """What one tool came to.

    Attributes:
        tool: Which.
        repeats: Milliseconds a run, of each repeat, by the name of the work. Work that could not be
            done is not there.
    """

    tool: Tool
    repeats: dict[str, list[float]] = field(default_factory=dict)

    def ms(self, work: Work) -> float | None:
        """The median; None where nothing was measured."""
        repeats = self.repeats.get(work.name)
        return median(repeats) if repeats else None

    def cell(self, work: Work) -> str:
        ms = self.ms(work)
        if ms is None:
            return "not measured"
        repeats = self.repeats[work.name]
        return f"{ms:.3g} ({min(repeats):.3g} to {max(repeats):.3g})"


@dataclass
class Standings:
    """All of them, and what was left out.

    Attributes:
        rows: Those that were measured, in the order of `TOOLS`.
        skipped: A line for each tool and work that could not be.
    """

    rows: Sequence[Standing]
    skipped: Sequence[str]

    def cells(self) -> list[list[str]]:
        return [_row(standing) for standing in self.rows]


def _row(standing: Standing) -> list[str]:
    tool = standing.tool
    runs = " and ".join(f"{tool.load(work).runs:,}" for work in WORKS)
    isolates = "yes" if tool.isolates else "no: two workers are shared"
    return [tool.name, isolates, *map(standing.cell, WORKS), runs]


def measured(*, repeats: int, quick: bool, tools: Sequence[Tool] = TOOLS) -> Standings:
    """Measure all tools, in turn, and that several times: a burst of other work meets each."""
    skipped, loads = [], []
    for load in (tool.load(work) for work in WORKS for tool in tools):
        reason = load.missing
        if reason:
            skipped.append(f"skipped {load.tool.name}, {load.work.label}: {reason}")
        else:
            loads.append(load.fewest() if quick else load)
    standings = {tool.name: Standing(tool) for tool in tools}
    with TemporaryDirectory() as folder:
        for load in [] if quick else loads:
            load.fewest().start(folder)  # reads the files from the disk, and writes bytecode
        for _ in range(repeats):
            for load in loads:
                _measure(load, standings, folder)
    return Standings([found for found in standings.values() if found.repeats], skipped)


def _measure(load: Load, standings: Mapping[str, Standing], folder: str) -> None:
    print(f"measuring {load.tool.name}, {load.work.label}", file=sys.stderr)
    before = perf_counter()
    load.start(folder)
    ms = (perf_counter() - before) * 1000 / load.runs
    standings[load.tool.name].repeats.setdefault(load.work.name, []).append(ms)
