"""Says on the terminal which run goes on, between the lines that the runs print themselves."""

from __future__ import annotations

import time

from kohakuengine.flow.driver import Listener
from kohakuengine.flow.runs import RunResult, RunSpec
from kohakuengine_cli.console import stderr_console
from kohakuengine_cli.messages import flush, say
from kohakuengine_cli.texts import duration_text, reason_text, run_text

__all__ = ["Progress"]

# Every run of a flow this long is headed, however quick the runs are: so much can be read again.
_ALL_HEADED = 100
# Of a longer flow, this many first runs are; then those after a run that took this long...
_FIRST_HEADED = 10
_SLOW_S = 1.0
# ...and of quick runs comes a line now and then, less often the longer it all takes: an hour of
# them is some 150 lines.
_INTERVAL_S = 1.0
_INTERVAL_GROWTH = 1 / 30

_ESTIMATED_AFTER_S = 2.0  # the first runs tell little of the time that the others take

_BAR = 16  # characters


class Progress(Listener):
    """Heads the output of each run, or, where they are many and quick, tells how far they are.

    Nothing is drawn while a run goes on: the terminal is the script's then.

    Args:
        several_scripts: Whether to name the scripts.
        retries: How many there may be.
    """

    def __init__(self, *, several_scripts: bool, retries: int) -> None:
        self._several_scripts = several_scripts
        self._retries = retries
        self._console = stderr_console()
        self._total: int | None = None
        self._done = 0
        self._failed = 0
        self._lines = 0
        self._began = self._last_line = self._last_start = time.monotonic()

    def flow_started(self, total: int | None) -> None:
        """Remember how many runs there are."""
        self._total = total

    def run_started(self, spec: RunSpec) -> None:
        """Head the run's output, or tell how far it all is, where a line is due."""
        now = time.monotonic()
        slow = now - self._last_start >= _SLOW_S
        self._last_start = now
        if self._is_headed(slow=slow):
            script = [spec.script.name] if self._several_scripts else []
            self._show(now, spec.index + 1, script + run_text(spec.config))
        elif now - self._last_line >= max(_INTERVAL_S, (now - self._began) * _INTERVAL_GROWTH):
            self._show(now, self._done + 1, [f"{self._failed} failed"] if self._failed else [])

    def run_retried(self, result: RunResult) -> None:
        """Say why a run is tried again."""
        flush()
        which = "" if self._total == 1 else f" of run {result.index + 1}"
        attempt = f"Attempt {result.attempt} of {self._retries + 1}{which}"
        say(f"{attempt} failed, and the next begins: {reason_text(result)}")

    def run_finished(self, result: RunResult) -> None:
        """Count it, and let what it printed come before what is printed next."""
        flush()
        self._done += 1
        self._failed += not result.ok

    def _is_headed(self, *, slow: bool) -> bool:
        if self._total is not None and self._total <= _ALL_HEADED:
            return True
        return slow or self._lines < _FIRST_HEADED

    def _show(self, now: float, number: int, parts: list[str]) -> None:
        if not self._console.is_terminal or self._total == 1:
            return
        from rich.table import Table
        from rich.text import Text

        self._last_line = now
        self._lines += 1
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        line.add_column(no_wrap=True, justify="right", style="dim")
        line.add_row(
            Text.assemble(*self._bar(), " ", (self._of(number), "bold"), "  ", "  ".join(parts)),
            self._time_left(now),
        )
        self._console.print(line)

    def _of(self, number: int) -> str:
        if self._total is None:
            return str(number)
        total = str(self._total)
        return f"{number:>{len(total)}}/{total}"

    def _bar(self) -> list[tuple[str, str]]:
        done, left = "=-" if self._console.options.ascii_only else "━─"
        if self._total is None:
            return [(left * 2, "dim")]
        full = self._done * _BAR // self._total
        return [(done * full, "green"), (left * (_BAR - full), "dim")]

    def _time_left(self, now: float) -> str:
        elapsed = now - self._began
        if self._total is None or not self._done or elapsed < _ESTIMATED_AFTER_S:
            return ""
        left = elapsed / self._done * (self._total - self._done)
        return f"{left:.0f} s left" if left < 99.5 else f"{duration_text(left)} left"
