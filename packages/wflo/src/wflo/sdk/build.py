"""From the steps that an author wrote to the code of a workflow: names get their meaning."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter as _Python
from typing import TYPE_CHECKING, Any

from wflo.errors import DefinitionError, nearest
from wflo.models import CodeRef, Isolation, StepType, WorkflowDefinition, WorkflowStep
from wflo.runtime.code import (
    Bound,
    Origin,
    ScriptCode,
    Source,
    StepCode,
    WorkflowCode,
    code_ref,
    script_ref,
)
from wflo.runtime.home import home
from wflo.runtime.inputs import Input, Inputs
from wflo.runtime.signature import Signature, read_signature
from wflo.runtime.values import PLAIN
from wflo.sdk.draft import Draft
from wflo.sdk.options import checked

if TYPE_CHECKING:
    from wflo.sdk.workflow import Workflow

_INDEX = "index"
_PREVIOUS = "previous"


def build(workflow: Workflow, drafts: Sequence[Draft], folder: str) -> WorkflowCode:
    """Build the code of a workflow.

    Args:
        workflow: The workflow.
        drafts: Its steps, in the order in which they were written.
        folder: Where relative paths of scripts start.

    Raises:
        DefinitionError: It cannot work as it is written.
    """
    owner = f"workflow {workflow.name!r}"
    if not drafts:
        raise DefinitionError(f"{owner} has no steps")
    children = {draft.id: draft.child.code for draft in drafts if draft.child is not None}
    try:
        builder = Builder(drafts, folder, children)
        steps = {code.definition.id: code for code in builder.steps()}
    except DefinitionError as error:
        raise DefinitionError(f"{owner}: {error}") from None
    definition = checked(
        lambda: WorkflowDefinition(
            name=workflow.name,
            version=workflow.version,
            steps=tuple(code.definition for code in steps.values()),
            policies=workflow.policies,
            metadata=workflow.metadata,
        ),
        owner,
    )
    inputs = Inputs(workflow.name, builder.inputs, steps)
    return WorkflowCode(definition, workflow.source, steps, children, inputs)


class Names:
    """What the names of parameters stand for in one step.

    Args:
        draft: The step.
        steps: The ids of all steps.

    Attributes:
        needs: The steps whose results it reads.
        inputs: The inputs that it takes.
    """

    def __init__(self, draft: Draft, steps: frozenset[str]) -> None:
        self._draft = draft
        self._owner = f"step {draft.id!r}"
        self._steps = steps
        self.needs: set[str] = set()
        self.inputs: list[Input] = []
        if draft.map is not None:
            self._take_map(draft.map.over, draft.map.item)

    def source(self, name: str, wanted: Input) -> Source:
        """Where the value for a name comes from.

        Args:
            name: The name.
            wanted: What is to be known of the input that it may be.

        Raises:
            DefinitionError: It could mean two things, or has no meaning here.
        """
        origin = self._origin(name)
        if origin is Origin.STEP:
            self.needs.add(name)
        elif origin is Origin.INPUT:
            self.inputs.append(wanted)
        return Source(origin, name, wanted.required)

    def sources(self, signature: Signature) -> dict[str, Source]:
        """Where the values for a function's parameters come from."""
        return {
            name: self.source(name, self.input(name, (each.adapter,), each.default))
            for name, each in signature.parameters.items()
        }

    def input(
        self, name: str, adapters: tuple[Any, ...] = (PLAIN,), default: Any = _Python.empty
    ) -> Input:
        """An input that this step takes."""
        return Input(name, adapters, default, steps=(self._draft.id,))

    def _take_map(self, over: str, item: str) -> None:
        if item in self._steps:
            raise DefinitionError(
                f"{self._owner}: its items are called {item!r}, and so is a step; "
                "choose another name by item="
            )
        if over in self._steps:
            self.needs.add(over)
        else:
            self.inputs.append(Input(over, steps=(self._draft.id,), mapped_by=self._draft.id))

    def _origin(self, name: str) -> Origin:
        special = self._special(name)
        if special is not None and name in self._steps:
            raise DefinitionError(
                f"{self._owner}: {name!r} is {special.value}, and also a step; rename that one"
            )
        if name == self._draft.id:
            raise DefinitionError(
                f"{self._owner} takes its own result; "
                f"in a loop, {_PREVIOUS!r} is what the iteration before returned"
            )
        if name == _PREVIOUS and special is None and name not in self._steps:
            raise DefinitionError(
                f"{self._owner} takes {_PREVIOUS!r}, which only a loop has: "
                "give it until and max_iterations"
            )
        return special or (Origin.STEP if name in self._steps else Origin.INPUT)

    def _special(self, name: str) -> Origin | None:
        spec, loop = self._draft.map, self._draft.loop
        if spec is not None and name == spec.item:
            return Origin.ITEM
        if name == _INDEX and (spec is not None or loop is not None):
            return Origin.INDEX
        return Origin.PREVIOUS if name == _PREVIOUS and loop is not None else None


