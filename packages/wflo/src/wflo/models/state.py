"""The state that the steps of a run share, and points of it. Pure data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from wflo.models.base import ExecutionId, Model, Text


class StatePatch(Model):
    """One change of the state: a key set, or removed.

    Attributes:
        op: Which of the two.
        key: Whose value. PostgreSQL has no NUL in texts.
        value: The value, as JSON; None where the key is removed.
    """

    op: Literal["set", "delete"]
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    value: Any = None


class WorkflowState(Model):
    """The state of a run at a point of its journal.

    Attributes:
        execution_id: Whose.
        sequence: The point: how many entries the journal had.
        data: Values by key.
    """

    execution_id: ExecutionId
    sequence: Annotated[int, Field(ge=0)] = 0
    data: dict[str, Any] = Field(default_factory=dict)


class StateSnapshot(Model):
    """A point of the journal with a name: the state is read from there, never copied.

    Attributes:
        id: Its number.
        execution_id: Whose.
        sequence: The point.
        label: What it was made for.
        created_at: When it was made (UTC).
    """

    id: int
    execution_id: ExecutionId
    sequence: Annotated[int, Field(ge=0)]
    label: Annotated[Text, Field(max_length=200)] = ""
    created_at: datetime
