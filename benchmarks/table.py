"""Results as a table, for a terminal or for a page."""

from __future__ import annotations

from collections.abc import Sequence

from measuring import Result

HEAD = ["benchmark", "product", "compared to", "ratio", "figure", "repeats", "bound", "verdict"]


def as_text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of even width."""
    rows = [head, *([cell.replace("`", "") for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        for cells in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same for docs/benchmarks.md."""
    rows = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(result: Result) -> list[str]:
    benchmark, bound = result.benchmark, result.benchmark.bound
    return [
        benchmark.name,
        f"{benchmark.ours}: {result.ours:.3g} {benchmark.unit}",
        f"{benchmark.base}: {result.base:.3g} {benchmark.unit}",
        f"{result.ratio:.2f}x",
        bound.show(result.figure),
        f"{bound.show(result.figures[0])} to {bound.show(result.figures[-1])}",
        bound.text,
        verdict(result),
    ]


def verdict(result: Result) -> str:
    bound = result.benchmark.bound
    if bound.limit is None:
        return "for information"
    return bound.broken if result.breaks_its_bound else "ok"
