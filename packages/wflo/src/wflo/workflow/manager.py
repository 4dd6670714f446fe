"""Creating, running and looking after runs from Python: from a service, from a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.errors import InputError, WorkflowNotFound, nearest
from wflo.journal import control
from wflo.journal.listing import get_summary, list_executions
from wflo.journal.queries import get_execution, get_workflow
from wflo.journal.run import Runs
from wflo.journal.submit import add_workflow
from wflo.models import ExecutionStatus, WorkflowDefinition, WorkflowExecution
from wflo.models.listing import ExecutionFilter, ExecutionPage, StoredWorkflow
from wflo.plan import make_plan
from wflo.runtime.local.embedded import new_execution_id, relaying
from wflo.runtime.local.engine import LocalEngine
from wflo.runtime.values import explain
from wflo.workflow.access import DatabaseUser
from wflo.workflow.actor import current_actor
from wflo.workflow.ids import check_execution_id, check_known_id

if TYPE_CHECKING:
    from wflo.runtime.code import WorkflowCode
    from wflo.sdk.workflow import Workflow


class WorkflowManager(DatabaseUser):
    """Workflows and runs in one database.

    Use it with ``async with``, or call `close` in the end. The database of settings is opened when
    it is first needed::

        async with WorkflowManager(workflows=[report]) as manager:
            execution = await manager.execute_workflow("report", {"url": "..."})

    Args:
        database: A database, which stays open; or settings that name one; by default those of the
            environment.
        workflows: Those that can be executed by their names.
        actor: Who cancels and resumes, for the audit; by default the user of this process.
    """

    def __init__(
        self,
        database: Database | Settings | None = None,
        *,
        workflows: Iterable[Workflow] = (),
        actor: str | None = None,
    ) -> None:
        super().__init__(database)
        self._workflows = {workflow.name: workflow for workflow in workflows}
        self._actor = actor or current_actor()

    async def create_workflow(self, definition: WorkflowDefinition | Workflow) -> StoredWorkflow:
        """Store a workflow.

        What has the same name, version and content is stored once: the same is returned.

        Args:
            definition: It, or a workflow in Python, of which its definition is stored.
        """
        if not isinstance(definition, WorkflowDefinition):
            definition = definition.definition
        database = await self._open()
        async with database.begin() as conn:
            stored = await add_workflow(conn, make_plan(definition), database.now_us())
            return await get_workflow(conn, stored.workflow_id)

    async def execute_workflow(
        self,
        workflow: Workflow | str,
        values: Mapping[str, Any] | None = None,
        *,
        execution_id: str | None = None,
        wait: bool = True,
    ) -> WorkflowExecution:
        """Run a workflow.

        Args:
            workflow: It, or the name of one of those that the manager was given.
            values: Its input.
            execution_id: The run's id; a run of the same workflow and input that exists is
                continued. By default a new one.
            wait: Run it here, to its end. Otherwise it is only created, and a worker runs it.

        Returns:
            The run as it is then. That it failed is no error: see its ``status``, ``error`` and
            ``failure``; `Workflow.run` raises.

        Raises:
            WorkflowNotFound: The manager has no workflow of this name.
            InputError: The input is not what the workflow takes, or the id can be none.
            ExecutionExists: The id belongs to another workflow or input.
            CodeChanged: The run was submitted with other code.
            NotSupported: The engine does not do what the workflow asks for.
        """
        code = self._code(workflow)
        checked = code.inputs.check(values or {})
        execution_id = check_execution_id(execution_id or new_execution_id())
        database = await self._open()
        settings = self._settings or Settings()
        engine = LocalEngine(database, [code], settings.engine)
        await engine.submit(code, checked, execution_id=execution_id)
        if wait:
            async with relaying(database, settings):
                await engine.run_until(execution_id)
        return await self.get_execution(execution_id)

    async def get_execution(self, execution_id: str) -> WorkflowExecution:
        """A run as it is now.

        Raises:
            ExecutionNotFound: There is none of this id.
        """
        check_known_id(execution_id)
        database = await self._open()
        async with database.read() as conn:
            return await get_execution(conn, execution_id)

    async def list_executions(
        self,
        *,
        status: ExecutionStatus | Iterable[ExecutionStatus] = (),
        workflow: str | None = None,
        version: str | None = None,
        parent: str | None = None,
        top_level: bool = False,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """Runs, the newest first, page by page.

        Args:
            status: Of this status, or one of these.
            workflow: Of the workflow of this name.
            version: Of this version.
            parent: Started by a step of this execution.
            top_level: Started by no other execution.
            created_after: Submitted then or later; a time with its zone.
            created_before: Submitted before.
            limit: How many at most, 1 to 1,000.
            cursor: The ``next_cursor`` of the page before.

        Raises:
            InputError: One of these is not what it must be.
        """
        try:
            filters = ExecutionFilter(
                statuses=(status,) if isinstance(status, str) else tuple(status),
                workflow=workflow,
                version=version,
                parent=parent,
                top_level=top_level,
                created_after=created_after,
                created_before=created_before,
            )
        except ValidationError as error:
            raise InputError(f"executions cannot be listed by this: {explain(error)}") from None
        database = await self._open()
        async with database.read() as conn:
            return await list_executions(conn, filters, limit=limit, cursor=cursor)

    async def cancel_execution(self, execution_id: str, reason: str = "") -> WorkflowExecution:
        """End a run, and the runs that its steps started.

        Steps that are running are told so, and nothing that they write counts from now on.

        Args:
            execution_id: Which run.
            reason: Why, for the audit.

        Returns:
            The run as it is then. One that had ended before stays as it was.

        Raises:
            ExecutionNotFound: There is none of this id.
        """
        database = await self._open()
        pending = [check_known_id(execution_id)]
        while pending:
            current = pending.pop()
            async with database.begin() as conn:
                await get_summary(conn, current)
                await control.cancel(
                    conn,
                    Runs(),
                    current,
                    reason=reason,
                    actor=self._actor,
                    now_us=database.now_us(),
                )
                # Workers would come to these too, if there are any.
                pending += await control.unfinished_children(conn, current)
        return await self.get_execution(execution_id)

    async def resume_execution(self, execution_id: str) -> WorkflowExecution:
        """Let a run that failed or was cancelled go on: what completed is not done again.

        A worker goes on with it, or `execute_workflow` with its id.

        Returns:
            The run as it is then. One that runs, or has completed, stays as it was.

        Raises:
            ExecutionNotFound: There is none of this id.
        """
        check_known_id(execution_id)
        database = await self._open()
        async with database.begin() as conn:
            await get_summary(conn, execution_id)
            await control.resume(
                conn, Runs(), execution_id, actor=self._actor, now_us=database.now_us()
            )
        return await self.get_execution(execution_id)

    def _code(self, workflow: Workflow | str) -> WorkflowCode:
        if not isinstance(workflow, str):
            return workflow.code
        if workflow not in self._workflows:
            names = ", ".join(self._workflows) or "none"
            hint = nearest(workflow, self._workflows)
            raise WorkflowNotFound(
                f"the manager has no workflow {workflow!r}{hint or f'; it has {names}'}"
            )
        return self._workflows[workflow].code
