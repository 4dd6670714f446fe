"""A plan as a table on stdout, written as the runs are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from rich.cells import cell_len

from kohakuengine_cli.messages import flush, show
from kohakuengine_cli.plans import Plan, Planned
from kohakuengine_cli.texts import config_texts, cut, is_number_text

__all__ = ["show_plan"]

# So many runs say which values vary, and how wide the columns are.
_LOOKED_AT = 1000

_MAX_CELL = 40
_GAP = "   "


def show_plan(plan: Plan, limit: int | None) -> None:
    """Print the first runs, or all, and how many there are.

    Args:
        plan: What is printed.
        limit: How many runs are listed; None for all.
    """
    first = list(islice(plan, min(limit or _LOOKED_AT, _LOOKED_AT)))
    if first:
        table = _Table(first, several_scripts=len(plan.scripts) > 1)
        for line in table.head():
            show(line)
        rest = plan if limit is None else islice(plan, limit - len(first))
        for run in chain(first, rest):
            show(table.row(run))
    listed = plan.seen
    total = _counted(plan)
    if total > listed:
        show(f"{total} runs; these are the first {listed}, and --all lists every one.")
    else:
        show("1 run." if total == 1 else f"{total} runs.")


def _counted(plan: Plan) -> int:
    try:
        if plan.seen:
            show("")  # below the table; once it is there, an interrupt is told what it stopped
        flush()  # counting may take a while
        return plan.count()
    except KeyboardInterrupt:
        show(f"More than {plan.seen} runs: they were not counted to the end.")
        raise


class _Table:
    """Columns for what varies, as wide as the first runs need."""

    def __init__(self, first: Sequence[Planned], *, several_scripts: bool) -> None:
        texts = [config_texts(run.config) for run in first]
        self._names, self._same = _compared(first, texts)
        self._script = several_scripts or not self._names
        self._titles = ["run", *(["script"] if self._script else []), *self._names]
        rows = [self._cells(run, text) for run, text in zip(first, texts, strict=True)]
        columns = list(zip(self._titles, *rows, strict=True))
        self._right = [all(map(is_number_text, column[1:])) for column in columns]
        self._widths = [max(map(cell_len, column)) for column in columns]

    def head(self) -> Iterator[str]:
        """The titles, and the line below them."""
        yield self._line(self._titles)
        yield "─" * (sum(self._widths) + len(_GAP) * (len(self._widths) - 1))

    def row(self, run: Planned) -> str:
        """The line of a run. What varies in later runs only stands at its end, with its name."""
        texts = config_texts(run.config)
        more = [
            f"{name}={cut(text, _MAX_CELL)}"
            for name, text in texts.items()
            if name not in self._names and self._same.get(name) != text
        ]
        more += ["(as worker 0)"] if run.by_worker else []
        return _GAP.join([self._line(self._cells(run, texts)), *more])

    def _cells(self, run: Planned, texts: Mapping[str, str]) -> list[str]:
        script = [run.script.name] if self._script else []
        values = [cut(texts.get(name, ""), _MAX_CELL) for name in self._names]
        return [str(run.index + 1), *script, *values]

    def _line(self, cells: Sequence[str]) -> str:
        padded = []
        for cell, width, right in zip(cells, self._widths, self._right, strict=True):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if right else cell + space)
        return _GAP.join(padded).rstrip()


def _compared(
    runs: Sequence[Planned], texts: Sequence[Mapping[str, str]]
) -> tuple[list[str], dict[str, str]]:
    """The names of values that vary, and the values that do not.

    What a sweep varies does, even if not in the runs at hand. Of one run, all is told.
    """
    names = dict.fromkeys(chain.from_iterable(texts))
    if len(runs) == 1:
        return list(names), {}
    swept = runs[0].config.metadata if runs[0].config else {}
    same = {
        name: text
        for name, text in texts[0].items()
        if name not in swept and all(other.get(name) == text for other in texts)
    }
    return [name for name in names if name not in same], same
