"""What holds for every run: random graphs, random ends of steps, in random orders.

`SimulatedRun` checks at every turn what the scheduler must never do. Here, runs are played to their
end, and compared with what a plain reading of the rules says that they come to.
"""

from __future__ import annotations

import random
from graphlib import TopologicalSorter

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from simulated_run import STARTS, SimulatedRun

from wflo.models import ExecutionStatus, LoopSpec, MapSpec, StepStatus, StepType, WorkflowStep
from wflo.workflow.engine import execution_status
from wflo.workflow.view import UNFINISHED, Entry, Stop

INPUTS = {"none": 0, "one": 1, "three": 3}
CHILD = {"name": "child", "steps": [{"id": "only"}]}
CONFIGS = {StepType.TIMER: {"duration_s": 1}, StepType.WORKFLOW: {"definition": CHILD}}
WAITS = (StepType.TIMER, StepType.WORKFLOW, StepType.APPROVAL)
BAD = {StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED}


# Random workflows.


@st.composite
def specs(draw, before):
    """A map, a loop or neither."""
    kind = draw(st.sampled_from(["plain", "plain", "map", "loop"]))
    if kind == "loop":
        return {"loop": LoopSpec(max_iterations=draw(st.integers(1, 4)))}
    if kind == "map":
        over = draw(st.sampled_from([*INPUTS, "text", *before]))
        cap = draw(st.sampled_from([None, 1, 2]))
        limit = draw(st.sampled_from([2, 1000, 1000]))
        return {"map": MapSpec(over=over, concurrency=cap, max_items=limit)}
    return {}


@st.composite
def steps_after(draw, step_id, before):
    """A step that may depend on any of those before it."""
    kind = draw(st.sampled_from(StepType))
    return WorkflowStep(
        id=step_id,
        type=kind,
        config=CONFIGS.get(kind, {}),
        depends_on=draw(st.lists(st.sampled_from(before), max_size=3)) if before else (),
        approval_required=draw(st.sampled_from([False, False, False, True])),
        conditional=draw(st.booleans()),
        **draw(specs(before)),
    )


@st.composite
def workflows(draw):
    """Steps in an order that says nothing about what they depend on."""
    steps = []
    for n in range(draw(st.integers(1, 9))):
        steps.append(draw(steps_after(f"s{n}", [step.id for step in steps])))
    return draw(st.permutations(steps))


class World:
    """How every iteration of every step ends, whenever that is."""

    def __init__(self, seed):
        self.seed = seed

    def chance(self, *what):
        return random.Random(f"{self.seed} {what}").random()

    def end(self, step, iteration):
        chance = self.chance(step.id, iteration)
        last = step.loop and iteration == step.loop.max_iterations - 1
        if step.conditional and chance > 0.8:
            return Entry(StepStatus.SKIPPED)
        if chance < 0.12:
            return Entry(StepStatus.FAILED)
        done = not step.loop or self.chance(step.id, iteration, "done") < 0.4
        if last and not done and self.chance(step.id, "bound") < 0.5:
            return Entry(StepStatus.FAILED)  # as a worker says it: the loop was not done
        size = random.Random(f"{self.seed} {step.id} size").choice([None, 0, 1, 2, 5])
        return Entry(
            StepStatus.COMPLETED,
            size=size,
            passed=self.chance(step.id, iteration, "passed") < 0.7,
            done=done,
        )


# What a run comes to, by reading the rules from the first step to the last.


