"""From a workflow and what it is given to a run in the database."""

from __future__ import annotations

from typing import Any

from wflo.cli.session import database_exists
from wflo.config.settings import Settings
from wflo.db.engine import Database
from wflo.errors import ExecutionExists, ExecutionNotFound
from wflo.journal.queries import get_execution
from wflo.models import WorkflowExecution
from wflo.plan import canonical_json
from wflo.runtime.code import WorkflowCode
from wflo.runtime.local.codes import check_supported
from wflo.runtime.local.embedded import new_execution_id
from wflo.runtime.local.engine import LocalEngine
from wflo.workflow.ids import check_execution_id


def check_before(
    code: WorkflowCode,
    given: dict[str, Any] | None,
    execution_id: str | None,
    settings: Settings,
) -> dict[str, Any] | None:
    """Find what is wrong with a run before there is any trace of it, even a database.

    Args:
        code: Its workflow.
        given: Its input, not checked; None: none was given.
        execution_id: Its id, if that was given.
        settings: They name the database.

    Returns:
        The input, checked; None where that of a run that exists is meant.
    """
    if execution_id is not None:
        check_execution_id(execution_id)
    check_supported(code.plan)
    if given is None and execution_id is not None and database_exists(settings):
        return None
    return code.inputs.check(given or {})


async def submit_run(
    database: Database,
    engine: LocalEngine,
    code: WorkflowCode,
    given: dict[str, Any] | None,
    execution_id: str | None,
) -> str:
    """Create the run, unless there is one of this id that may be continued.

    Args:
        database: Where.
        engine: What creates it.
        code: Its workflow.
        given: Its input, checked; None: that of the run that exists, or none.
        execution_id: Its id; None: a new one.

    Returns:
        The id.

    Raises:
        ExecutionExists: The run of this id is of another workflow, or has other input.
    """
    existing = await _find(database, execution_id) if execution_id else None
    if existing is not None:
        _check_same(existing, code, given)
        return existing.id
    execution_id = execution_id or new_execution_id()
    values = code.inputs.check({}) if given is None else given
    await engine.submit(code, values, execution_id=execution_id)
    return execution_id


async def _find(database: Database, execution_id: str) -> WorkflowExecution | None:
    try:
        async with database.read() as conn:
            return await get_execution(conn, execution_id)
    except ExecutionNotFound:
        return None


def _check_same(
    existing: WorkflowExecution, code: WorkflowCode, given: dict[str, Any] | None
) -> None:
    if existing.workflow != code.definition.name:
        raise ExecutionExists(
            f"execution {existing.id!r} exists, of workflow {existing.workflow!r}, "
            f"not {code.definition.name!r}"
        )
    if given is not None and canonical_json(given) != canonical_json(existing.input):
        raise ExecutionExists(
            f"execution {existing.id!r} exists, with other input; choose another id, "
            "or leave the input out to continue it"
        )
