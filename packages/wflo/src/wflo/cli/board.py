"""A run, drawn: a line about the whole, and one for each step where it stands in the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from wflo.cli.graph import Placed, layout
from wflo.cli.paint import Line, Piece, fitted
from wflo.cli.statuses import STATUS_STYLES
from wflo.cli.steps import StepView
from wflo.cli.texts import cut, duration_text, names_text
from wflo.models import ExecutionStatus, StepStatus, format_usd
from wflo.plan import Plan

_GAP = 2  # spaces between columns
_MAX_NAME = 44  # columns for the drawing and a step's name
_MIN_NAME = 16  # what is left of them where the terminal is narrow
_FACTS = 34  # columns for all else, as far as names need not give way
_BAR = 16
_MOST_JOINS = 4

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER = "|/-\\"
_ASCII = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "━": "=", "…": "."})

# symbol, the same in ASCII, style
_SYMBOLS: dict[StepStatus | None, tuple[str, str, str]] = {
    None: ("·", ".", "dim"),
    StepStatus.READY: ("○", "o", "cyan"),
    StepStatus.WAITING: ("◷", "~", "cyan"),
    StepStatus.COMPLETED: ("✓", "+", "green"),
    StepStatus.FAILED: ("✗", "x", "red"),
    StepStatus.SKIPPED: ("–", "-", "dim"),  # noqa: RUF001 # a dash as wide as the other symbols
    StepStatus.BLOCKED: ("⊘", "#", "yellow"),
    StepStatus.CANCELLED: ("⊘", "#", "yellow"),
}
_SAID = {
    StepStatus.WAITING: "waiting",
    StepStatus.SKIPPED: "skipped",
    StepStatus.BLOCKED: "blocked",
    StepStatus.CANCELLED: "cancelled",
    StepStatus.FAILED: "failed",
}
_NOTED: Mapping[StepStatus | None, str] = {
    StepStatus.READY: "dim",
    StepStatus.RUNNING: "dim",
    StepStatus.WAITING: "dim",
    StepStatus.FAILED: "red",
}


class Shown(NamedTuple):
    """A run as it is at a moment.

    Attributes:
        execution_id: Which one.
        status: How far it is.
        views: How far each step is.
        now_us: The moment, by the database's clock.
        started_at_us: When it was started.
        ended_at_us: When it ended.
        cost_micro_usd: What it has spent.
        notes: What went wrong last, or what is waited for, by step.
        news: What happened since it was looked at before, a line for each thing.
    """

    execution_id: str
    status: ExecutionStatus
    views: Mapping[str, StepView]
    now_us: int
    started_at_us: int | None = None
    ended_at_us: int | None = None
    cost_micro_usd: int = 0
    notes: Mapping[str, str] = {}
    news: Sequence[str] = ()


class Board:
    """Draws a run.

    Args:
        plan: Its plan.
        symbols: Whether to draw with more than ASCII.
    """

    def __init__(self, plan: Plan, *, symbols: bool) -> None:
        self._plan = plan
        self._symbols = symbols
        self._placed = layout(plan)
        names = [len(f"{each.indent}{each.step.id}") for each in self._placed]
        self._name_width = min(max(names), _MAX_NAME)

    def lines(self, shown: Shown, *, width: int, height: int, tick: int = 0) -> list[Line]:
        """All of it.

        Args:
            shown: How far it is.
            width: Columns that no line is longer than.
            height: Lines that there are at most, at least 3; where there are more steps, those
                where something happens are shown.
            tick: Which picture of what moves.
        """
        lines = [self._head(shown)]
        chosen = chosen_places(self._importance(shown), height - 1)
        last = -1
        name_width = min(self._name_width, max(_MIN_NAME, width - _FACTS))
        for place in chosen:
            lines += self._left_out(shown, last + 1, place)
            lines.append(self._step(self._placed[place], shown, name_width, tick))
            last = place
        lines += self._left_out(shown, last + 1, len(self._placed))
        end = "…" if self._symbols else "."
        return [fitted(line, width, end=end) for line in map(self._drawable, lines)]

    def _drawable(self, line: Line) -> Line:
        if self._symbols:
            return line
        return [Piece(text.translate(_ASCII), style) for text, style in line]

    # -- the whole ---------------------------------------------------------------------------------

    def _head(self, shown: Shown) -> Line:
        definition = self._plan.definition
        gap = Piece(" " * _GAP)
        line = [Piece(definition.name, "bold"), Piece(f" {definition.version}"), gap]
        line += [Piece(shown.execution_id, "dim"), gap]
        line += [Piece(shown.status, STATUS_STYLES[shown.status]), gap]
        over = sum(view.over for view in shown.views.values())
        line.append(Piece(f"{over}/{len(shown.views)} steps"))
        if shown.started_at_us is not None:
            until = shown.ended_at_us or shown.now_us
            line += [gap, Piece(_duration(shown.started_at_us, until), "dim")]
        if shown.cost_micro_usd:
            line += [gap, Piece(format_usd(shown.cost_micro_usd))]
        return line

    # -- a step ------------------------------------------------------------------------------------

    def _step(self, placed: Placed, shown: Shown, width: int, tick: int) -> Line:
        view = shown.views[placed.step.id]
        quiet = "dim" if view.status in (None, StepStatus.SKIPPED) else ""
        name_width = max(min(3, len(placed.step.id)), width - len(placed.indent))
        name = cut(placed.step.id, name_width).ljust(name_width)
        line = [Piece(placed.indent, "dim"), self._symbol(view, tick), Piece(f" {name}", quiet)]
        line += [Piece(_time(view, shown.now_us).rjust(_GAP + 8), "dim")]
        for fact in self._facts(placed, view, shown.notes.get(placed.step.id, "")):
            line += [Piece(" " * _GAP), *fact]
        return line

    def _symbol(self, view: StepView, tick: int) -> Piece:
        if view.status is StepStatus.RUNNING:
            pictures = _SPINNER if self._symbols else _ASCII_SPINNER
            return Piece(pictures[tick % len(pictures)], "cyan")
        symbol, ascii_symbol, style = _SYMBOLS[view.status]
        return Piece(symbol if self._symbols else ascii_symbol, style)

    def _facts(self, placed: Placed, view: StepView, note: str) -> Iterator[Line]:
        definition = placed.step.definition
        if definition.map and view.status is not None:
            yield from _map_facts(view)
        if definition.loop and view.counts:
            yield [Piece(f"iteration {sum(view.counts.values())}")]
        if view.attempts > 1:
            yield [Piece(f"attempt {view.attempts}", "yellow")]
        if view.status in _SAID:
            yield [Piece(_SAID[view.status], _SYMBOLS[view.status][2])]
        if view.status is StepStatus.READY and note:
            yield [Piece("to be tried again", "yellow")]
        if note and view.status in _NOTED:
            yield [Piece(note, _NOTED[view.status])]
        if placed.joins:
            arrow = "←" if self._symbols else "<-"
            yield [Piece(f"{arrow} {names_text(placed.joins, _MOST_JOINS)}", "dim")]

    # -- what there is no room for -----------------------------------------------------------------

    def _importance(self, shown: Shown) -> list[int]:
        return [_importance(shown.views[placed.step.id]) for placed in self._placed]

    def _left_out(self, shown: Shown, start: int, end: int) -> list[Line]:
        """A line in place of these steps, if there are any."""
        if start >= end:
            return []
        views = [shown.views[placed.step.id] for placed in self._placed[start:end]]
        done = sum(view.over for view in views)
        parts = [f"{done} done" if done else "", f"{len(views) - done} to come"]
        texts = [text for text in parts if text and not text.startswith("0 ")]
        return [[Piece(f"… {', '.join(texts)}", "dim")]]


def chosen_places(importance: Sequence[int], room: int) -> list[int]:
    """Which steps are shown where there is no room for all.

    The most important ones are, and of equal ones the first; each gap between them takes a line.
    """
    count = len(importance)
    if count <= room:
        return list(range(count))
    order = sorted(range(count), key=lambda place: (-importance[place], place))
    for kept in range(min(count, room - 1), 0, -1):
        chosen = sorted(order[:kept])
        edges = [-1, *chosen, count]
        gaps = sum(after - before > 1 for before, after in pairwise(edges))
        if kept + gaps <= room:
            return chosen
    return order[:1]


def _importance(view: StepView) -> int:
    match view.status:
        case StepStatus.FAILED:
            return 4
        case StepStatus.RUNNING:
            return 3
        case StepStatus.READY | StepStatus.WAITING:
            return 2
        case None:
            return 1
    return 0


def _map_facts(view: StepView) -> Iterator[Line]:
    ended = sum(count for status, count in view.counts.items() if status.ended)
    total = max(view.total or 0, sum(view.counts.values()))
    full = ended * _BAR // total
    if not view.over:
        yield [Piece("━" * full, "green"), Piece("─" * (_BAR - full), "dim")]
    yield [Piece(f"{ended}/{total}")]
    for status, style in ((StepStatus.RUNNING, "cyan"), (StepStatus.FAILED, "red")):
        if view.counts.get(status):
            yield [Piece(f"{view.counts[status]} {status}", style)]


def _time(view: StepView, now_us: int) -> str:
    if view.started_at_us is None or view.status is None:
        return ""
    return _duration(view.started_at_us, view.ended_at_us or now_us)


def _duration(start_us: int, end_us: int) -> str:
    return duration_text((end_us - start_us) / 1e6)
