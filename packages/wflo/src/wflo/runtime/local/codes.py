"""Which code a worker has, for which workflows as they were submitted."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.engine import Database
from wflo.errors import CodeChanged, DatabaseUnavailable, NotSupported
from wflo.journal.queries import unfinished_states
from wflo.journal.run import Runs, Submitted
from wflo.journal.submit import add_workflow
from wflo.models import StepType
from wflo.plan import Plan
from wflo.runtime.code import StepCode, WorkflowCode

_LOG = logging.getLogger(__name__)


class Codes:
    """Code by the row of its workflow, sub-workflows among them."""

    def __init__(self) -> None:
        self._codes: dict[int, WorkflowCode] = {}
        self._refused: set[int] = set()

    @property
    def workflow_ids(self) -> list[int]:
        """The workflows whose code is here."""
        return list(self._codes)

    async def add(self, conn: AsyncConnection, code: WorkflowCode, now_us: int) -> Submitted:
        """Know the code of a workflow, by the row of what it is now."""
        submitted = await add_workflow(conn, code.plan, now_us)
        self._add(submitted, code)
        return submitted

    def _add(self, submitted: Submitted, code: WorkflowCode) -> None:
        self._codes[submitted.workflow_id] = code
        for step, child in code.children.items():
            self._add(submitted.children[step], child)

    def know(self, others: Codes) -> None:
        """Have their code, too."""
        self._codes |= others._codes

    def accept(self, submitted: Submitted, code: WorkflowCode) -> None:
        """Run what was submitted by code that has changed since.

        Raises:
            CodeChanged: The code lacks one of its steps.
        """
        absent = [step for step in submitted.plan.steps if step not in code.steps]
        if absent:
            raise CodeChanged(
                f"workflow {code.definition.name!r} no longer has the step {absent[0]!r}, "
                "which the execution was submitted with"
            )
        self._codes[submitted.workflow_id] = code
        for step, child in submitted.children.items():
            if step in code.children:
                self.accept(child, code.children[step])

    async def accept_others(
        self, database: Database, workflows: Iterable[WorkflowCode], runs: Runs
    ) -> bool:
        """Accept what has not ended of these workflows, in the versions that they have.

        What lacks steps is left alone, and told of once.

        Returns:
            Whether there was something new. A database that does not answer is asked next time.
        """
        codes = {(code.definition.name, code.definition.version): code for code in workflows}
        before = len(self._codes)
        with suppress(DatabaseUnavailable):
            async with database.read() as conn:
                for state in await unfinished_states(conn, [name for name, _ in codes]):
                    code = codes.get((state.name, state.version))
                    if code and state.workflow_id not in self._codes.keys() | self._refused:
                        self._accept_if_it_fits(await runs.workflow(conn, state.workflow_id), code)
        return len(self._codes) > before

    def _accept_if_it_fits(self, submitted: Submitted, code: WorkflowCode) -> None:
        accepted = Codes()
        try:
            accepted.accept(submitted, code)
        except CodeChanged as error:
            self._refused.add(submitted.workflow_id)
            _LOG.warning("runs are left alone: %s", error)
        else:
            self.know(accepted)

    def has(self, workflow_id: int) -> bool:
        """Whether the code is here."""
        return workflow_id in self._codes

    def step(self, workflow_id: int, step: str) -> StepCode:
        """The code of a step."""
        return self._codes[workflow_id].steps[step]


def check_supported(plan: Plan) -> None:
    """See that the local engine does everything that a workflow asks for.

    Raises:
        NotSupported: It does not; the message names the step.
    """
    for step in plan.steps.values():
        definition = step.definition
        if definition.approval_required or definition.type is StepType.APPROVAL:
            raise NotSupported(f"step {step.id!r} waits for an approval, {_NOT_YET}")
        if definition.rollback_enabled:
            raise NotSupported(f"step {step.id!r} is to be rolled back, {_NOT_YET}")


_NOT_YET = "which the local engine does not do yet"


def changed_steps(old: Plan, new: Plan) -> Iterable[str]:
    """The steps that differ between two states of a workflow."""
    for step in {**old.steps, **new.steps}:
        before, after = old.steps.get(step), new.steps.get(step)
        if (before and before.definition) != (after and after.definition):
            yield step


def code_changed(execution_id: str, old: Plan, new: Plan) -> CodeChanged:
    """The error for code that is not what was submitted."""
    steps = ", ".join(map(repr, changed_steps(old, new))) or "the policies of the workflow"
    return CodeChanged(
        f"execution {execution_id!r} was submitted with other code: {steps} changed since. "
        "Accept the changes to continue it with the code as it is now"
    )
