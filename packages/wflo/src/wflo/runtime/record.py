"""What an attempt has said, spent and changed so far."""

from __future__ import annotations

from collections.abc import Callable

from wflo.journal.outcome import LogLine
from wflo.models import CostLine, StatePatch


class Record:
    """What is committed with an attempt besides its result.

    A function in a thread goes on after its attempt was given up. What it says from then on is
    not kept.

    Args:
        on_log: Told each line.
        on_cost: Told each cost.

    Attributes:
        ended: The attempt is over.
    """

    def __init__(
        self,
        on_log: Callable[[LogLine], None] | None = None,
        on_cost: Callable[[CostLine], None] | None = None,
    ) -> None:
        self._on_log = on_log
        self._on_cost = on_cost
        self._logs: list[LogLine] = []
        self._costs: list[CostLine] = []
        self._patches: list[StatePatch] = []
        self.ended = False

    @property
    def logs(self) -> tuple[LogLine, ...]:
        """Its lines."""
        return tuple(self._logs)

    @property
    def costs(self) -> tuple[CostLine, ...]:
        """What it spent."""
        return tuple(self._costs)

    @property
    def patches(self) -> tuple[StatePatch, ...]:
        """What it changed."""
        return tuple(self._patches)

    def log(self, line: LogLine) -> None:
        """Keep a line."""
        if not self.ended:
            self._logs.append(line)
            if self._on_log is not None:
                self._on_log(line)

    def cost(self, line: CostLine) -> None:
        """Keep what something cost."""
        if not self.ended:
            self._costs.append(line)
            if self._on_cost is not None:
                self._on_cost(line)

    def patch(self, patch: StatePatch) -> None:
        """Keep a change of the state."""
        if not self.ended:
            self._patches.append(patch)
