"""The options of a step, from what authors write to what models hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from re import fullmatch
from typing import Any

from wflo.errors import DefinitionError
from wflo.models import Isolation, LoopSpec, MapSpec, RetryPolicy, StepType, WorkflowPolicies
from wflo.models.base import NAME, STEP_ID
from wflo.runtime.signature import CONTEXT
from wflo.runtime.values import shown

#: Types that `Workflow.step` makes; the others have methods of their own.
CODE_TYPES = (StepType.TOOL, StepType.AGENT, StepType.CONDITION, StepType.PARALLEL)

_MICRO = 1_000_000
_METHODS = {
    StepType.TIMER: "wf.timer(...)",
    StepType.WORKFLOW: "wf.workflow(...)",
    StepType.SCRIPT: "wf.script(...)",
}


def workflow_name(given: object) -> str:
    """The name of a workflow."""
    if isinstance(given, str) and fullmatch(NAME, given):
        return given
    raise DefinitionError(
        f"{shown(given)} cannot be the name of a workflow: "
        "up to 100 letters, digits, '_', '-' and '.', and none of the last two first"
    )


def policies(
    workflow: str,
    given: WorkflowPolicies | None,
    timeout_s: float | None,
    retry: int | RetryPolicy | None,
    max_cost_usd: object,
) -> WorkflowPolicies:
    """What holds for a whole run, as one thing or by the three that are short for it."""
    owner = f"workflow {workflow!r}"
    short: dict[str, Any] = {}
    if timeout_s is not None:
        short["timeout_seconds"] = timeout_s
    if retry is not None:
        short["retry_policy"] = retry_policy(retry, owner)
    if max_cost_usd is not None:
        short["max_cost_micro_usd"] = micro_usd(max_cost_usd, owner)
    if given is None:
        made: WorkflowPolicies = checked(lambda: WorkflowPolicies(**short), owner)
        return made
    if short:
        raise DefinitionError(f"{owner} has policies, and also what is short for them")
    whole: WorkflowPolicies = checked(
        lambda: WorkflowPolicies.model_validate(given), f"{owner}: policies"
    )
    return whole


def step_id(given: object, workflow: str) -> str:
    """The id of a step.

    Raises:
        DefinitionError: It could not be the name of a parameter.
    """
    if callable(given):
        raise DefinitionError(f"workflow {workflow!r}: write @wf.step(), with the brackets")
    if not isinstance(given, str) or not fullmatch(STEP_ID, given):
        raise DefinitionError(
            f"workflow {workflow!r}: {shown(given)} cannot be the id of a step: "
            "up to 100 letters, digits and _, and no digit first"
        )
    if given == CONTEXT:
        raise DefinitionError(
            f"workflow {workflow!r}: no step can have the id {CONTEXT!r}, "
            "which is the parameter that receives the context"
        )
    return given


def step_type(given: StepType | str, owner: str, *, mapped: bool) -> StepType:
    """The type of a step; TOOL is PARALLEL where it is mapped."""
    kind = StepType(given)
    if mapped and kind is StepType.CONDITION:
        raise DefinitionError(f"{owner}: a condition is asked once, and cannot have map_over")
    if not mapped and kind is StepType.PARALLEL:
        raise DefinitionError(f"{owner}: a parallel step needs map_over")
    return StepType.PARALLEL if mapped and kind is StepType.TOOL else kind


def check_code_type(given: object, owner: str) -> None:
    """See that a type is one of a step with a function.

    Raises:
        DefinitionError: It is another, or none.
    """
    if not isinstance(given, str) or given not in list(StepType):
        names = ", ".join(repr(kind.value) for kind in CODE_TYPES)
        raise DefinitionError(f"{owner}: there is no type {shown(given)}; it is one of {names}")
    if given not in CODE_TYPES:
        how = _METHODS.get(StepType(given), "nothing yet")
        raise DefinitionError(f"{owner}: a step of type {str(given)!r} is made by {how}")


def dependencies(given: object, owner: str) -> tuple[str, ...]:
    """The steps that one waits for, each once."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DefinitionError(f"{owner}: depends_on is a list of step ids, not {shown(given)}")
    ids = tuple(given)
    for each in ids:
        if not isinstance(each, str):
            raise DefinitionError(f"{owner}: depends_on has {shown(each)}, which is no step's id")
    return tuple(dict.fromkeys(ids))


def retry_policy(given: object, owner: str) -> RetryPolicy | None:
    """The policy that ``retry=`` stands for: a number is that of repeats."""
    if given is None or isinstance(given, RetryPolicy):
        return given
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 10_000:
        raise DefinitionError(
            f"{owner}: retry is a number of repeats (0 to 9999) or a RetryPolicy, "
            f"not {shown(given)}"
        )
    return RetryPolicy(max_attempts=given + 1)