class Reading:
    def __init__(self, run, world):
        self.steps = {planned.id: planned for planned in run.plan.steps.values()}
        self.world = world
        self.ends = {}
        self.counts = {}  # iterations that ran
        self.results = {}  # the entry whose result is the step's, of those that are not mapped
        graph = {planned.id: planned.depends_on for planned in self.steps.values()}
        for step_id in TopologicalSorter(graph).static_order():
            self.counts[step_id], self.ends[step_id] = self.read(self.steps[step_id])

    def read(self, planned):
        step, needed = planned.definition, [self.ends[other] for other in planned.depends_on]
        if BAD & {*needed}:
            return 0, StepStatus.BLOCKED
        if any(self.denies(other) for other in planned.depends_on):
            return 0, StepStatus.SKIPPED
        if needed and {*needed} == {StepStatus.SKIPPED}:
            return 0, StepStatus.SKIPPED
        if step.map:
            return self.read_map(step)
        return self.read_loop(step, step.loop.max_iterations if step.loop else 1)

    def denies(self, step_id):
        step = self.steps[step_id].definition
        if step.type is not StepType.CONDITION:
            return False
        if self.ends[step_id] is StepStatus.SKIPPED:
            return True
        if step.map:
            ends = [self.world.end(step, n) for n in range(self.counts[step_id])]
            return any(entry.passed is False for entry in ends)
        return self.results[step_id].passed is False

    def read_map(self, step):
        if step.map.over in self.steps:
            if self.ends[step.map.over] is StepStatus.SKIPPED:
                return 0, StepStatus.SKIPPED
            size = self.size(self.steps[step.map.over].definition)
        else:
            size = INPUTS.get(step.map.over)
        if size is None or size > step.map.max_items:
            return 0, StepStatus.FAILED
        ends = {self.world.end(step, n).status for n in range(size)}
        if StepStatus.FAILED in ends:
            return size, StepStatus.FAILED
        return size, StepStatus.SKIPPED if ends == {StepStatus.SKIPPED} else StepStatus.COMPLETED

    def size(self, step):
        return self.counts[step.id] if step.map else self.results[step.id].size

    def read_loop(self, step, bound):
        for n in range(bound):
            entry = self.world.end(step, n)
            if entry.status is StepStatus.SKIPPED and n:
                return n + 1, StepStatus.COMPLETED
            self.results[step.id] = entry
            if entry.status is not StepStatus.COMPLETED or entry.done:
                return n + 1, entry.status
        return bound, StepStatus.FAILED

    @property
    def status(self):
        return ExecutionStatus.FAILED if BAD & {*self.ends.values()} else ExecutionStatus.COMPLETED

    @property
    def failed(self):
        return next((s for s in self.steps if self.ends[s] is StepStatus.FAILED), None)


# Playing a run.


class Player:
    """Lets things happen to a run in an order of its own."""

    def __init__(self, run, world, order):
        self.run = run
        self.world = world
        self.order = order
        self.ended = set()
        self.setbacks = {}

    def play(self, stop=None, after=0):
        """To the end, or to the end that it comes to when it is stopped after so many events."""
        self.run.proceed()
        for turn in range(10_000):
            if self.run.finish is not None:
                return
            if stop is not None and turn == after:
                assert not any(isinstance(action, STARTS) for action in self.run.stop(stop))
                continue
            pending = sorted((step, n) for step, n, _ in self.run.journal.unfinished())
            assert pending, "a run that has not ended has something under way"
            self.check_status()
            self.move(*self.order.choice(pending))
        raise AssertionError("a run ends")

    def check_status(self):
        found = {entry.status for _, _, entry in self.run.journal.unfinished()}
        waits = found == {StepStatus.WAITING}
        expected = ExecutionStatus.WAITING if waits else ExecutionStatus.RUNNING
        assert execution_status(self.run.plan, self.run.journal) is expected

    def move(self, step_id, iteration):
        step = self.run.plan.steps[step_id].definition
        status = self.run.journal.get(step_id, iteration).status
        if (step_id, iteration) in self.run.gates and step.type is not StepType.APPROVAL:
            self.run.record(step_id, StepStatus.READY, iteration)  # approved
        elif status is StepStatus.READY:
            self.run.journal.record(step_id, iteration, Entry(StepStatus.RUNNING))  # claimed
        elif self.sets_back(step, iteration, status):
            self.nothing_follows(self.run.record(step_id, StepStatus.READY, iteration))
        elif status is StepStatus.RUNNING and step.type in WAITS and self.order.random() < 0.5:
            self.nothing_follows(self.run.record(step_id, StepStatus.WAITING, iteration))
        else:
            self.end(step, iteration)

    def sets_back(self, step, iteration, status):
        """A failed attempt that is repeated, or a lost worker: twice at most."""
        key = step.id, iteration
        chance = self.order.random() < 0.2 and self.setbacks.get(key, 0) < 2
        if not chance or status is not StepStatus.RUNNING:
            return False
        self.setbacks[key] = self.setbacks.get(key, 0) + 1
        return True

    def nothing_follows(self, actions):
        assert self.run.journal.stop is not None or actions == []

    def end(self, step, iteration):
        key = step.id, iteration
        assert key not in self.ended, "an iteration ends once"
        self.ended.add(key)
        entry = self.world.end(step, iteration)
        self.run._record(step.id, iteration, entry)


