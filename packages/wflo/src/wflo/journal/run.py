"""A run as a process knows it: read once, then kept up to date with what the process writes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import executions, step_journal, workflows
from wflo.journal.blobs import get_text
from wflo.models import ExecutionStatus, StatePatch, StepStatus, StepType, WorkflowDefinition
from wflo.plan import Plan, make_plan
from wflo.workflow.view import Entry, Journal, Stop

_LONGEST_ID = 255  # what a column takes, and `wflo.models.base.EXECUTION_ID`
_MAX_RUNS = 500  # more than share a transaction
_MAX_KEPT = 1_000  # results of one run
_MAX_KEPT_LENGTH = 8_192  # characters of one result


class Stale(Exception):  # noqa: N818 # not an error: decide again
    """What was decided on has changed meanwhile. Nothing was written; decide again."""


class Submitted(NamedTuple):
    """A workflow as it was submitted.

    Attributes:
        workflow_id: Its row in `workflows`.
        plan: What it says.
        children: The sub-workflows, by the step that stands for them.
    """

    workflow_id: int
    plan: Plan
    children: dict[str, Submitted]


class Parent(NamedTuple):
    """The step, and the iteration of it, that a run stands for."""

    execution_id: str
    step: str
    iteration: int

    @property
    def child_id(self) -> str:
        """The id of the run; of one that would be too long, the end is a digest of all of it."""
        text = f"{self.execution_id}/{self.step}/{self.iteration}"
        if len(text) <= _LONGEST_ID:
            return text
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"{text[: _LONGEST_ID - len(digest) - 1]}-{digest}"


@dataclass
class Run:
    """One run, at a point of its journal.

    Attributes:
        id: The execution's id.
        root_id: The outermost parent, or itself.
        parent: The step that it stands for.
        source: Where its code is.
        submitted: Its workflow.
        journal: How far each step is.
        sequence: The point.
        status: How far the run is.
        cost_micro_usd: What it has spent.
        input: What it was given, once that was read.
        state: What its steps share, once that was read.
        results: JSON texts of results that were written or read here, by step and iteration.
        patches: What was committed here before the state was read, by key.
        reading: Held while something of it is read: steps that begin together lack the same.
    """

    id: str
    root_id: str
    parent: Parent | None
    source: str
    submitted: Submitted
    journal: Journal
    sequence: int
    status: ExecutionStatus
    cost_micro_usd: int
    input: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    results: dict[tuple[str, int], str] = field(default_factory=dict)
    patches: dict[str, StatePatch] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False, compare=False)

    def keep(self, step: str, iteration: int, result: str | None) -> None:
        """Remember a result for the steps that will ask for it, unless there are too many."""
        if result is not None and len(self.results) < _MAX_KEPT and len(result) < _MAX_KEPT_LENGTH:
            self.results[step, iteration] = result

    def patch(self, patch: StatePatch) -> None:
        """Change the state; once it is there, where it is being read at the moment."""
        if self.state is None:
            self.patches[patch.key] = patch
        elif patch.op == "set":
            self.state[patch.key] = patch.value
        else:
            self.state.pop(patch.key, None)

    def know_state(self, state: dict[str, Any]) -> None:
        """Keep the state as it was read. What was committed since it was asked for is newer."""
        patches, self.patches, self.state = self.patches, {}, state
        for patch in patches.values():
            self.patch(patch)

    @property
    def plan(self) -> Plan:
        """What was submitted."""
        return self.submitted.plan

    @property
    def workflow_id(self) -> int:
        """Its workflow's row."""
        return self.submitted.workflow_id


