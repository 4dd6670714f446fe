"""The peers as one picture: SVG, whose text stays text, and whose colours follow the reader's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from contenders import WORKS, Work
from peers import Standing, Standings

WIDTH = 820
INDENT = 24
LEFT, RIGHT = 280, WIDTH - 60  # the ends of the axis
TOP = 120  # the first group's heading
ROW, HEADING, GAP = 28, 30, 16
GROUPS = {True: "a process for each run", False: "two workers, which all runs share"}
# The picture has a ground of its own, so that it can be read also on a page that chose its colours
# otherwise than the reader's system did.
STYLE = """
  .ground { fill: #ffffff; stroke: #d8dee4 }
  text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .ours { font-weight: 700 }
  .heading { font-size: 12px; font-weight: 600; fill: #57606a }
  .quiet { fill: #57606a }
  .small { font-size: 12px }
  .series { font-weight: 600 }
  .number { font-size: 12px; font-variant-numeric: tabular-nums }
  .grid { stroke: #e4e8ec }
  circle { stroke: #ffffff; stroke-width: 1.5 }
  .span { stroke: #b6bec7; stroke-width: 2 }
  circle.trivial { fill: #0b7d8a } text.trivial { fill: #0b7d8a }
  circle.uses_numpy { fill: #c2500a } text.uses_numpy { fill: #c2500a }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .quiet, .heading { fill: #9da7b3 }
    .grid { stroke: #21262d }
    circle { stroke: #0d1117 }
    .span { stroke: #586069 }
    circle.trivial { fill: #3fc1cf } text.trivial { fill: #3fc1cf }
    circle.uses_numpy { fill: #ff9b52 } text.uses_numpy { fill: #ff9b52 }
  }
"""


def drawn(standings: Standings, machine: str) -> str:
    """The picture.

    Args:
        standings: What to draw.
        machine: Where that was measured, for the line at the bottom.
    """
    groups = _grouped(standings.rows)
    height = _bottom(groups) + 58
    scale = Scale.of(standings.rows)
    lead = "milliseconds a run, two at a time; logarithmic, less is better"
    size = f'width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}">',
        "<title>Milliseconds a run, by tool</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" {size} rx="8"/>',
        _text(INDENT, 36, "What one run costs", "title"),
        _text(INDENT, 58, lead, "quiet"),
        *_axis(scale, _bottom(groups)),
        *_rows(groups, scale),
        _text(INDENT, height - 18, machine, "quiet small"),
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines)


class Scale:
    """Where on the logarithmic axis, which begins and ends with a power of ten, a number is."""

    def __init__(self, least: float, greatest: float) -> None:
        self.first = math.floor(math.log10(least))
        self.last = max(math.ceil(math.log10(greatest)), self.first + 1)

    @classmethod
    def of(cls, rows: Sequence[Standing]) -> Scale:
        numbers = [ms for row in rows for _, ms in _measured(row)]
        return cls(min(numbers), max(numbers))

    def x(self, ms: float) -> float:
        share = (math.log10(ms) - self.first) / (self.last - self.first)
        return round(LEFT + share * (RIGHT - LEFT), 1)


def _grouped(rows: Sequence[Standing]) -> dict[bool, list[Standing]]:
    """Those that isolate and those that do not, each with the quickest first."""

    def slowest(row: Standing) -> float:
        return max(ms for _, ms in _measured(row))

    groups = {
        isolates: sorted((row for row in rows if row.tool.isolates is isolates), key=slowest)
        for isolates in GROUPS
    }
    return {isolates: group for isolates, group in groups.items() if group}


def _measured(row: Standing) -> list[tuple[Work, float]]:
    both = [(work, row.ms(work)) for work in WORKS]
    return [(work, ms) for work, ms in both if ms is not None]


def _bottom(groups: dict[bool, list[Standing]]) -> int:
    return TOP + sum(HEADING + ROW * len(group) + GAP for group in groups.values()) - GAP


def _axis(scale: Scale, bottom: int) -> Iterator[str]:
    for exponent in range(scale.first, scale.last + 1):
        ms = 10.0**exponent
        x = scale.x(ms)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 18}" y2="{bottom}"/>'
        yield _text(x, TOP - 26, f"{ms:g} ms", "quiet small", "middle")


def _rows(groups: dict[bool, list[Standing]], scale: Scale) -> Iterator[str]:
    y = TOP
    named = False
    for isolates, group in groups.items():
        yield _text(INDENT, y, GROUPS[isolates], "heading")
        y += HEADING
        for row in group:
            points = sorted(_measured(row), key=lambda point: point[1])
            if len(points) == len(WORKS) and not named:
                named = True
                yield from _names(points, y - 19, scale)
            yield from _row(row, points, y, scale)
            y += ROW
        y += GAP


def _names(points: Sequence[tuple[Work, float]], y: int, scale: Scale) -> Iterator[str]:
    """Of the series, above the points of the first row, outwards."""
    for (work, ms), anchor, aside in zip(points, ("end", "start"), (-5, 5), strict=True):
        yield _text(scale.x(ms) + aside, y, work.label, f"small series {work.name}", anchor)


def _row(
    row: Standing, points: Sequence[tuple[Work, float]], y: int, scale: Scale
) -> Iterator[str]:
    ours = "ours" if row.tool.name.startswith("KohakuEngine") else ""
    yield _text(INDENT, y + 4, row.tool.name, ours)
    left, right = scale.x(points[0][1]), scale.x(points[-1][1])
    yield f'<line class="span" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
    for work, ms in points:
        yield f'<circle class="{work.name}" cx="{scale.x(ms)}" cy="{y}" r="5"/>'
    ends = [(right + 10, "start"), (left - 10, "end")]
    for (work, ms), (x, anchor) in zip(reversed(points), ends, strict=False):
        yield _text(x, y + 4, _number(ms), f"number {work.name}", anchor)


def _number(ms: float) -> str:
    return f"{ms:.0f}" if ms >= 9.95 else f"{ms:#.2g}"


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    style = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}"{style} text-anchor="{anchor}">{escape(text)}</text>'
