"""What follows from a journal: how steps ended, and what is to be done about the others.

Nothing is worked out twice. A step that ended stays as it is, so what was found is kept beside the
journal, and a further look costs what was recorded meanwhile, not the size of the run. Where one
action makes others follow (a skipped step skips those after it), the end of the step is assumed,
what follows is found, and the assumptions are dropped again: they become true when the engine
journals the actions, and not before.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from wflo.models import ExecutionStatus, LoopSpec, MapSpec, StepStatus, StepType
from wflo.plan import Plan, PlannedStep
from wflo.workflow.actions import Action, Block, Fail, Finish, Gate, Run, Skip, StartChild, Wait
from wflo.workflow.view import Entry, Journal, Tally

# How many iterations a step may have, now that all it depends on has ended; or why it has none.
_Verdict: TypeAlias = int | Fail | StepStatus

_START: dict[StepType, type[Wait | StartChild | Gate]] = {
    StepType.TIMER: Wait,
    StepType.WORKFLOW: StartChild,
    StepType.APPROVAL: Gate,
}
_ENDS: dict[type[Action], StepStatus] = {
    Skip: StepStatus.SKIPPED,
    Block: StepStatus.BLOCKED,
    Fail: StepStatus.FAILED,
}
# Of the iterations of a map, the first of these is how the whole ended.
_BAD = (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.BLOCKED)


class Ahead(NamedTuple):
    """What is to be done.

    Attributes:
        actions: Ends and then starts, each in the order of the plan.
        finish: The end of the run, if nothing is left to be done.
    """

    actions: list[Action]
    finish: Finish | None


class Progress:
    """How far a run is.

    Attributes:
        plan: What it runs.
        ended: How each step ended, those that have.
    """

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self.plan = plan
        self.ended: dict[str, StepStatus] = {}
        # Not the journal itself, which has this: they would wait for the garbage collector.
        self._entries = journal.entries
        self._tallies = journal.tallies
        self._input_sizes = journal.input_sizes
        self._open: set[str] = set()  # steps that can begin, or have begun, and not yet ended
        self._verdicts: dict[str, _Verdict] = {}
        self._causes: dict[str, str] = {}  # the failed step behind each blocked one
        self._watched: dict[str, int] = {}  # how many of a step's dependencies have ended
        self._assumed: list[tuple[dict[str, Any], str, Any]] | None = None
        journal.changed.update(plan.steps)

    def absorb(self, changed: set[str]) -> None:
        """Take in what was recorded.

        Args:
            changed: The steps of which something was. It is emptied.
        """
        todo = [*changed]
        changed.clear()
        while todo:
            step = self.plan.steps.get(todo.pop())
            if step is None or step.id in self.ended:
                continue
            status = self._end_of(step)
            if status is not None:
                self.ended[step.id] = status
                todo += step.dependents
            elif step.id in self._tallies or self._verdict(step) is not None:
                self._open.add(step.id)

    def look_ahead(self) -> Ahead:
        """What is to be done now. It changes nothing that can be seen."""
        self._assumed = []
        try:
            actions = self._foresee()
            finish = self._finish() if len(self.ended) == len(self.plan.steps) else None
        finally:
            for notes, step_id, old in reversed(self._assumed):
                if old is None:
                    del notes[step_id]
                else:
                    notes[step_id] = old
            self._assumed = None
        self._open.intersection_update(actions)
        return Ahead(self._in_order(actions), finish)

    def _foresee(self) -> dict[str, list[Action]]:
        """Actions by step, and the ends that follow from them, which are noted."""
        actions: dict[str, list[Action]] = {}
        todo = [*self._open]
        while todo:
            step = self.plan.steps[todo.pop()]
            if step.id in self.ended or step.id in actions:
                continue
            found = self._actions_of(step)
            if found:
                actions[step.id] = found
            status = _ENDS.get(type(found[0])) if found else self._end_of(step)
            if status is not None:
                self._note(self.ended, step.id, status)
                todo += step.dependents
        return actions

    def _in_order(self, actions: dict[str, list[Action]]) -> list[Action]:
        """Ends before starts, so that none starts before what it depends on has ended."""
        ends: list[Action] = []
        starts: list[Action] = []
        for step_id in sorted(actions, key=self.plan.positions.__getitem__):
            found = actions[step_id]
            (ends if type(found[0]) in _ENDS else starts).extend(found)
        return ends + starts

    def _note(self, notes: dict[str, Any], step_id: str, value: Any) -> None:
        if self._assumed is not None:
            self._assumed.append((notes, step_id, notes.get(step_id)))
        notes[step_id] = value

    def _finish(self) -> Finish:
        if not any(status in _BAD for status in self.ended.values()):
            return Finish(ExecutionStatus.COMPLETED)
        failures = (StepStatus.FAILED, StepStatus.CANCELLED)
        failed = next((step for step in self.plan.steps if self.ended[step] in failures), None)
        return Finish(ExecutionStatus.FAILED, failed)

    # What may begin, and whether it may.

    def _actions_of(self, step: PlannedStep) -> list[Action]:
        """What a step that has not ended asks for."""
        verdict = self._verdict(step)
        if verdict is None:
            return []
        begun = step.id in self._tallies
        if not isinstance(verdict, int):
            return [] if begun else [self._close(step, verdict)]
        if verdict and not begun and _is_gated(step):
            return [Gate(step.id)]
        start = _START.get(step.definition.type, Run)
        return [start(step.id, iteration) for iteration in self._next_of(step, verdict)]

    def _close(self, step: PlannedStep, verdict: Fail | StepStatus) -> Action:
        if isinstance(verdict, Fail):
            return verdict
        blocked = verdict is StepStatus.BLOCKED
        return Block(step.id, self._cause(step)) if blocked else Skip(step.id)

    def _next_of(self, step: PlannedStep, size: int) -> list[int]:
        """The iterations that begin now, of the `size` that a step may have."""
        tally = self._tallies.get(step.id) or Tally()
        spec = step.definition.map
        if spec is None:
            return [] if tally.unfinished else [tally.next]
        entries = self._entries.get(step.id, {})
        if _is_gated(step) and len(entries) == 1 and tally.counts[StepStatus.WAITING]:
            return []
        room = size if spec.concurrency is None else spec.concurrency - tally.unfinished
        missing = (n for n in range(tally.next, size) if n not in entries)
        return list(islice(missing, max(room, 0)))

    def _verdict(self, step: PlannedStep) -> _Verdict | None:
        """None while something that the step depends on has not ended."""
        verdict = self._verdicts.get(step.id)
        if verdict is None and self._has_what_it_needs(step):
            verdict = self._judge(step)
            self._note(self._verdicts, step.id, verdict)
        return verdict

    def _has_what_it_needs(self, step: PlannedStep) -> bool:
        # What ended stays so, and is not looked at again: a join of many steps is asked at the
        # end of each of them.
        known = watched = self._watched.get(step.id, 0)
        while watched < len(step.depends_on) and step.depends_on[watched] in self.ended:
            watched += 1
        if watched != known:
            self._note(self._watched, step.id, watched)
        return watched == len(step.depends_on)

    def _judge(self, step: PlannedStep) -> _Verdict:
        needed = step.depends_on
        if any(self.ended[other] in _BAD for other in needed):
            return StepStatus.BLOCKED
        if any(self._denies(other) for other in needed):
            return StepStatus.SKIPPED
        if needed and all(self.ended[other] is StepStatus.SKIPPED for other in needed):
            return StepStatus.SKIPPED
        if step.definition.map is not None:
            return self._size(step, step.definition.map)
        return 1 if step.definition.loop is None else step.definition.loop.max_iterations

    def _cause(self, step: PlannedStep) -> str:
        """The step whose failure is why this one cannot run, through those that are blocked too."""
        between: list[str] = []
        found = step.id
        while found not in self._causes:
            between.append(found)
            needed = self.plan.steps[found].depends_on
            found = next((other for other in needed if self.ended.get(other) in _BAD), found)
            if found == between[-1] or self.ended[found] is not StepStatus.BLOCKED:
                break
        found = self._causes.get(found, found)
        self._causes.update(dict.fromkeys(between, found))
        return found

    def _denies(self, step_id: str) -> bool:
        """Whether it is a CONDITION that did not come true, so that what follows is skipped."""
        step = self.plan.steps[step_id]
        if step.definition.type is not StepType.CONDITION:
            return False
        if self.ended[step_id] is StepStatus.SKIPPED:
            return True
        if step.definition.map is not None:
            return any(entry.passed is False for entry in self._entries.get(step_id, {}).values())
        return self._result_of(step).passed is False

    def _size(self, step: PlannedStep, spec: MapSpec) -> _Verdict:
        """How many items a map goes over."""
        over = self.plan.steps.get(spec.over)
        if over is None:
            what, size = f"the input {spec.over!r}", self._input_sizes.get(spec.over)
        elif self.ended[over.id] is StepStatus.SKIPPED:
            return StepStatus.SKIPPED
        else:
            what, size = f"the result of step {over.id!r}", self._size_of(over)
        if size is None:
            reason = f"step {step.id!r} maps over {what}, which is no list"
            return Fail(step.id, reason, "wflo.errors.StepInputError")
        if size > spec.max_items:
            reason = f"step {step.id!r} maps over {what}, which has {size} items; it may have"
            return Fail(
                step.id, f"{reason} {spec.max_items} (max_items)", "wflo.errors.MapTooLarge"
            )
        return size

    def _size_of(self, step: PlannedStep) -> int | None:
        """How many items the result of a step has that completed; None: it is no list."""
        if step.definition.map is None:
            return self._result_of(step).size
        verdict = self._verdict(step)
        return verdict if isinstance(verdict, int) else None

    def _result_of(self, step: PlannedStep) -> Entry:
        """The iteration whose result is that of a step which completed, and is not mapped."""
        entries = self._entries[step.id]
        last = self._tallies[step.id].next - 1
        while entries[last].status is not StepStatus.COMPLETED:
            last -= 1
        return entries[last]

    # How a step ended.

    def _end_of(self, step: PlannedStep) -> StepStatus | None:
        """How a step ended, by its entries; None: it has not."""
        tally = self._tallies.get(step.id)
        if step.definition.map is not None:
            return self._end_of_map(step, tally)
        if tally is None or tally.unfinished:
            return None
        last = self._entries[step.id].get(tally.next - 1)
        if last is None:
            return None
        return (
            last.status
            if step.definition.loop is None
            else _end_of_loop(step.definition.loop, tally, last)
        )

    def _end_of_map(self, step: PlannedStep, tally: Tally | None) -> StepStatus | None:
        verdict = self._verdict(step)
        if tally is None:
            return StepStatus.COMPLETED if verdict == 0 else None
        if verdict is None or tally.unfinished:
            return None
        if not isinstance(verdict, int):
            return self._entries[step.id][0].status
        return _whole(tally) if tally.next >= verdict else None


def _is_gated(step: PlannedStep) -> bool:
    """Whether a decision comes before the step, which is not one itself."""
    return step.definition.approval_required and step.definition.type is not StepType.APPROVAL


def _end_of_loop(loop: LoopSpec, tally: Tally, last: Entry) -> StepStatus | None:
    if last.status is StepStatus.SKIPPED and tally.next > 1:
        return StepStatus.COMPLETED  # it was not to go on: its result is the iteration's before
    if last.status is not StepStatus.COMPLETED or last.done:
        return last.status
    return StepStatus.FAILED if tally.next >= loop.max_iterations else None


def _whole(tally: Tally) -> StepStatus:
    """How a map ended, all of whose iterations have."""
    for status in _BAD:
        if tally.counts[status]:
            return status
    skipped = tally.counts[StepStatus.SKIPPED] and not tally.counts[StepStatus.COMPLETED]
    return StepStatus.SKIPPED if skipped else StepStatus.COMPLETED
