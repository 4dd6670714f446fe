"""Looks at a run in the database."""

from __future__ import annotations

from wflo.cli.board import Shown
from wflo.cli.steps import step_views
from wflo.cli.texts import duration_text, one_line, time_text
from wflo.db.engine import Database
from wflo.events.schemas import Event
from wflo.journal.listing import get_summary
from wflo.journal.queries import counts_of, get_run, history
from wflo.journal.rows import to_datetime, to_us
from wflo.journal.run import Run

_NOTED = ("step.retrying", "step.lost", "step.failed", "step.waiting")
_NEWS = ("step.retrying", "step.lost")  # of the others the step's status says as much


class Lookout:
    """Looks at a run, time and again: what it has seen of the journal it does not read again.

    Args:
        database: Where it is.
        run: It, as it was submitted.
    """

    def __init__(self, database: Database, run: Run) -> None:
        self.run = run
        self._database = database
        self._seen = 0
        self._notes: dict[str, str] = {}

    async def look(self) -> Shown:
        """The run as it is now."""
        run = self.run
        async with self._database.read() as conn:
            summary = await get_summary(conn, run.id)
            counts = await counts_of(conn, run.id)
            events = await history(conn, run.id, after=self._seen, types=_NOTED)
        for event in events:
            self._seen = event.sequence
            assert event.step is not None
            self._notes[event.step] = _note(event)
        return Shown(
            execution_id=run.id,
            status=summary.status,
            views=step_views(run.plan, counts, run.journal.input_sizes),
            now_us=self._database.now_us(),
            started_at_us=None if summary.started_at is None else to_us(summary.started_at),
            ended_at_us=None if summary.ended_at is None else to_us(summary.ended_at),
            cost_micro_usd=summary.cost_micro_usd,
            notes=self._notes,
            news=[_news(event) for event in events if event.type in _NEWS],
        )


async def look_for(database: Database, execution_id: str) -> Lookout:
    """Who looks at the run of this id.

    Raises:
        ExecutionNotFound: There is none.
    """
    async with database.read() as conn:
        return Lookout(database, await get_run(conn, execution_id))


def _note(event: Event) -> str:
    payload = event.payload
    match event.type:
        case "step.lost":
            return "its worker was lost"
        case "step.waiting" if "due_at_us" in payload:
            return f"until {time_text(to_datetime(payload['due_at_us']))}"
        case "step.waiting":
            return f"for {payload.get('child', 'something')}"
    kind = payload.get("kind", "").removeprefix("wflo.errors.")
    message = one_line(payload.get("message", ""))
    return f"{kind}: {message}" if kind else message


def _news(event: Event) -> str:
    where = f"{event.step}[{event.iteration}]" if event.iteration else event.step
    delay_s = event.payload.get("delay_s", 0)
    when = f"in {duration_text(delay_s)}" if delay_s else "at once"
    return f"{where}: attempt {event.payload.get('attempt')}: {_note(event)}; again {when}"
