"""The scheduler: from how far a run is to what is to be done.

It reads no clock, does no I/O and throws no dice: the same plan and the same entries give the same
actions in the same order, however the journal came to have them. So any process may decide, and
what it decides holds for as long as nobody else has written.

- A step begins when all that it depends on has ended. It is BLOCKED if any of that failed, was
  blocked or was cancelled; SKIPPED if a CONDITION among it was not true or was skipped, if all of
  it was skipped, or if it maps over what was skipped.
- A failed step ends nothing but what depends on it. A run ends when all of its steps have, and
  FAILED if any of them failed; therefore how it ends does not depend on which step came first.
- A map has an iteration for each item. It fails if one of them does, when all have ended; it is
  SKIPPED if all of them are. Over no items it completes without an entry.
- A loop's next iteration begins when the one before completed and was not done. One that is not
  done after its last iteration has failed, whatever the journal calls that iteration. An
  iteration that is skipped, other than the first, ends the loop as it is.
"""

from __future__ import annotations

from wflo.models import ExecutionStatus, StepStatus
from wflo.plan import Plan
from wflo.workflow.actions import Action, Cancel, Finish
from wflo.workflow.progress import Progress
from wflo.workflow.view import UNFINISHED, Journal, Stop

_NOTHING: frozenset[StepStatus] = frozenset()
_RUNNING = frozenset({StepStatus.RUNNING})


def next_actions(plan: Plan, journal: Journal) -> list[Action]:
    """All that is to be done now, those actions among them that follow from others.

    Once they are journalled (see `wflo.workflow.actions` for how), none of them is returned again
    but `Finish`, which a journal has no entry for.

    Args:
        plan: What runs.
        journal: How far it is.

    Returns:
        What ends without running, then what starts, both in the order of the plan and of the
        iterations; `Finish` last.
    """
    progress = _progress(plan, journal)
    match journal.stop:
        case Stop.CANCELLED:
            return _end_early(progress, journal, ExecutionStatus.CANCELLED, _NOTHING)
        case Stop.TIMED_OUT:
            return _end_early(progress, journal, ExecutionStatus.FAILED, _NOTHING)
    actions, finish = progress.look_ahead()
    if journal.stop is not None and (finish is None or journal.counts[StepStatus.CANCELLED]):
        return _end_early(progress, journal, ExecutionStatus.FAILED, _RUNNING)
    return actions if finish is None else [*actions, finish]


def execution_status(plan: Plan, journal: Journal) -> ExecutionStatus:
    """How far the run is, by its journal.

    PENDING while there is nothing in it; RUNNING while a worker holds, or may claim, any of it;
    WAITING if all that is under way waits.
    """
    counts = journal.counts
    if counts[StepStatus.RUNNING] or counts[StepStatus.READY]:
        return ExecutionStatus.RUNNING
    if counts[StepStatus.WAITING]:
        return ExecutionStatus.WAITING
    for action in next_actions(plan, journal)[-1:]:
        if isinstance(action, Finish):
            return action.status
    return ExecutionStatus.RUNNING if journal.entries else ExecutionStatus.PENDING


def step_status(plan: Plan, journal: Journal, step_id: str) -> StepStatus | None:
    """How far a step is in all its iterations, or how it ended; None: it was not begun.

    READY also where a further iteration is about to be. A step whose run ended early between two
    of its iterations is CANCELLED, or FAILED if one of them is.

    Raises:
        KeyError: The plan has no such step.
    """
    ended = _progress(plan, journal).ended.get(plan.steps[step_id].id)
    tally = journal.tallies.get(step_id)
    if ended is not None or tally is None:
        return ended
    for status in (StepStatus.RUNNING, StepStatus.READY, StepStatus.WAITING):
        if tally.counts[status]:
            return status
    if journal.stop is None:
        return StepStatus.READY
    return StepStatus.FAILED if tally.counts[StepStatus.FAILED] else StepStatus.CANCELLED


def _progress(plan: Plan, journal: Journal) -> Progress:
    progress = journal.memo
    if not isinstance(progress, Progress) or progress.plan is not plan:
        progress = journal.memo = Progress(plan, journal)
    progress.absorb(journal.changed)
    return progress


def _end_early(
    progress: Progress,
    journal: Journal,
    status: ExecutionStatus,
    spared: frozenset[StepStatus],
) -> list[Action]:
    """Cancel what is under way, but what is `spared`; finish once nothing of that is left."""
    actions: list[Action] = [
        Cancel(step, iteration)
        for step in progress.plan.steps
        if step in journal.tallies and journal.tallies[step].unfinished
        for iteration, entry in sorted(journal.entries[step].items())
        if entry.status in UNFINISHED - spared
    ]
    if not any(journal.counts[left] for left in spared):
        actions.append(Finish(status, _first_failed(progress, journal), journal.stop))
    return actions


def _first_failed(progress: Progress, journal: Journal) -> str | None:
    for step in progress.plan.steps:
        tally = journal.tallies.get(step)
        if progress.ended.get(step) is StepStatus.FAILED or (
            tally is not None and tally.counts[StepStatus.FAILED]
        ):
            return step
    return None
