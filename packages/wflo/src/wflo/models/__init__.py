"""What crosses every border: pydantic models, pure data, JSON there and back."""

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

__all__ = [
    "CodeRef",
    "CostLine",
    "CostSummary",
    "ExecutionResult",
    "ExecutionStatus",
    "Isolation",
    "LoopSpec",
    "MapSpec",
    "RetryPolicy",
    "StatePatch",
    "StateSnapshot",
    "StepExecution",
    "StepFailure",
    "StepStatus",
    "StepType",
    "WorkflowDefinition",
    "WorkflowExecution",
    "WorkflowPolicies",
    "WorkflowState",
    "WorkflowStep",
    "format_usd",
]
