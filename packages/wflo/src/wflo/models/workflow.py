"""What a workflow is: steps, what each waits for, and the policies of the whole. Pure data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from wflo.models.base import JsonObject, MicroUsd, Model, Name, StepId

_LONGEST_S = 10 * 365 * 86_400
_SHOWN = 20  # names in one message


class StepType(StrEnum):
    """What kind of work a step is.

    AGENT and TOOL are code, and differ in how they are observed. CONDITION is code that returns a
    bool; what depends on it is skipped where it is False. PARALLEL is code that runs once for each
    item of a list. SCRIPT runs a script under a configuration. APPROVAL, TIMER and WORKFLOW hold
    no worker: they wait for a decision, for a time, and for another execution.
    """

    AGENT = "agent"
    TOOL = "tool"
    APPROVAL = "approval"
    CONDITION = "condition"
    PARALLEL = "parallel"
    SCRIPT = "script"
    TIMER = "timer"
    WORKFLOW = "workflow"


class Isolation(StrEnum):
    """Where a step's function runs: on the event loop, in a thread, or in a child process."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


def _kind_name(kind: Any) -> Any:
    """The name that the journal has for an exception's class, of what was given for it."""
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return kind
    is_alone = kind.__module__ in {"builtins", "__main__"}  # whoever runs it may import the latter
    return kind.__qualname__ if is_alone else f"{kind.__module__}.{kind.__qualname__}"


class RetryPolicy(Model):
    """When a failed attempt is repeated, and after how long.

    The delay before attempt n+1 is ``initial_delay_s * multiplier ** (n-1)``, at most
    ``max_delay_s``, changed by up to the fraction ``jitter`` of it in either direction.

    Attributes:
        max_attempts: Attempts in all, the first among them.
        initial_delay_s: Seconds before the second attempt.
        multiplier: How much longer each further delay is.
        max_delay_s: The longest delay, in seconds.
        jitter: A fraction, 0 to 1.
        retry_on: Names of exceptions that are repeated, bases among them; none: every one. A class
            is taken for its name.
        max_worker_losses: How many times the worker may die in the middle of the step. That is
            not an attempt of ``max_attempts``: a step that never failed survives its machine.
    """

    max_attempts: Annotated[int, Field(ge=1, le=10_000)] = 1
    initial_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    multiplier: Annotated[float, Field(ge=1, le=100)] = 2.0
    max_delay_s: Annotated[float, Field(ge=0, le=30 * 86_400)] = 300.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    retry_on: tuple[Annotated[str, BeforeValidator(_kind_name)], ...] = ()
    max_worker_losses: Annotated[int, Field(ge=1, le=1_000)] = 3


class WorkflowPolicies(Model):
    """What holds for a whole run.

    Attributes:
        max_cost_micro_usd: No step starts once this much was spent, in millionths of a US dollar.
        timeout_seconds: How long a run may take from its start, waits among it.
        retry_policy: For the steps that have none of their own.
    """

    max_cost_micro_usd: MicroUsd | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=_LONGEST_S)] | None = None
    retry_policy: RetryPolicy = RetryPolicy()


class CodeRef(Model):
    """Where the code of a step is: never the code itself.

    Attributes:
        module: The import path; of a file that was given by its path, the file's stem.
        qualname: The function's name in it.
        digest: SHA-256 (hex) of the function's source, to see that it is the same.
    """

    module: str
    qualname: str
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class MapSpec(Model):
    """One iteration of a step for each item of a list.

    Attributes:
        over: The step whose result, or the input whose value, is the list.
        item: The parameter that receives the item.
        max_items: More items than this fail the step before anything of it starts.
        concurrency: How many iterations are under way at once; None: as many as there are.
    """

    over: StepId
    item: StepId = "item"
    max_items: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    concurrency: Annotated[int, Field(ge=1)] | None = None


class LoopSpec(Model):
    """The same step again until it says that it is done.

    Attributes:
        max_iterations: Not done after this many, the step fails.
    """

    max_iterations: Annotated[int, Field(ge=1, le=100_000)]


