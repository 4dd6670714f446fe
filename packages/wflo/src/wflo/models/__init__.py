"""What crosses every border: pydantic models, pure data, JSON there and back.

What only lists and records need is loaded when it is first used: a definition does without.
"""

from __future__ import annotations

from wflo.models.cost import CostLine, CostSummary, format_usd
from wflo.models.execution import (
    ExecutionResult,
    ExecutionStatus,
    StepExecution,
    StepFailure,
    StepStatus,
    WorkflowExecution,
)
from wflo.models.state import StatePatch, StateSnapshot, WorkflowState
from wflo.models.workflow import (
    CodeRef,
    Isolation,
    LoopSpec,
    MapSpec,
    RetryPolicy,
    StepType,
    WorkflowDefinition,
    WorkflowPolicies,
    WorkflowStep,
)

# As `typing.TYPE_CHECKING`, to type checkers too.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from wflo.models.listing import ExecutionFilter as ExecutionFilter
    from wflo.models.listing import ExecutionPage as ExecutionPage
    from wflo.models.listing import ExecutionSummary as ExecutionSummary
    from wflo.models.listing import StoredWorkflow as StoredWorkflow
    from wflo.models.record import AttemptStatus as AttemptStatus
    from wflo.models.record import LogEntry as LogEntry
    from wflo.models.record import StepAttempt as StepAttempt

__all__ = [
    "AttemptStatus",
    "CodeRef",
    "CostLine",
    "CostSummary",
    "ExecutionFilter",
    "ExecutionPage",
    "ExecutionResult",
    "ExecutionStatus",
    "ExecutionSummary",
    "Isolation",
    "LogEntry",
    "LoopSpec",
    "MapSpec",
    "RetryPolicy",
    "StatePatch",
    "StateSnapshot",
    "StepAttempt",
    "StepExecution",
    "StepFailure",
    "StepStatus",
    "StepType",
    "StoredWorkflow",
    "WorkflowDefinition",
    "WorkflowExecution",
    "WorkflowPolicies",
    "WorkflowState",
    "WorkflowStep",
    "format_usd",
]

# Where the names are that are loaded later.
_HOMES = {
    "AttemptStatus": "record",
    "ExecutionFilter": "listing",
    "ExecutionPage": "listing",
    "ExecutionSummary": "listing",
    "LogEntry": "record",
    "StepAttempt": "record",
    "StoredWorkflow": "listing",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
