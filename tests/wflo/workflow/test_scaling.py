"""What an event costs does not grow with the run.

Counted are the lines that the scheduler executes, which no other load on the machine changes.
"""

import random
import sys

import pytest

from wflo.models import LoopSpec, MapSpec, StepStatus, StepType, WorkflowDefinition, WorkflowStep
from wflo.plan import make_plan
from wflo.workflow.actions import Block, Finish, Run, Skip
from wflo.workflow.engine import execution_status, next_actions
from wflo.workflow.view import Entry, Journal

ENDS = {Skip: StepStatus.SKIPPED, Block: StepStatus.BLOCKED}


class LineCounter:
    """Counts lines of wflo while it is entered."""

    def __enter__(self):
        self.lines = 0
        self._outer = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *exc):
        sys.settrace(self._outer)

    def _trace(self, frame, what, arg):
        if "wflo" not in frame.f_code.co_filename:
            return None
        self.lines += what == "line"
        return self._trace


def drive(steps, size=None, order=None, inputs=None, fails=None):
    """Run to the end, one step at a time; the number of lines for each event.

    Args:
        steps: Of the workflow.
        size: Of every result.
        order: Which of the steps that are under way ends next, by how many there are.
        inputs: The sizes of inputs; `last` is the last iteration of loops.
        fails: A step that fails.
    """
    plan = make_plan(WorkflowDefinition(name="w", steps=steps))
    journal = Journal(input_sizes=inputs or {})
    ready, events = [], 0
    with LineCounter() as counter:
        while True:
            actions = next_actions(plan, journal)
            for action in actions:
                if isinstance(action, Run):
                    journal.record(action.step, action.iteration, Entry(StepStatus.READY))
                    ready.append(action)
                elif not isinstance(action, Finish):
                    journal.record(action.step, 0, Entry(ENDS[type(action)]))
            if not ready:
                assert isinstance(actions[-1], Finish)
                return counter.lines / events
            execution_status(plan, journal)
            action = ready.pop(order(len(ready)) if order else -1)
            events += 1
            done = not plan.steps[action.step].definition.loop or action.iteration == inputs["last"]
            status = StepStatus.FAILED if action.step == fails else StepStatus.COMPLETED
            end = Entry(status, size=size, passed=False, done=done)
            journal.record(action.step, action.iteration, end)


def step(step_id, *depends_on, **fields):
    return WorkflowStep(id=step_id, depends_on=depends_on, **fields)


def chain(n):
    return drive([step(f"s{k}", *([f"s{k - 1}"] if k else [])) for k in range(n)])


def anyone():
    return random.Random(1).randrange


def wave(n):
    """Many steps between a first and a last one."""
    middle = [step(f"m{k}", "first") for k in range(n)]
    last = step("last", *(one.id for one in middle))
    return drive([step("first"), *middle, last], order=anyone())


def wave_in_order(n):
    """The last one is asked about at each end, and has ever more dependencies that have ended."""
    middle = [step(f"m{k}") for k in range(n)]
    last = step("last", *(one.id for one in middle))
    return drive([*middle, last], order=lambda _count: 0)


def map_after_many(n):
    many = [step(f"s{k}") for k in range(n)]
    spec = MapSpec(over="rows", concurrency=1)
    mapped = step("m", *(one.id for one in many), map=spec)
    return drive([*many, mapped], inputs={"rows": n})


def large_map(n, **options):
    spec = MapSpec(over="first", max_items=n, **options)
    return drive([step("first"), step("m", map=spec), step("last", "m")], n, anyone())


def capped_map(n):
    return large_map(n, concurrency=8)


def long_loop(n):
    return drive([step("l", loop=LoopSpec(max_iterations=n))], inputs={"last": n - 1})


def skips_into_a_join(n):
    """Each condition skips a step of its own, and all of these are before one join."""
    conditions = [step(f"c{k}", type=StepType.CONDITION) for k in range(n)]
    skipped = [step(f"s{k}", f"c{k}") for k in range(n)]
    join = step("join", "first", *(one.id for one in skipped))
    return drive([step("first"), *conditions, *skipped, join])


def skipped_chain(n):
    condition = step("s0", type=StepType.CONDITION)
    return drive([condition, *(step(f"s{k}", f"s{k - 1}") for k in range(1, n))]) / n


def blocked_chain(n):
    return drive([step("s0"), *(step(f"s{k}", f"s{k - 1}") for k in range(1, n))], fails="s0") / n


SHAPES = [
    chain,
    wave,
    wave_in_order,
    large_map,
    capped_map,
    map_after_many,
    long_loop,
    skips_into_a_join,
    skipped_chain,
    blocked_chain,
]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_costs_the_same_in_a_run_four_times_as_long(shape):
    assert shape(400) <= shape(100) * 1.2