def map_spec(
    over: object, item: str, max_items: int, concurrency: int | None, owner: str
) -> MapSpec | None:
    """The map that ``map_over=`` and what belongs to it stand for."""
    if over is None:
        if concurrency is not None or item != "item" or max_items != 1000:
            raise DefinitionError(f"{owner}: item, max_items and concurrency belong to map_over")
        return None
    if not isinstance(over, str):
        raise DefinitionError(
            f"{owner}: map_over is the name of a step or an input, not {shown(over)}"
        )
    if item in {over, CONTEXT, "index"}:
        raise DefinitionError(
            f"{owner}: the item cannot be called {item!r}; choose another name by item="
        )
    spec: MapSpec = checked(
        lambda: MapSpec(over=over, item=item, max_items=max_items, concurrency=concurrency), owner
    )
    return spec


def loop_spec(
    until: Callable[..., object] | None, max_iterations: int | None, owner: str
) -> LoopSpec | None:
    """The loop that ``until=`` and ``max_iterations=`` stand for: there are both, or none."""
    if until is None and max_iterations is None:
        return None
    if until is None or max_iterations is None:
        lacks = "until" if until is None else "max_iterations"
        raise DefinitionError(f"{owner}: a loop has until and max_iterations; {lacks} is missing")
    spec: LoopSpec = checked(lambda: LoopSpec(max_iterations=max_iterations), owner)
    return spec


def taken(given: object, owner: str) -> dict[str, str]:
    """What ``inputs=`` says: steps or inputs, by the names that they get there."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(text, str) for pair in given.items() for text in pair
    ):
        raise DefinitionError(
            f"{owner}: inputs is a dict of names to steps or inputs, not {shown(given)}"
        )
    return dict(given)


def micro_usd(given: object, owner: str) -> int:
    """An amount in dollars, as whole millionths; no float, which would not be exact."""
    amount = _decimal(given) * _MICRO
    if amount.is_finite() and amount >= 0 and amount == amount.to_integral_value():
        return int(amount)
    raise DefinitionError(
        f"{owner}: max_cost_usd is an amount such as '2.50', with up to six decimals, "
        f"as str, int or Decimal; not {shown(given)}"
    )


def _decimal(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        return Decimal("nan")
    try:
        return Decimal(given)
    except InvalidOperation:
        return Decimal("nan")


def duration_s(given: object, owner: str) -> int | float:
    """How long a timer waits; the definition says how long is too long."""
    if isinstance(given, float) and isfinite(given):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise DefinitionError(f"{owner}: seconds is a number, not {shown(given)}")


def isolation(given: object, owner: str, *, is_async: bool) -> Isolation:
    """Where a function runs."""
    if given is None:
        return Isolation.ASYNC if is_async else Isolation.THREAD
    if given == Isolation.THREAD and is_async:
        raise DefinitionError(
            f"{owner} is async and runs on the event loop; only a plain function has a thread"
        )
    if given == Isolation.THREAD:
        return Isolation.THREAD
    if given == Isolation.PROCESS:
        return Isolation.PROCESS
    raise DefinitionError(f"{owner}: isolation is 'thread' or 'process', not {shown(given)}")


def script(path: object, config: object, entrypoint: object, owner: str) -> dict[str, Any]:
    """What a SCRIPT step has in its definition."""
    if isinstance(config, Mapping) or config is None:
        globals_or_file: Any = dict(config or {})
    else:
        globals_or_file = file_path(config, owner)
    if entrypoint is not None and not isinstance(entrypoint, str):
        raise DefinitionError(
            f"{owner}: entrypoint is the name of a function of the script, not {shown(entrypoint)}"
        )
    return {
        "script": _script_path(path, owner),
        "config": globals_or_file,
        "entrypoint": entrypoint,
    }


def _script_path(given: object, owner: str) -> str:
    path = file_path(given, owner)
    if path.endswith(".py"):
        return path
    name = path.rpartition(".py:")[2]
    hint = f"; give the function by entrypoint={name!r}" if name != path else ""
    raise DefinitionError(f"{owner}: {path} is no script: its name does not end in .py{hint}")


def file_path(given: object, owner: str) -> str:
    """The path of a file, as text."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str):
        raise DefinitionError(f"{owner}: the path of a file is expected, not {shown(given)}")
    return path


def checked(make: Callable[[], Any], owner: str) -> Any:
    """What a model makes of values.

    Raises:
        DefinitionError: It refuses them.
    """
    from pydantic import ValidationError

    from wflo.runtime.values import explain

    try:
        return make()
    except ValidationError as error:
        raise DefinitionError(f"{owner}: {explain(error)}") from None
