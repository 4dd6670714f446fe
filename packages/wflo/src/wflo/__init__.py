"""Durable workflows of plain Python steps.

sdk            Workflow, step, WorkflowContext: what an author writes
models, plan   what a workflow and a run are: pure data, and the plan made from it
workflow       the scheduler (`engine`, pure), and what manages runs and their state
journal        every statement that decides: claim, commit, lease, timers, outbox
db             tables, migrations, connections
runtime        running steps: the engine on a database
events         what happened, delivered to others
config         settings; `observability`: logging; `cli`: the command line

`import wflo` imports none of them: a name is loaded when it is first used.
"""

from __future__ import annotations

# As `typing.TYPE_CHECKING`, to type checkers too; importing typing would be most of our import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from wflo.config.settings import Settings as Settings
    from wflo.db.engine import Database as Database
    from wflo.errors import CodeChanged as CodeChanged
    from wflo.errors import DatabaseError as DatabaseError
    from wflo.errors import DefinitionError as DefinitionError
    from wflo.errors import ExecutionCancelled as ExecutionCancelled
    from wflo.errors import ExecutionExists as ExecutionExists
    from wflo.errors import ExecutionFailed as ExecutionFailed
    from wflo.errors import ExecutionNotFound as ExecutionNotFound
    from wflo.errors import InputError as InputError
    from wflo.errors import MissingExtra as MissingExtra
    from wflo.errors import NotSupported as NotSupported
    from wflo.errors import SettingsError as SettingsError
    from wflo.errors import SnapshotNotFound as SnapshotNotFound
    from wflo.errors import StepError as StepError
    from wflo.errors import WfloError as WfloError
    from wflo.errors import WorkflowNotFound as WorkflowNotFound
    from wflo.models import CostSummary as CostSummary
    from wflo.models import ExecutionFilter as ExecutionFilter
    from wflo.models import ExecutionPage as ExecutionPage
    from wflo.models import ExecutionResult as ExecutionResult
    from wflo.models import ExecutionStatus as ExecutionStatus
    from wflo.models import ExecutionSummary as ExecutionSummary
    from wflo.models import RetryPolicy as RetryPolicy
    from wflo.models import StateSnapshot as StateSnapshot
    from wflo.models import StepFailure as StepFailure
    from wflo.models import StepStatus as StepStatus
    from wflo.models import StepType as StepType
    from wflo.models import StoredWorkflow as StoredWorkflow
    from wflo.models import WorkflowDefinition as WorkflowDefinition
    from wflo.models import WorkflowExecution as WorkflowExecution
    from wflo.models import WorkflowPolicies as WorkflowPolicies
    from wflo.models import WorkflowState as WorkflowState
    from wflo.models import WorkflowStep as WorkflowStep
    from wflo.runtime.context import WorkflowContext as WorkflowContext
    from wflo.sdk.workflow import Workflow as Workflow
    from wflo.workflow.manager import WorkflowManager as WorkflowManager
    from wflo.workflow.state import StateManager as StateManager

    __version__: str

# Where each public name is.
_HOMES = {
    "CodeChanged": "errors",
    "CostSummary": "models",
    "Database": "db.engine",
    "DatabaseError": "errors",
    "DefinitionError": "errors",
    "ExecutionCancelled": "errors",
    "ExecutionExists": "errors",
    "ExecutionFailed": "errors",
    "ExecutionFilter": "models.listing",
    "ExecutionNotFound": "errors",
    "ExecutionPage": "models.listing",
    "ExecutionResult": "models",
    "ExecutionStatus": "models",
    "ExecutionSummary": "models.listing",
    "InputError": "errors",
    "MissingExtra": "errors",
    "NotSupported": "errors",
    "RetryPolicy": "models",
    "Settings": "config.settings",
    "SettingsError": "errors",
    "SnapshotNotFound": "errors",
    "StateManager": "workflow.state",
    "StateSnapshot": "models",
    "StepError": "errors",
    "StepFailure": "models",
    "StepStatus": "models",
    "StepType": "models",
    "StoredWorkflow": "models.listing",
    "WfloError": "errors",
    "Workflow": "sdk.workflow",
    "WorkflowContext": "runtime.context",
    "WorkflowDefinition": "models",
    "WorkflowExecution": "models",
    "WorkflowManager": "workflow.manager",
    "WorkflowNotFound": "errors",
    "WorkflowPolicies": "models",
    "WorkflowState": "models",
    "WorkflowStep": "models",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        return sorted((*_HOMES, "__version__"))
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("wflo")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__", "__all__"})
