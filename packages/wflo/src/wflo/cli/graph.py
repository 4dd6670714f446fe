"""Where each step of a workflow stands when it is drawn from top to bottom.

A step that waits for one other stands below it: straight below, if it is the only one or most of
what follows, else to the right of it, as a branch. A step that waits for several stands below all
of them, in the column of the last step that all of these follow from, and says their names.

    fetch
    parse
    ├─ summarise
    ├─ translate
    │  proofread
    └─ notify
    publish        <- summarise, proofread

What a step waits for anyway, by way of another one, is not drawn. In terms of graphs this is the
dominator tree of the transitive reduction, and its heavy paths are drawn straight; so the drawing
of n steps without joins is at most log2(n) columns deep.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from wflo.plan import Plan, PlannedStep

_START = ""  # before every step; no step has this id


class Placed(NamedTuple):
    """A step in the drawing.

    Attributes:
        step: It.
        indent: What is drawn before it.
        joins: The steps that it waits for, where there are several.
    """

    step: PlannedStep
    indent: str
    joins: tuple[str, ...] = ()


def layout(plan: Plan) -> list[Placed]:
    """The steps from top to bottom: each is below all that it waits for."""
    ordered = _sorted(plan)
    needs = _reduced(ordered)
    above = _dominators(ordered, needs)
    below: dict[str, list[PlannedStep]] = defaultdict(list)
    for step in ordered:
        below[above[step.id]].append(step)
    weights = _weights(ordered, above)
    placed: list[Placed] = []
    # step, what is drawn before it, what is drawn before those below it; the last one is next
    draw = _Drawing(needs, weights)
    pending = draw.following(below[_START], "")
    while pending:
        step, indent, inner = pending.pop()
        joins = needs[step.id] if len(needs[step.id]) > 1 else ()
        placed.append(Placed(step, indent, joins))
        pending += draw.following(below[step.id], inner)
    return placed


class _Drawing(NamedTuple):
    """What decides where steps are drawn.

    Attributes:
        needs: What each waits for.
        weights: How many steps are drawn below each.
    """

    needs: dict[str, tuple[str, ...]]
    weights: dict[str, int]

    def following(self, steps: list[PlannedStep], inner: str) -> list[tuple[PlannedStep, str, str]]:
        """What is drawn below a step, the last one first."""
        branches, straight = self._divided(steps)
        drawn = [(step, inner + "├─ ", inner + "│  ") for step in branches]
        if drawn:
            drawn[-1] = (branches[-1], inner + "└─ ", inner + "   ")
        drawn += [(step, inner, inner) for step in straight]
        return drawn[::-1]

    def _divided(self, steps: list[PlannedStep]) -> tuple[list[PlannedStep], list[PlannedStep]]:
        """What branches off, and what goes straight on."""
        joins = [step for step in steps if len(self.needs[step.id]) > 1]
        branches = [step for step in steps if len(self.needs[step.id]) < 2]
        if joins:
            return branches, joins
        most = max(branches, key=lambda step: self.weights[step.id], default=None)
        whole = sum(self.weights[step.id] for step in branches)
        if most is None or 2 * self.weights[most.id] <= whole:
            return branches, []
        return [step for step in branches if step is not most], [most]


def _sorted(plan: Plan) -> list[PlannedStep]:
    """Each step after those that it waits for, else in the order of the definition."""
    place = {step_id: number for number, step_id in enumerate(plan.steps)}
    missing = {step.id: len(step.depends_on) for step in plan.steps.values()}
    free = [place[step_id] for step_id, count in missing.items() if not count]
    heapify(free)
    steps, ordered = list(plan.steps.values()), []
    while free:
        step = steps[heappop(free)]
        ordered.append(step)
        for dependent in step.dependents:
            missing[dependent] -= 1
            if not missing[dependent]:
                heappush(free, place[dependent])
    return ordered


def _reduced(ordered: list[PlannedStep]) -> dict[str, tuple[str, ...]]:
    """What each step waits for, without what it waits for by way of another one."""
    bits = {step.id: 1 << place for place, step in enumerate(ordered)}
    before: dict[str, int] = {}  # all that a step follows, as the bits of a number
    needs = {}
    for step in ordered:
        indirect = 0
        for needed in step.depends_on:
            indirect |= before[needed]
        needs[step.id] = tuple(name for name in step.depends_on if not bits[name] & indirect)
        before[step.id] = indirect | sum(bits[name] for name in needs[step.id])
    return needs


def _dominators(ordered: list[PlannedStep], needs: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """For each step the last one through which every way to it leads."""
    above, depth = {_START: _START}, {_START: 0}
    for step in ordered:
        common, *others = needs[step.id] or (_START,)
        for other in others:
            common = _common(common, other, above, depth)
        above[step.id], depth[step.id] = common, depth[common] + 1
    return above


def _common(one: str, other: str, above: dict[str, str], depth: dict[str, int]) -> str:
    while one != other:
        if depth[one] < depth[other]:
            one, other = other, one
        one = above[one]
    return one


def _weights(ordered: list[PlannedStep], above: dict[str, str]) -> dict[str, int]:
    """How many steps are drawn below each, itself among them."""
    weights = dict.fromkeys(above, 0)
    for step in reversed(ordered):
        weights[step.id] += 1
        weights[above[step.id]] += weights[step.id]
    return weights
