import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from wflo.config.settings import Settings
from wflo.errors import DatabaseUnavailable, ExecutionCancelled, ExecutionFailed
from wflo.models import ExecutionStatus, StepFailure, WorkflowExecution
from wflo.runtime.local.embedded import failed, new_execution_id, open_database


def execution(status, error, failure=None):
    return WorkflowExecution(
        id="run-1",
        workflow="report",
        version="1",
        digest="",
        status=status,
        error=error,
        failure=failure,
        created_at=datetime.now(UTC),
    )


async def test_settings_say_how_long_another_writer_is_waited_for(tmp_path):
    path = tmp_path / "wflo.db"
    settings = Settings(database={"url": f"sqlite:///{path}", "wait_s": 0.1})
    async with await open_database(settings) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(10):
                with pytest.raises(DatabaseUnavailable):
                    await database.begin().__aenter__()


def test_ids_are_in_the_order_in_which_they_are_made():
    ids = [new_execution_id() for _ in range(100)]
    assert len({*ids}) == 100
    assert [text[:11] for text in ids] == sorted(text[:11] for text in ids)


def test_a_failure_is_told_with_its_traceback():
    failure = StepFailure(
        step="fetch", kind="KeyError", message="'url'", traceback="Traceback ...\nKeyError: 'url'\n"
    )
    error = failed(execution(ExecutionStatus.FAILED, "step 'fetch' failed", failure))
    assert type(error) is ExecutionFailed
    assert error.execution_id == "run-1"
    assert error.failure is failure
    assert str(error) == (
        "execution 'run-1' of workflow 'report': step 'fetch' failed: KeyError: 'url'\n"
        "Traceback ...\nKeyError: 'url'"
    )


def test_a_step_that_failed_without_code_has_no_traceback():
    failure = StepFailure(step="fetch", kind="WorkerLost", message="gone")
    error = failed(execution(ExecutionStatus.FAILED, "step 'fetch' failed", failure))
    assert str(error).endswith("step 'fetch' failed: WorkerLost: gone")


def test_a_run_whose_time_was_over_has_no_failed_step():
    error = failed(execution(ExecutionStatus.FAILED, "it took longer than 3 s"))
    assert str(error) == "execution 'run-1' of workflow 'report': it took longer than 3 s"
    assert error.failure is None


def test_a_cancelled_run_is_told_apart():
    error = failed(execution(ExecutionStatus.CANCELLED, "it was cancelled"))
    assert type(error) is ExecutionCancelled
