"""A run without an engine: what the scheduler asks for is journalled, and nothing is executed.

Whatever the scheduler must never do is checked at every turn, by whoever uses this.
"""

from __future__ import annotations

from wflo.models import StepStatus, StepType, WorkflowDefinition, WorkflowStep
from wflo.plan import Plan, make_plan
from wflo.workflow import actions as act
from wflo.workflow.engine import next_actions, step_status
from wflo.workflow.view import Entry, Journal, Stop

STARTS = (act.Run, act.Wait, act.StartChild, act.Gate)
_JOURNALLED_AS = {
    act.Run: StepStatus.READY,
    act.Wait: StepStatus.WAITING,
    act.StartChild: StepStatus.WAITING,
    act.Gate: StepStatus.WAITING,
    act.Skip: StepStatus.SKIPPED,
    act.Block: StepStatus.BLOCKED,
    act.Fail: StepStatus.FAILED,
    act.Cancel: StepStatus.CANCELLED,
}


def plan_of(*steps: WorkflowStep) -> Plan:
    """The plan of a workflow of these steps."""
    return make_plan(WorkflowDefinition(name="w", steps=steps))


class SimulatedRun:
    """One run.

    Attributes:
        plan: What runs.
        journal: How far it is.
        gates: The iterations that wait for a decision.
        finish: How it ended.
    """

    def __init__(self, *steps: WorkflowStep, inputs: dict[str, int] | None = None) -> None:
        self.plan = plan_of(*steps)
        self.journal = Journal(input_sizes=inputs or {})
        self.gates: set[tuple[str, int]] = set()
        self.finish: act.Finish | None = None

    def proceed(self) -> list[act.Action]:
        """Journal what is to be done now."""
        assert self.finish is None, "nothing is asked once the run has ended"
        actions = next_actions(self.plan, self.journal)
        assert next_actions(self.plan, self.journal) == actions, "asking changes nothing"
        assert next_actions(self.plan, self.rows()) == actions, "the same entries, the same actions"
        for action in actions:
            self._journal(action)
        again = next_actions(self.plan, self.journal)
        assert again == ([] if self.finish is None else [self.finish]), "an action is returned once"
        return actions

    def rows(self) -> Journal:
        """The journal as if it were read from a table, which has its rows in any order."""
        steps = reversed(self.journal.entries.items())
        entries = {step: dict(reversed(found.items())) for step, found in steps}
        return Journal(entries, self.journal.input_sizes, self.journal.stop)

    def record(self, step: str, status: StepStatus, iteration: int = 0) -> list[act.Action]:
        """An iteration is in this status now."""
        return self._record(step, iteration, Entry(status))

    def complete(
        self,
        step: str,
        iteration: int = 0,
        *,
        size: int | None = None,
        passed: bool | None = None,
        done: bool = True,
    ) -> list[act.Action]:
        """An iteration has completed."""
        return self._record(step, iteration, Entry(StepStatus.COMPLETED, size, passed, done))

    def fail(self, step: str, iteration: int = 0) -> list[act.Action]:
        """An iteration has failed for good."""
        return self.record(step, StepStatus.FAILED, iteration)

    def stop(self, reason: Stop) -> list[act.Action]:
        """The run is to end early."""
        self.journal.stop = reason
        return self.proceed()

    def status(self, step: str) -> StepStatus | None:
        """How far a step is, by an incremental journal and by one from rows."""
        status = step_status(self.plan, self.journal, step)
        assert step_status(self.plan, self.rows(), step) is status
        return status

    def _record(self, step: str, iteration: int, entry: Entry) -> list[act.Action]:
        assert self.journal.get(step, iteration) is not None, "what was never begun does not end"
        self.journal.record(step, iteration, entry)
        self.gates.discard((step, iteration))
        return self.proceed()

    def _journal(self, action: act.Action) -> None:
        assert self.finish is None, "the end is the last action"
        if isinstance(action, act.Finish):
            self.finish = action
            return
        iteration = getattr(action, "iteration", 0)
        known = self.journal.get(action.step, iteration)
        if isinstance(action, act.Cancel):
            assert known is not None, "what was never begun is not cancelled"
            assert not known.status.ended, "what has ended is not cancelled"
        else:
            assert known is None, "an iteration begins once"
            assert self.journal.stop in {None, Stop.OVER_BUDGET}
        if isinstance(action, STARTS):
            self._check_start(action)
        self.journal.record(action.step, iteration, Entry(_JOURNALLED_AS[type(action)]))

    def _check_start(self, action: act.Action) -> None:
        assert self.journal.stop is None, "nothing starts in a run that is to end"
        step = self.plan.steps[action.step]
        for needed in step.depends_on:
            status = step_status(self.plan, self.journal, needed)
            assert status is not None, "what a step depends on has begun before it"
            assert status.ended, "what a step depends on has ended before it"
        if isinstance(action, act.Gate):
            assert step.definition.approval_required or step.definition.type is StepType.APPROVAL
            self.gates.add((action.step, action.iteration))
        if step.definition.map and step.definition.map.concurrency:
            entries = self.journal.entries.get(action.step, {}).values()
            unfinished = sum(not entry.status.ended for entry in entries)
            assert unfinished < step.definition.map.concurrency, "the cap of a map holds"
