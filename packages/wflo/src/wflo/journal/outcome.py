"""How one attempt at a step ended: what is committed in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from wflo.models import CostLine, StatePatch, StepFailure, StepStatus


class LogLine(NamedTuple):
    """One line of ``ctx.log``.

    Attributes:
        at_us: When, in microseconds since 1970 (UTC).
        level: ``debug``, ``info``, ``warning`` or ``error``.
        message: What was said.
        fields: What it was said with, as JSON.
    """

    at_us: int
    level: str
    message: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        status: COMPLETED, FAILED or SKIPPED; WAITING where what it waits for can begin; READY
            where it was lost by no fault of its own, as a worker may be, and is to be tried again.
        result: The result's JSON text; None unless COMPLETED.
        size: How many items the result has, where it is a list.
        passed: What a CONDITION returned.
        done: Of a loop's iteration: it was the last one.
        failure: Why it FAILED, or was lost.
        patches: Changes of the state, in order. Not kept where it FAILED.
        costs: What it spent. Kept however it ended: the money is gone.
        logs: What it said, however it ended.
        child_input: The JSON text of the input of a sub-workflow that is to start.
    """

    status: StepStatus
    result: str | None = None
    size: int | None = None
    passed: bool | None = None
    done: bool = True
    failure: StepFailure | None = None
    patches: tuple[StatePatch, ...] = ()
    costs: tuple[CostLine, ...] = ()
    logs: tuple[LogLine, ...] = ()
    child_input: str | None = None
