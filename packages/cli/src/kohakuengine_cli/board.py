"""What is seen of parallel runs while they go on: how far they are, what runs, what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from kohakuengine_cli.tally import Running, Tally
from kohakuengine_cli.texts import (
    failure_text,
    path_text,
    rate_text,
    run_text,
    stopping_text,
    time_text,
)

__all__ = ["Board"]

_MIN_BAR = 8  # characters
_MAX_BAR = 40
_GAP = "  "

# With less height, a failure has no line for its log.
_LOGS_FROM = 12


class _Fact(NamedTuple):
    """A part of the first line; of those that do not fit, the least important give way."""

    text: str
    importance: int
    style: str = ""


class Board:
    """Draws itself, in no more lines and columns than the terminal has.

    Args:
        tally: What it shows.
        grace_s: How long runs that are told to end have for it.
        several_scripts: Whether to name the scripts.
    """

    def __init__(self, tally: Tally, *, grace_s: float, several_scripts: bool) -> None:
        self._tally = tally
        self._grace_s = grace_s
        self._several_scripts = several_scripts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - len("^C") - 1  # a line must not wrap where Ctrl-C echoes that
        for line in self.lines(width, console.height - 1, ascii_only=options.ascii_only):
            line.no_wrap = True
            line.truncate(width, overflow="crop" if options.ascii_only else "ellipsis")
            yield line

    def lines(self, width: int, height: int, *, ascii_only: bool) -> list[Text]:
        """All of it, as it is now."""
        now = monotonic()
        lines = [self._first_line(width, now, ascii_only=ascii_only)]
        tally = self._tally
        running = sorted(tally.running.copy().values(), key=lambda run: run.spec.slot)
        if tally.interrupts:
            text = stopping_text(tally.interrupts, len(running), self._grace_s)
            lines.append(Text(text, "yellow"))
        room = max(0, height - len(lines))
        failures = _shortened(self._failures(height), room // 3, "kinds of failure")
        room = min(room - len(failures), max(1, height // 2))
        runs = self._runs(running, room, width, now)
        return [*lines, *runs, *failures][: max(1, height)]

    # -- the first line ----------------------------------------------------------------------------

    def _first_line(self, width: int, now: float, *, ascii_only: bool) -> Text:
        facts = list(self._facts(now))
        while len(facts) > 1 and _width(facts) > width:
            facts.remove(min(facts, key=lambda fact: fact.importance))
        line = Text(_GAP).join([Text(fact.text, fact.style) for fact in facts])
        room = min(width - cell_len(line.plain) - len(_GAP), _MAX_BAR)
        if self._tally.total and room >= _MIN_BAR:
            line = Text.assemble(*self._bar(room, ascii_only=ascii_only), _GAP, line)
        return line

    def _facts(self, now: float) -> Iterator[_Fact]:
        tally = self._tally
        total, done = tally.total, tally.done
        yield _Fact(f"{done} done" if total is None else f"{done}/{total}", 9, "bold")
        if total:
            yield _Fact(f"{done * 100 // total}%", 5)
        if tally.failed:
            yield _Fact(f"{tally.failed} failed", 8, "bold red")
        if tally.retried:
            yield _Fact(f"{tally.retried} retried", 4, "yellow")
        rate = tally.rate()
        if rate is not None:
            yield _Fact(rate_text(rate), 3, "dim")
        yield _Fact(time_text(now - tally.began), 2, "dim")
        left = tally.left_s(now)
        if left and not tally.interrupts:
            yield _Fact(f"{time_text(left)} left", 7, "dim")

    def _bar(self, width: int, *, ascii_only: bool) -> list[tuple[str, str]]:
        tally = self._tally
        full = tally.done * width // (tally.total or 1)
        bad = min(full, -(-tally.failed * width // (tally.total or 1)))  # one failure is seen too
        done, left = "=-" if ascii_only else "━─"
        return [(done * (full - bad), "green"), (done * bad, "red"), (left * (width - full), "dim")]

    # -- what runs ---------------------------------------------------------------------------------

    def _runs(self, running: Sequence[Running], room: int, width: int, now: float) -> list[Text]:
        if len(running) > room > 0:
            hidden = len(running) - room + 1
            longest = sorted(running, key=lambda run: run.since)[: room - 1]
            shown = sorted(longest, key=lambda run: run.spec.slot)
            return [self._run(run, width, now) for run in shown] + [_more(hidden, "runs")]
        return [self._run(run, width, now) for run in running[:room]]

    def _run(self, run: Running, width: int, now: float) -> Text:
        spec = run.spec
        script = [spec.script.name] if self._several_scripts else []
        again = [f"attempt {spec.attempt}"] if spec.attempt > 1 else []
        left = Text(_GAP).join(
            [
                Text(f" {spec.slot:>2}", "cyan"),
                Text(f"run {spec.index + 1}", "bold"),
                *map(Text, [*script, *run_text(spec.config), *again]),
            ]
        )
        time = _GAP + time_text(now - run.since)
        left.truncate(max(0, width - len(time)), overflow="ellipsis", pad=True)
        return left.append(time, "dim")

    # -- what failed -------------------------------------------------------------------------------

    def _failures(self, height: int) -> list[list[Text]]:
        found = []
        for group in sorted(self._tally.failures, key=lambda group: -group.count):
            count = (f"{group.count:>4}x ", "bold red")
            lines = [Text.assemble(count, (failure_text(group.first), "red"))]
            if height >= _LOGS_FROM and group.first.log_path:
                log = f"run {group.first.index + 1}: {path_text(group.first.log_path)}"
                lines.append(Text(" " * 6 + log, "dim"))
            found.append(lines)
        return found


def _width(facts: Sequence[_Fact]) -> int:
    return sum(cell_len(fact.text) + len(_GAP) for fact in facts) - len(_GAP)


def _more(hidden: int, what: str) -> Text:
    return Text(f"      and {hidden} more {what}", "dim")


def _shortened(blocks: Sequence[list[Text]], room: int, what: str) -> list[Text]:
    """As many whole blocks as there is room for, and how many are left out."""
    lines: list[Text] = []
    for number, block in enumerate(blocks):
        is_last = number == len(blocks) - 1
        if len(lines) + len(block) + (not is_last) > room:
            return [*lines, _more(len(blocks) - number, what)] if room else []
        lines += block
    return lines
