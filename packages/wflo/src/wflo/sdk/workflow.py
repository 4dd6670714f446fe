"""`Workflow`: steps as their author writes them, and what becomes of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from wflo.errors import DefinitionError, MissingExtra
from wflo.models import RetryPolicy, StepType, WorkflowDefinition, WorkflowPolicies
from wflo.runtime.home import home
from wflo.runtime.importing import refuse_while_importing
from wflo.runtime.values import shown
from wflo.sdk import options
from wflo.sdk.draft import Draft, function_draft, make_draft, owner_of

if TYPE_CHECKING:
    from wflo.config.settings import Settings
    from wflo.models import ExecutionResult
    from wflo.plan import Plan
    from wflo.runtime.code import WorkflowCode
    from wflo.runtime.inputs import Inputs

Function = TypeVar("Function", bound=Callable[..., Any])
Test: TypeAlias = Callable[..., Any]


class Workflow:
    """Steps, and what each waits for.

    The names of parameters say what a step gets: ``ctx`` the context, the id of a step its result
    (and so it waits for that step), every other name an input of the run. In a map ``item`` is the
    item and ``index`` its number; in a loop ``index`` is the iteration's number and ``previous``
    what the iteration before returned, None or its default in the first. A step that waited for
    one that was skipped gets None for it. Annotations are checked, of None too.

    What cannot work is refused when the workflow is first asked for its definition or run: unknown
    and circular dependencies, annotations that cannot be checked.

    Args:
        name: Its name: letters, digits, ``_``, ``-`` and ``.``.
        version: Whatever tells this state of it from others.
        policies: What holds for a whole run. The three that follow are short for it.
        metadata: For people and tools, as JSON; it has no effect.
        timeout_s: How long a run may take, in seconds, waits among it.
        retry: For steps that do not say it themselves; see `step`.
        max_cost_usd: No step starts once this much was spent. A text such as ``"2.50"``, an int or
            a Decimal: a float would not be exact.

    Raises:
        DefinitionError: Something of that is not as described.
    """

    def __init__(
        self,
        name: str,
        version: str = "1",
        *,
        policies: WorkflowPolicies | None = None,
        metadata: dict[str, Any] | None = None,
        timeout_s: float | None = None,
        retry: int | RetryPolicy | None = None,
        max_cost_usd: str | int | Decimal | None = None,
    ) -> None:
        self.name = options.workflow_name(name)
        self.version = version
        self.policies = options.policies(name, policies, timeout_s, retry, max_cost_usd)
        self.metadata = metadata or {}
        # Where it was made: what another process imports to have it.
        self.module: str = sys._getframe(1).f_globals.get("__name__", "__main__")  # noqa: SLF001
        self._drafts: dict[str, Draft] = {}
        self._code: WorkflowCode | None = None
        self._is_building = False

    # -- steps -------------------------------------------------------------------------------------

    def step(
        self,
        id: str | None = None,  # noqa: A002 - what it is
        *,
        type: StepType | str = StepType.TOOL,  # noqa: A002 - the same
        depends_on: Sequence[str] = (),
        when: Test | None = None,
        map_over: str | None = None,
        item: str = "item",
        max_items: int = 1000,
        concurrency: int | None = None,
        until: Test | None = None,
        max_iterations: int | None = None,
        retry: int | RetryPolicy | None = None,
        timeout_s: float | None = None,
        isolation: str | None = None,
    ) -> Callable[[Function], Function]:
        """Make a step of a function, which stays as it is.

        Args:
            id: The step's id; the function's name by default.
            type: ``"tool"`` or ``"agent"``, which differ in how they are observed.
            depends_on: Steps that must have ended before, besides those whose results it takes.
            when: A function that gets inputs and results by name, as a step does, and returns
                whether this step runs; otherwise it is skipped. Asked right before it would run:
                in a map for each item, in a loop before the first iteration.
            map_over: A step or an input whose value is a list: one iteration for each item, and
                the step's result is the list of theirs.
            item: The parameter that gets the item.
            max_items: More items fail the step before anything of it starts.
            concurrency: How many items are under way at once; None: as many as there are.
            until: A function that gets the result and returns whether the loop is done; until then
                the step runs again. The result of the last iteration is the step's.
            max_iterations: Not done after this many, the step fails.
            retry: How often a failed attempt is repeated, or a whole `RetryPolicy`.
            timeout_s: How long an attempt may take, in seconds. A plain function cannot be stopped
                in its thread: it sees ``ctx.cancelled``, and what it returns is dropped.
            isolation: Of a plain function ``"thread"``, the default. ``"process"``, of either
                kind: in a process of its own, which is killed when its time is over. That is a
                fresh interpreter, and takes the time to start one and to import the function.

        Raises:
            DefinitionError: Something of that is not as described, the function cannot be
                imported by a worker, or there is a step of this id.
        """
        if id is not None:  # before the function is there, so that the error is at its line
            options.step_id(id, self.name)

        def decorate(function: Function) -> Function:
            draft = function_draft(
                self.name,
                id,
                type,
                function,
                isolation,
                depends_on=depends_on,
                when=when,
                map_over=map_over,
                item=item,
                max_items=max_items,
                concurrency=concurrency,
                until=until,
                max_iterations=max_iterations,
                retry=retry,
                timeout_s=timeout_s,
            )
            self._add(draft)
            return function

        return decorate

    def condition(
        self,
        id: str | None = None,  # noqa: A002 - what it is
        *,
        depends_on: Sequence[str] = (),
        when: Test | None = None,
        retry: int | RetryPolicy | None = None,
        timeout_s: float | None = None,
        isolation: str | None = None,
    ) -> Callable[[Function], Function]:
        """Make a condition of a function that returns a bool.

        Where it is False, the steps that depend on it are skipped. See `step` for the arguments.
        """
        return self.step(
            id,
            type=StepType.CONDITION,
            depends_on=depends_on,
            when=when,
            retry=retry,
            timeout_s=timeout_s,
            isolation=isolation,
        )

    def timer(
        self,
        id: str,  # noqa: A002 - what it is
        *,
        seconds: float,
        depends_on: Sequence[str] = (),
        when: Test | None = None,
    ) -> None:
        """Add a wait, which holds no worker and goes on while none is there. Its result is None.

        Args:
            id: The step's id.
            seconds: How long.
            depends_on: See `step`.
            when: See `step`.
        """
        config = {"duration_s": options.duration_s(seconds, owner_of(self.name, id))}
        draft = make_draft(
            self.name, id, StepType.TIMER, depends_on=depends_on, when=when, config=config
        )
        self._add(draft)

    def workflow(
        self,
        id: str,  # noqa: A002 - what it is
        workflow: Workflow,
        *,
        inputs: Mapping[str, str] | None = None,
        depends_on: Sequence[str] = (),
        when: Test | None = None,
        map_over: str | None = None,
        item: str = "item",
        max_items: int = 1000,
        concurrency: int | None = None,
    ) -> None:
        """Add a run of another workflow as a step. Its output is the step's result.

        The other workflow's inputs are taken by their names, as a function's parameters are.

        Args:
            id: The step's id.
            workflow: The other workflow.
            inputs: For inputs that have another name here: the step or input, by the input there.
            depends_on: See `step`, as for the rest.
            when: See there.
            map_over: A run for each item.
            item: See there.
            max_items: See there.
            concurrency: See there.
        """
        owner = owner_of(self.name, id)
        if not isinstance(workflow, Workflow):
            raise DefinitionError(f"{owner}: {shown(workflow)} is no Workflow")
        draft = make_draft(
            self.name,
            id,
            StepType.WORKFLOW,
            depends_on=depends_on,
            when=when,
            map_over=map_over,
            item=item,
            max_items=max_items,
            concurrency=concurrency,
            child=workflow,
            taken=options.taken(inputs, owner),
        )
        self._add(draft)

    def script(
        self,
        id: str,  # noqa: A002 - what it is
        path: str | os.PathLike[str],
        *,
        config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        inputs: Mapping[str, str] | None = None,
        entrypoint: str | None = None,
        depends_on: Sequence[str] = (),
        when: Test | None = None,
        map_over: str | None = None,
        item: str = "item",
        max_items: int = 1000,
        concurrency: int | None = None,
        retry: int | RetryPolicy | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Add a run of a KohakuEngine script, in a process of its own. Its value is the result.

        Args:
            id: The step's id.
            path: The script's file; a relative path starts at the folder of the workflow's file.
            config: Values for globals of the script, as JSON, or a config file.
            inputs: Results and inputs for globals: the step or input, by the global.
            entrypoint: The function to call; by default the one that ``kogine run`` would.
            depends_on: See `step`, as for the rest.
            when: See there.
            map_over: A run for each item, which `inputs` gives to a global.
            item: See there.
            max_items: See there.
            concurrency: See there.
            retry: See there.
            timeout_s: See there.

        Raises:
            MissingExtra: KohakuEngine is not installed.
            DefinitionError: As for `step`.
        """
        from importlib.util import find_spec

        owner = owner_of(self.name, id)
        if find_spec("kohakuengine") is None:
            raise MissingExtra("scripts", f"{owner} runs a script, which")
        draft = make_draft(
            self.name,
            id,
            StepType.SCRIPT,
            depends_on=depends_on,
            when=when,
            map_over=map_over,
            item=item,
            max_items=max_items,
            concurrency=concurrency,
            retry=retry,
            timeout_s=timeout_s,
            config=options.script(path, config, entrypoint, owner),
            taken=options.taken(inputs, owner),
        )
        self._add(draft)

    def _add(self, draft: Draft) -> None:
        if draft.id in self._drafts:
            same = self._drafts[draft.id].function is draft.function is not None
            twice = ": its function was decorated twice" if same else ""
            raise DefinitionError(
                f"workflow {self.name!r}: two steps are called {draft.id!r}{twice}"
            )
        self._drafts[draft.id] = draft
        self._code = None

    # -- what it is --------------------------------------------------------------------------------

    @property
    def code(self) -> WorkflowCode:
        """What an engine needs of it.

        Raises:
            DefinitionError: It cannot work as it is written.
        """
        if self._code is None:
            self._code = self._build()
        return self._code

    @property
    def definition(self) -> WorkflowDefinition:
        """It as data: what is submitted, and what a run is made from."""
        return self.code.definition

    @property
    def plan(self) -> Plan:
        """The definition, resolved."""
        return self.code.plan

    @property
    def inputs(self) -> Inputs:
        """What a run takes, by name."""
        return self.code.inputs

    @property
    def source(self) -> str:
        """Where another process has it from: the path of a file, or ``module:name``."""
        place = home(self.module)
        if place.file is not None:
            return place.file
        return f"{place.module}:{self._variable() or self.name}"

    def found_in(self, module: str) -> None:
        """Have it from a module, unless that in which it was made has it itself.

        A function that makes workflows is often in another module than what it made.
        """
        if self._variable() is None:
            self.module = module
            self._code = None

    def check_input(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The input of a run as JSON.

        Raises:
            InputError: Something is missing, unknown, or not of its type.
        """
        return self.inputs.check(values)

    def parse_input(self, given: Iterable[str]) -> dict[str, Any]:
        """What ``NAME=VALUE`` texts give, to be checked by `check_input`.

        A value is JSON where that is what the input takes, and otherwise the text as it is.

        Raises:
            InputError: A text has no ``=``, or a name is given twice.
        """
        return self.inputs.parse(given)

    def _build(self) -> WorkflowCode:
        from wflo.sdk.build import build

        if self._is_building:
            raise DefinitionError(f"workflow {self.name!r} has itself among its sub-workflows")
        self._is_building = True
        try:
            return build(self, tuple(self._drafts.values()), self._folder())
        finally:
            self._is_building = False

    def _variable(self) -> str | None:
        found = getattr(sys.modules.get(self.module), "__dict__", {})
        return next((name for name, value in found.items() if value is self), None)

    def _folder(self) -> str:
        file = getattr(sys.modules.get(self.module), "__file__", None)
        return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()

    def __repr__(self) -> str:
        return f"<Workflow {self.name!r} version {self.version!r}, {len(self._drafts)} steps>"

    async def run(self, /, **inputs: Any) -> ExecutionResult:
        """Run it in this process, on the database of the settings, and wait for its end.

        Args:
            inputs: Its inputs, by name.

        Raises:
            InputError: They are not what it takes.
            ExecutionFailed: The run failed.
            ExecutionCancelled: It was cancelled.
        """
        return await self.execute(inputs)

    def run_sync(self, /, **inputs: Any) -> ExecutionResult:
        """`run`, where no event loop is running.

        Raises:
            RuntimeError: There is one.
        """
        import asyncio

        if _is_in_event_loop():
            raise RuntimeError("run_sync: an event loop is running; use `await wf.run(...)` here")
        return asyncio.run(self.execute(inputs))

    async def execute(
        self,
        values: Mapping[str, Any],
        *,
        execution_id: str | None = None,
        settings: Settings | None = None,
    ) -> ExecutionResult:
        """`run`, with more to say.

        Args:
            values: Its inputs, by name.
            execution_id: The run's id; one that exists goes on where it was. By default a new one.
            settings: The database among them; by default those of the environment.

        Raises:
            InputError: The values are not what it takes, or the id can be none.
            ExecutionExists: The id belongs to another workflow, or to other inputs.
            CodeChanged: The run was submitted with other code.
        """
        refuse_while_importing("a run of a workflow")
        from wflo.runtime.local.embedded import run_workflow
        from wflo.workflow.ids import check_execution_id

        if execution_id is not None:
            check_execution_id(execution_id)
        checked = self.check_input(values)
        return await run_workflow(self.code, checked, execution_id=execution_id, settings=settings)


def _is_in_event_loop() -> bool:
    import asyncio  # not for who only defines

    # Not where the steps are run: what they raise would be "during handling" of this error.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
