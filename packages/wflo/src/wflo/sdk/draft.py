"""A step as its author wrote it, before the others are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from wflo.models import Isolation, LoopSpec, MapSpec, RetryPolicy, StepType
from wflo.runtime.signature import check_function
from wflo.sdk import options

if TYPE_CHECKING:
    from wflo.sdk.workflow import Workflow


@dataclass(frozen=True, kw_only=True, eq=False)
class Draft:
    """A step as it was written.

    Attributes:
        id: Its id.
        type: Its type.
        depends_on: What it waits for by its own word; names of parameters add to that.
        when: Says whether it runs.
        map: One iteration an item.
        loop: Again until it is done.
        until: Says of a result whether the loop is done.
        retry: In place of the workflow's.
        timeout_s: For one attempt.
        function: Its function.
        isolation: Where its function runs.
        config: Of a TIMER, ``duration_s``; of a SCRIPT, ``script``, ``config``, ``entrypoint``.
        child: Of a WORKFLOW.
        taken: What a SCRIPT or a WORKFLOW takes: steps or inputs by the names that they get there.
    """

    id: str
    type: StepType
    depends_on: tuple[str, ...] = ()
    when: Callable[..., Any] | None = None
    map: MapSpec | None = None
    loop: LoopSpec | None = None
    until: Callable[..., Any] | None = None
    retry: RetryPolicy | None = None
    timeout_s: float | None = None
    function: Callable[..., Any] | None = None
    isolation: Isolation | None = None
    config: dict[str, Any] = field(default_factory=dict)
    child: Workflow | None = None
    taken: dict[str, str] = field(default_factory=dict)


def make_draft(
    workflow: str,
    given_id: object,
    kind: StepType | str,
    *,
    depends_on: Sequence[str],
    when: Any,
    map_over: str | None = None,
    item: str = "item",
    max_items: int = 1000,
    concurrency: int | None = None,
    until: Any = None,
    max_iterations: int | None = None,
    retry: int | RetryPolicy | None = None,
    **rest: Any,
) -> Draft:
    """A step, from what its author wrote. See `wflo.sdk.workflow.Workflow.step`.

    Raises:
        DefinitionError: Something of it is not as described there.
    """
    step_id = options.step_id(given_id, workflow)
    owner = owner_of(workflow, step_id)
    for name, test in (("when", when), ("until", until)):
        if test is not None:
            check_function(test, f"{name} of {owner}", importable=False)
    return Draft(
        id=step_id,
        type=options.step_type(kind, owner, mapped=map_over is not None),
        depends_on=options.dependencies(depends_on, owner),
        when=when,
        map=options.map_spec(map_over, item, max_items, concurrency, owner),
        loop=options.loop_spec(until, max_iterations, owner),
        until=until,
        retry=options.retry_policy(retry, owner),
        **rest,
    )


def function_draft(
    workflow: str,
    given_id: object,
    kind: StepType | str,
    function: Callable[..., Any],
    isolation: str | None,
    **rest: Any,
) -> Draft:
    """A step that has a function. See `make_draft`."""
    step_id = getattr(function, "__name__", "?") if given_id is None else given_id
    owner = owner_of(workflow, step_id)
    check_function(function, owner)
    options.check_code_type(kind, owner)
    place = options.isolation(isolation, owner, is_async=iscoroutinefunction(function))
    return make_draft(workflow, step_id, kind, function=function, isolation=place, **rest)


def owner_of(workflow: str, step_id: object) -> str:
    """What messages call a step."""
    return f"workflow {workflow!r}: step {step_id!r}"