class Builder:
    """Builds the code of a workflow's steps.

    Args:
        drafts: The steps.
        folder: Where relative paths of scripts start.
        children: The code of sub-workflows, by step.

    Attributes:
        inputs: Each place where an input of the workflow is taken.
    """

    def __init__(
        self, drafts: Sequence[Draft], folder: str, children: Mapping[str, WorkflowCode]
    ) -> None:
        self._drafts = drafts
        self._folder = folder
        self._children = children
        self._ids = frozenset(draft.id for draft in drafts)
        self._refs: dict[Callable[..., Any], CodeRef] = {}  # one function may be many steps
        self.inputs: list[Input] = []

    def steps(self) -> Iterator[StepCode]:
        """The steps' code.

        Raises:
            DefinitionError: One of them cannot be built.
        """
        for draft in self._drafts:
            names = Names(draft, self._ids)
            make = self._MAKERS.get(draft.type, Builder._function)
            yield make(self, draft, names)
            self.inputs += names.inputs

    def _function(self, draft: Draft, names: Names) -> StepCode:
        assert draft.function is not None
        assert draft.isolation is not None
        owner = f"step {draft.id!r}"
        signature = read_signature(draft.function, owner)
        sources = names.sources(signature)
        _check_takes_item(draft, sources)
        place = home(draft.function.__module__)
        if draft.isolation is Isolation.PROCESS and not place.importable:
            raise DefinitionError(
                f"{owner}: what was typed at a prompt cannot have its own process; put it in a file"
            )
        when = _when(draft, names)
        return StepCode(
            definition=self._definition(
                draft,
                names,
                {"isolation": draft.isolation.value},
                code=self._ref(draft.function),
            ),
            body=Bound(signature, sources),
            home=place,
            when=when,
            until=_until(draft),
            needs=frozenset(names.needs),
        )

    def _timer(self, draft: Draft, names: Names) -> StepCode:
        when = _when(draft, names)
        definition = self._definition(draft, names, draft.config)
        return StepCode(definition, when=when, needs=frozenset(names.needs))

    def _workflow(self, draft: Draft, names: Names) -> StepCode:
        child = self._children[draft.id]
        sources = {
            name: names.source(
                draft.taken.get(name, name), _handed_on(wanted, names, draft.taken.get(name))
            )
            for name, wanted in child.inputs.items()
        }
        for name in draft.taken:
            if name not in child.inputs:
                near = nearest(name, child.inputs)
                raise DefinitionError(
                    f"step {draft.id!r}: workflow {child.definition.name!r} "
                    f"has no input {name!r}{near}"
                )
        _check_takes_item(draft, sources)
        when = _when(draft, names)
        config: dict[str, Any] = {"definition": child.definition.model_dump(mode="json")}
        if draft.taken:
            config["inputs"] = draft.taken
        return StepCode(
            self._definition(draft, names, config),
            when=when,
            sources=sources,
            child=child.inputs,
            needs=frozenset(names.needs),
        )

    def _script(self, draft: Draft, names: Names) -> StepCode:
        sources = {
            name: names.source(taken, names.input(taken)) for name, taken in draft.taken.items()
        }
        _check_takes_item(draft, sources)
        when = _when(draft, names)
        script = self._script_code(draft)
        config = draft.config | ({"inputs": draft.taken} if draft.taken else {})
        return StepCode(
            self._definition(draft, names, config, script_ref(script, draft.config["script"])),
            when=when,
            script=script,
            sources=sources,
            needs=frozenset(names.needs),
        )

    def _script_code(self, draft: Draft) -> ScriptCode:
        config = draft.config["config"]
        return ScriptCode(
            path=self._file(draft, draft.config["script"]),
            entrypoint=draft.config["entrypoint"],
            config=self._file(draft, config) if isinstance(config, str) else config,
        )

    def _file(self, draft: Draft, path: str) -> str:
        full = os.path.join(self._folder, path)
        if os.path.isfile(full):
            return full
        folder, name = os.path.split(full)
        known = os.listdir(folder) if os.path.isdir(folder) else []
        raise DefinitionError(
            f"step {draft.id!r}: there is no file {path}{nearest(name, known)}"
            f" (from {self._folder})"
        )

    def _ref(self, function: Callable[..., Any]) -> CodeRef:
        if function not in self._refs:
            self._refs[function] = code_ref(function)
        return self._refs[function]

    def _definition(
        self, draft: Draft, names: Names, config: dict[str, Any], code: CodeRef | None = None
    ) -> WorkflowStep:
        over = draft.map.over if draft.map else None
        implied = sorted(names.needs - {over})
        definition: WorkflowStep = checked(
            lambda: WorkflowStep(
                id=draft.id,
                type=draft.type,
                config=config,
                depends_on=tuple(dict.fromkeys((*draft.depends_on, *implied))),
                code=code,
                conditional=draft.when is not None,
                map=draft.map,
                loop=draft.loop,
                retry_policy=draft.retry,
                timeout_s=draft.timeout_s,
            ),
            f"step {draft.id!r}",
        )
        return definition

    _MAKERS: Mapping[StepType, Callable[[Builder, Draft, Names], StepCode]] = {
        StepType.TIMER: _timer,
        StepType.WORKFLOW: _workflow,
        StepType.SCRIPT: _script,
    }


