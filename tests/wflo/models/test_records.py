"""What is read of runs, as JSON and back."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from wflo.events.schemas import Event
from wflo.models import WorkflowDefinition, WorkflowStep
from wflo.models.listing import (
    ExecutionFilter,
    ExecutionPage,
    ExecutionSummary,
    StoredWorkflow,
)
from wflo.models.record import LogEntry, StepAttempt

TIME = datetime(2026, 11, 22, 7, 15, 53, 123457, tzinfo=UTC)
SUMMARY = ExecutionSummary(
    id="run/sub/0", workflow="report", version="1", status="failed", error="x", created_at=TIME
)
DEFINITION = WorkflowDefinition(name="report", steps=(WorkflowStep(id="a"),))


@pytest.mark.parametrize(
    "model",
    [
        Event(execution_id="run", sequence=1, type="step.completed", step="a", created_at=TIME),
        SUMMARY,
        ExecutionPage(executions=(SUMMARY,), next_cursor="x"),
        ExecutionFilter(statuses=("failed",), workflow="report", created_after=TIME),
        StoredWorkflow(
            name="report", version="1", digest="0" * 64, definition=DEFINITION, created_at=TIME
        ),
        StepAttempt(step="a", worker="host|1", status="lost", started_at=TIME),
        LogEntry(id=1, step="a", level="info", message="é", fields={"a": [1]}, created_at=TIME),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_comes_back_from_json(model):
    assert type(model).model_validate_json(model.model_dump_json()) == model


def test_times_of_a_filter_have_their_zone():
    with pytest.raises(ValidationError, match="should have timezone info"):
        ExecutionFilter(created_after=datetime(2026, 11, 22))  # noqa: DTZ001 # that it has none


def test_the_journal_begins_with_1():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Event(execution_id="run", sequence=0, type="x", created_at=TIME)
