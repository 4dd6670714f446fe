"""How a run goes, in plain lines: one for each thing that happens to a step as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import monotonic

from wflo.cli.board import Shown
from wflo.cli.steps import StepView
from wflo.cli.texts import duration_text
from wflo.models import StepStatus

_MAP_INTERVAL_S = 5.0  # between two lines about how far a map is

_NOTED = (StepStatus.FAILED, StepStatus.WAITING)


class Reports:
    """Tells what is new since it was last asked."""

    def __init__(self) -> None:
        self._before: Mapping[str, StepView] = {}
        self._said_at: dict[str, float] = {}

    def lines(self, shown: Shown) -> Iterator[str]:
        """What is new in how far the run is now."""
        yield from shown.news
        for step, view in shown.views.items():
            before = self._before.get(step, StepView())
            text = self._text(step, before, view)
            if text:
                note = shown.notes.get(step) if view.status in _NOTED else None
                yield f"{step}: {text}" + (f": {note}" if note else "")
        self._before = dict(shown.views)

    def _text(self, step: str, before: StepView, view: StepView) -> str:
        if view.over:
            return "" if before.status == view.status else _ended(view)
        if view.status is StepStatus.WAITING and before.status != view.status:
            return "waiting"
        if view.total and view.done > before.done and self._may_say(step):
            return f"{view.done}/{view.total}"
        return ""

    def _may_say(self, step: str) -> bool:
        now = monotonic()
        if now < self._said_at.setdefault(step, now) + _MAP_INTERVAL_S:
            return False
        self._said_at[step] = now
        return True


def _ended(view: StepView) -> str:
    count = sum(view.counts.values())
    parts = [str(view.status)]
    if view.started_at_us is not None and view.ended_at_us is not None:
        parts.append(f"in {duration_text((view.ended_at_us - view.started_at_us) / 1e6)}")
    details = [f"{count} iterations"] if count > 1 else []
    if failed := view.counts.get(StepStatus.FAILED, 0):
        details += [f"{failed} of them failed"] if count > 1 else []
    if view.attempts > 1:
        details.append(
            f"up to {view.attempts} attempts" if count > 1 else f"attempt {view.attempts}"
        )
    return " ".join(parts) + (f" ({', '.join(details)})" if details else "")