def _when(draft: Draft, names: Names) -> Bound | None:
    if draft.when is None:
        return None
    signature = read_signature(draft.when, f"when of step {draft.id!r}")
    if signature.contexts:
        raise DefinitionError(
            f"{signature.owner} takes {signature.contexts[0]!r}; "
            "it gets results and inputs, and no context"
        )
    return Bound(signature, names.sources(signature))


def _until(draft: Draft) -> Signature | None:
    if draft.until is None:
        return None
    signature = read_signature(draft.until, f"until of step {draft.id!r}")
    if len(signature.parameters) != 1 or signature.contexts:
        raise DefinitionError(f"{signature.owner} must take one parameter, which is the result")
    return signature


def _check_takes_item(draft: Draft, sources: Mapping[str, Source]) -> None:
    """See that the iterations of a map are not all the same."""
    if draft.map is None:
        return
    if not {Origin.ITEM, Origin.INDEX} & {source.origin for source in sources.values()}:
        raise DefinitionError(
            f"step {draft.id!r} maps over {draft.map.over!r} and takes neither "
            f"{draft.map.item!r} nor {_INDEX!r}; item= gives the item another name"
        )


def _handed_on(wanted: Input, names: Names, taken: str | None) -> Input:
    """What an input of a sub-workflow is to the workflow whose step it is."""
    name = taken or wanted.name
    return names.input(name, wanted.adapters, wanted.default if taken is None else _Python.empty)