_LOOK = (
    select(executions.c.id, executions.c.sequence)
    .where(executions.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(executions.c.id)
)
# NO KEY UPDATE: rows that others insert refer to the run's, and need not wait for whoever holds it.
_LOCK = _LOOK.with_for_update(key_share=True)
_EXECUTION = select(executions).where(executions.c.id == bindparam("execution_id"))
_DEFINITION = select(workflows.c.definition).where(workflows.c.id == bindparam("workflow_id"))
WORKFLOW_ID = select(workflows.c.id).where(
    workflows.c.name == bindparam("name"),
    workflows.c.version == bindparam("version"),
    workflows.c.digest == bindparam("digest"),
)
_ENTRIES = select(
    step_journal.c.step,
    step_journal.c.iteration,
    step_journal.c.status,
    step_journal.c.size,
    step_journal.c.passed,
    step_journal.c.done,
).where(step_journal.c.execution_id == bindparam("execution_id"))


class Runs:
    """The runs that a process works on, by id.

    Whoever writes raises a run's `sequence` from the value that was decided on. So a run that is
    known here may be out of date, and is found to be when something is written: see `Stale`.
    Those that were not needed for long are forgotten: others may have brought them to their end.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._workflows: dict[int, Submitted] = {}

    def anew(self) -> Runs:
        """What knows the same workflows, and no runs so far."""
        runs = Runs()
        runs._workflows |= self._workflows
        return runs

    def known(self, execution_id: str) -> Run | None:
        """The run as it was when this process last looked."""
        return self._runs.get(execution_id)

    def forget(self, ids: Iterable[str]) -> None:
        """Read these anew when they are needed."""
        for execution_id in list(ids):
            self._runs.pop(execution_id, None)

    def forget_all(self) -> None:
        """Read everything anew when it is needed."""
        self._runs.clear()
        self._workflows.clear()

    async def get(self, conn: AsyncConnection, ids: Iterable[str], *, lock: bool) -> dict[str, Run]:
        """Know all of these runs.

        Args:
            conn: A transaction; one that writes, to lock.
            ids: The runs.
            lock: Hold their rows, in the order of the ids as everyone does, so that nobody waits
                in a circle, and read again those that have changed. Without it only those are
                read that are not known; writing finds out whether they have changed.

        Returns:
            Those that exist, by id. A transaction works with these: what is known may be forgotten
            at any time by another task.
        """
        wanted = sorted(set(ids))
        found = {key: self._runs.pop(key) for key in wanted if key in self._runs}
        self._runs |= found  # the last are the newest
        if not lock:
            wanted = [execution_id for execution_id in wanted if execution_id not in found]
        if not wanted:
            return found
        statement = _LOCK if lock else _LOOK
        for execution_id, sequence in (await conn.execute(statement, {"ids": wanted})).all():
            run = found.get(execution_id)
            if run is None or run.sequence != sequence:
                found[execution_id] = await self._load(conn, execution_id)
        self._runs |= found
        for execution_id in list(self._runs)[:-_MAX_RUNS]:
            del self._runs[execution_id]
        return found

    def know_workflow(self, submitted: Submitted) -> None:
        """Keep a workflow that is known already: a long one takes long to be read."""
        self._workflows[submitted.workflow_id] = submitted
        for child in submitted.children.values():
            self.know_workflow(child)

    async def workflow(self, conn: AsyncConnection, workflow_id: int) -> Submitted:
        """A workflow that was submitted."""
        if workflow_id not in self._workflows:
            parameters = {"workflow_id": workflow_id}
            text = (await conn.execute(_DEFINITION, parameters)).scalar_one()
            plan = make_plan(WorkflowDefinition.model_validate_json(text))
            children = {
                step: await self.workflow(conn, await _row_of(conn, definition))
                for step, definition in sub_workflows(plan).items()
            }
            self._workflows[workflow_id] = Submitted(workflow_id, plan, children)
        return self._workflows[workflow_id]

    async def _load(self, conn: AsyncConnection, execution_id: str) -> Run:
        parameters = {"execution_id": execution_id}
        row = (await conn.execute(_EXECUTION, parameters)).one()
        submitted = await self.workflow(conn, row.workflow_id)
        journal = Journal(
            input_sizes=await _input_sizes(conn, submitted.plan, row),
            stop=Stop(row.stop) if row.stop else None,
        )
        for step, iteration, status, size, passed, done in await conn.execute(_ENTRIES, parameters):
            journal.record(step, iteration, Entry(StepStatus(status), size, passed, done))
        parent = Parent(row.parent_id, row.parent_step, row.parent_iteration)
        return Run(
            id=execution_id,
            root_id=row.root_id,
            parent=parent if row.parent_id else None,
            source=row.source,
            submitted=submitted,
            journal=journal,
            sequence=row.sequence,
            status=ExecutionStatus(row.status),
            cost_micro_usd=row.cost_micro_usd,
        )


def sub_workflows(plan: Plan) -> dict[str, WorkflowDefinition]:
    """The definitions of sub-workflows, by the step that stands for them."""
    return {
        step.id: WorkflowDefinition.model_validate(step.definition.config["definition"])
        for step in plan.steps.values()
        if step.definition.type is StepType.WORKFLOW
    }


async def _row_of(conn: AsyncConnection, definition: WorkflowDefinition) -> int:
    return int((await conn.execute(WORKFLOW_ID, workflow_key(make_plan(definition)))).scalar_one())


def workflow_key(plan: Plan) -> dict[str, str]:
    """What tells a state of a workflow from all others."""
    definition = plan.definition
    return {"name": definition.name, "version": definition.version, "digest": plan.digest}


def input_sizes(plan: Plan, values: dict[str, Any]) -> dict[str, int]:
    """How many items those inputs have that the plan maps over."""
    names = {step.definition.map.over for step in plan.steps.values() if step.definition.map}
    return {name: len(values[name]) for name in names if isinstance(values.get(name), list)}


async def _input_sizes(conn: AsyncConnection, plan: Plan, row: Any) -> dict[str, int]:
    if not any(step.definition.map for step in plan.steps.values()):
        return {}  # the input may be long, and nothing here depends on it
    text = await get_text(conn, row.input, row.input_blob)
    return input_sizes(plan, json.loads(text or "{}"))