class WorkflowStep(Model):
    """One step.

    Attributes:
        id: Its name; also that of the parameter by which others receive its result.
        type: See `StepType`.
        config: What its type needs: TIMER ``duration_s``; WORKFLOW ``definition`` (a whole
            `WorkflowDefinition`); SCRIPT ``script``, ``config`` and ``entrypoint``; code
            ``isolation``.
        depends_on: Steps that must have ended before it starts.
        approval_required: It waits for a decision before it starts.
        rollback_enabled: What it did is undone when the run fails later.
        code: Where its function is, for types that have one.
        conditional: A function decides, when all it depends on has ended, whether it runs.
        map: One iteration an item.
        loop: Again until it is done.
        retry_policy: In place of the workflow's.
        timeout_s: How long one attempt may take, in seconds.
    """

    id: StepId
    type: StepType = StepType.TOOL
    config: JsonObject = Field(default_factory=dict)
    depends_on: tuple[StepId, ...] = ()
    approval_required: bool = False
    rollback_enabled: bool = False
    code: CodeRef | None = None
    conditional: bool = False
    map: MapSpec | None = None
    loop: LoopSpec | None = None
    retry_policy: RetryPolicy | None = None
    timeout_s: Annotated[float, Field(gt=0, le=365 * 86_400)] | None = None

    @model_validator(mode="after")
    def _one_kind_of_iteration(self) -> Self:
        if self.map and self.loop:
            raise ValueError(f"step {self.id!r} has both a map and a loop; it can have one of them")
        return self

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type is StepType.TIMER:
            _check_duration(self.id, self.config.get("duration_s"))
        elif self.type is StepType.WORKFLOW:
            _check_sub_workflow(self.id, self.config.get("definition"))
        return self


class WorkflowDefinition(Model):
    """A workflow: what is submitted, and what a run is made from.

    Attributes:
        name: Its name.
        version: Whatever the author calls this state of it.
        steps: In the order in which they were written; that of equal steps.
        policies: See `WorkflowPolicies`.
        metadata: For people and tools; the engine does not read it.
    """

    name: Name
    version: Annotated[str, Field(min_length=1, max_length=100)] = "1"
    steps: Annotated[tuple[WorkflowStep, ...], Field(min_length=1)]
    policies: WorkflowPolicies = WorkflowPolicies()
    metadata: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        _check_unique(step.id for step in self.steps)
        known = {step.id: step for step in self.steps}
        for step in self.steps:
            _check_dependencies(step, known)
        if cycle := find_cycle(self.dependencies()):
            raise ValueError(f"steps wait for each other: {' -> '.join(_cut(cycle))}")
        return self

    def dependencies(self) -> dict[str, tuple[str, ...]]:
        """What each step waits for, in the order of the steps; what it maps over is among it."""
        order = {step.id: position for position, step in enumerate(self.steps)}
        return {step.id: _in_order(step, order) for step in self.steps}


def _check_unique(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for step_id in ids:
        if step_id in seen:
            raise ValueError(f"two steps have the id {step_id!r}")
        seen.add(step_id)


def _in_order(step: WorkflowStep, order: Mapping[str, int]) -> tuple[str, ...]:
    named = {*step.depends_on} | ({step.map.over} if step.map else set())
    return tuple(sorted(named & order.keys(), key=order.__getitem__))


def _check_dependencies(step: WorkflowStep, known: Collection[str]) -> None:
    for needed in step.depends_on:
        if needed not in known:
            near = get_close_matches(needed, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the steps are {_listed(known)}"
            raise ValueError(f"step {step.id!r} depends on {needed!r}, which is no step; {hint}")


def _listed(names: Collection[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(islice(names, _SHOWN)) + more


def _cut(cycle: list[str]) -> list[str]:
    """A cycle as it is shown: of a long one its begin and its end."""
    if len(cycle) <= _SHOWN:
        return cycle
    return [*cycle[: _SHOWN - 2], f"({len(cycle) - _SHOWN} more)", *cycle[-2:]]


def _check_duration(step_id: str, duration_s: Any) -> None:
    number = isinstance(duration_s, int | float) and not isinstance(duration_s, bool)
    if not number or not 0 <= duration_s <= _LONGEST_S:
        raise ValueError(
            f"step {step_id!r} waits for duration_s = {duration_s!r}; "
            f"a number of seconds is accepted, from 0 to {_LONGEST_S}"
        )


def _check_sub_workflow(step_id: str, definition: Any) -> None:
    try:
        WorkflowDefinition.model_validate(definition)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"step {step_id!r} has no valid sub-workflow: {where and where + ': '}{first['msg']}"
        ) from None


def find_cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """One cycle of the graph, its first node repeated at the end, or []."""
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        path = {start: None}  # a dict for its order: a node is found in it at once
        stack: list[Iterator[str]] = [iter(graph[start])]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
                done.add(path.popitem()[0])
            elif following in path:
                nodes = [*path]
                return [*nodes[nodes.index(following) :], following]
            elif following not in done:
                path[following] = None
                stack.append(iter(graph[following]))
    return []
