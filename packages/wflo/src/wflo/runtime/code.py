"""The code of a workflow: what a worker needs besides its definition."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from textwrap import dedent
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from wflo.errors import StepInputError
from wflo.models import CodeRef, Isolation, WorkflowDefinition, WorkflowStep
from wflo.runtime.home import Home, home

if TYPE_CHECKING:
    from wflo.plan import Plan
    from wflo.runtime.call import StepCall
    from wflo.runtime.inputs import Inputs
    from wflo.runtime.signature import Signature


class Origin(Enum):
    """Where a value comes from."""

    STEP = "the result of a step"
    INPUT = "an input of the run"
    ITEM = "the item of a map"
    INDEX = "the number of the iteration"
    PREVIOUS = "what a loop's iteration before returned"


class Source(NamedTuple):
    """Where the value of a parameter comes from.

    Attributes:
        origin: The kind.
        name: The step's, or the input's.
        required: There must be one: the parameter has no default.
    """

    origin: Origin
    name: str
    required: bool = True


def values(owner: str, sources: Mapping[str, Source], call: StepCall) -> dict[str, Any]:
    """The JSON values of parameters; absent are those that there are none of, but defaults.

    Raises:
        StepInputError: The run has no such input.
    """
    found = {}
    for parameter, source in sources.items():
        if source.required or _is_there(source, call):
            try:
                found[parameter] = _value(source, call)
            except KeyError:
                raise StepInputError(
                    f"{owner}: there is no {source.name!r} for its parameter {parameter!r}"
                ) from None
    return found


def _is_there(source: Source, call: StepCall) -> bool:
    if source.origin is Origin.PREVIOUS:
        return call.iteration > 0
    return source.origin is not Origin.INPUT or source.name in call.inputs


def _value(source: Source, call: StepCall) -> Any:
    match source.origin:
        case Origin.STEP:
            return call.results[source.name]
        case Origin.INPUT:
            return call.inputs[source.name]
        case Origin.ITEM:
            return call.item
        case Origin.INDEX:
            return call.iteration
        case Origin.PREVIOUS:
            return call.previous


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A function, and where the values of its parameters come from.

    Attributes:
        signature: The function.
        sources: By parameter.
    """

    signature: Signature
    sources: dict[str, Source]

    def values(self, call: StepCall) -> dict[str, Any]:
        """The JSON values that it is to be called with. See `values`."""
        return values(self.signature.owner, self.sources, call)


@dataclass(frozen=True, slots=True)
class ScriptCode:
    """The script of a SCRIPT step.

    Attributes:
        path: Its file, absolute.
        entrypoint: The function to call, or None.
        config: Values for its globals, or the absolute path of a config file.
    """

    path: str
    entrypoint: str | None
    config: dict[str, Any] | str


@dataclass(frozen=True, slots=True, eq=False)
class StepCode:
    """What a worker needs of a step.

    Attributes:
        definition: The step.
        body: Its function; None where it has none.
        home: Where the function is to be had from, in another process too.
        when: Says, once all that it depends on has ended, whether it runs.
        until: Says of a loop's result whether it was the last one.
        script: Of a SCRIPT step.
        sources: Where the values come from that a SCRIPT or WORKFLOW step hands on, by the name
            that they have there.
        child: Of a WORKFLOW step: the inputs of the workflow that it stands for.
        needs: The steps whose results it reads.
    """

    definition: WorkflowStep
    body: Bound | None = None
    home: Home | None = None
    when: Bound | None = None
    until: Signature | None = None
    script: ScriptCode | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    child: Inputs | None = None
    needs: frozenset[str] = frozenset()

    @property
    def owner(self) -> str:
        """What messages call it."""
        return f"step {self.definition.id!r}"

    @property
    def isolation(self) -> Isolation:
        """Where it runs."""
        return Isolation(self.definition.config["isolation"])


@dataclass(frozen=True, eq=False)
class WorkflowCode:
    """What a worker needs of a workflow.

    Attributes:
        definition: The workflow.
        source: Where it is: the absolute path of a file, or ``module:name``.
        steps: Its steps, by id.
        children: The workflows that its WORKFLOW steps stand for, by step.
        inputs: What it takes.
    """

    definition: WorkflowDefinition
    source: str
    steps: dict[str, StepCode]
    children: dict[str, WorkflowCode]
    inputs: Inputs

    @cached_property
    def plan(self) -> Plan:
        """The definition, resolved."""
        from wflo.plan import make_plan

        return make_plan(self.definition)


def code_ref(function: Callable[..., Any]) -> CodeRef:
    """Where a function is, and what it is now."""
    module = home(function.__module__).module
    return CodeRef(module=module, qualname=function.__qualname__, digest=code_digest(function))


def code_digest(function: Callable[..., Any]) -> str:
    """SHA-256 (hex) of a function's source, its decorators among it."""
    try:
        text = dedent(inspect.getsource(function))
    except (OSError, TypeError):
        # Typed at a prompt, or the file is gone. What it was compiled to differs from one Python
        # to the next, but tells a changed function from the same one.
        text = _compiled(inspect.unwrap(function).__code__)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _compiled(code: CodeType) -> str:
    parts = [code.co_name, code.co_code.hex(), repr(code.co_names), repr(code.co_varnames)]
    for constant in code.co_consts:
        match constant:
            case CodeType():
                parts.append(_compiled(constant))
            case frozenset():  # in the same order in each process
                parts.append(repr(sorted(map(repr, constant))))
            case _:
                parts.append(repr(constant))
    return "\n".join(parts)


def script_ref(script: ScriptCode, name: str) -> CodeRef:
    """What a script is now; a config file counts as a part of it."""
    digest = hashlib.sha256()
    for path in (script.path, script.config):
        if isinstance(path, str):
            with open(path, "rb") as file:
                digest.update(file.read())
    return CodeRef(module=name, qualname=script.entrypoint or "", digest=digest.hexdigest())
