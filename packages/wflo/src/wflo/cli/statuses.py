"""How the statuses of runs look."""

from __future__ import annotations

from collections.abc import Mapping

from wflo.models import ExecutionStatus

STATUS_STYLES: Mapping[str, str] = {
    ExecutionStatus.PENDING: "dim",
    ExecutionStatus.RUNNING: "cyan",
    ExecutionStatus.WAITING: "cyan",
    ExecutionStatus.COMPLETED: "green",
    ExecutionStatus.FAILED: "red",
    ExecutionStatus.CANCELLED: "yellow",
    ExecutionStatus.ROLLED_BACK: "yellow",
    ExecutionStatus.ROLLBACK_FAILED: "red",
}