seeds = st.integers(0, 2**32)
orders = st.randoms(use_true_random=False)
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(workflows(), seeds, orders)
def test_a_run_comes_to_what_the_rules_say_in_whatever_order_things_happen(steps, seed, order):
    run = SimulatedRun(*steps, inputs=INPUTS)
    player = Player(run, World(seed), order)
    player.play()
    reading = Reading(run, World(seed))
    assert {step.id: run.status(step.id) for step in steps} == reading.ends
    assert (run.finish.status, run.finish.failed) == (reading.status, reading.failed)
    assert run.finish.stop is None
    ran = {(step, n) for step, count in reading.counts.items() for n in range(count)}
    assert player.ended == ran, "every iteration that the rules ask for ran once, and no other"
    assert execution_status(run.plan, run.journal) is reading.status
    event(str(reading.status))


@slow
@given(workflows(), seeds, orders, orders)
def test_two_runs_have_the_same_entries_in_the_end(steps, seed, one_order, other_order):
    entries = []
    for order in (one_order, other_order):
        run = SimulatedRun(*steps, inputs=INPUTS)
        Player(run, World(seed), order).play()
        entries.append((run.journal.entries, run.finish))
    assert entries[0] == entries[1]


@slow
@given(workflows(), seeds, orders, st.sampled_from(Stop), st.integers(0, 25))
def test_a_run_that_is_stopped_ends_with_nothing_under_way(steps, seed, order, stop, after):
    run = SimulatedRun(*steps, inputs=INPUTS)
    Player(run, World(seed), order).play(stop, after)
    assert not [entry for _, _, entry in run.journal.unfinished()]
    statuses = [entry.status for found in run.journal.entries.values() for entry in found.values()]
    assert not UNFINISHED & {*statuses}
    assert execution_status(run.plan, run.journal) is run.finish.status
    if StepStatus.CANCELLED in statuses:
        assert run.finish.stop is stop
    if run.finish.stop is None:  # it was there before
        reading = Reading(run, World(seed))
        assert {step.id: run.status(step.id) for step in steps} == reading.ends
    expected = ExecutionStatus.CANCELLED if stop is Stop.CANCELLED else ExecutionStatus.FAILED
    assert run.finish.stop is None or run.finish.status is expected
    event(f"{stop}: {run.finish.stop}")


@slow
@given(workflows(), seeds, orders)
def test_over_budget_whatever_runs_may_end(steps, seed, order):
    run = SimulatedRun(*steps, inputs=INPUTS)
    run.proceed()
    for step, iteration, entry in [*run.journal.unfinished()]:
        if entry.status is StepStatus.READY and order.random() < 0.5:
            run.journal.record(step, iteration, Entry(StepStatus.RUNNING))
    running = {(s, n) for s, n, e in run.journal.unfinished() if e.status is StepStatus.RUNNING}
    if run.finish is None:
        run.stop(Stop.OVER_BUDGET)
    left = {(step, n) for step, n, _ in run.journal.unfinished()}
    assert left == running
    for step, iteration in sorted(running, key=lambda _: order.random()):
        assert run.finish is None
        run.complete(step, iteration, size=1, passed=True)
    assert run.finish is not None
