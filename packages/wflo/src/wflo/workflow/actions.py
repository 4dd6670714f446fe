"""What the scheduler asks for: the words between it and every engine.

The engine journals every action in the transaction in which it asked, and asks again when
something has ended, or was approved.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from wflo.models import ExecutionStatus
from wflo.workflow.view import Stop


class Run(NamedTuple):
    """Let a worker run this iteration of a step. The engine journals it as READY."""

    step: str
    iteration: int = 0


class Wait(NamedTuple):
    """Start the step's timer.

    The engine journals it as WAITING; as READY, where a worker has to be asked something first.
    """

    step: str
    iteration: int = 0


class StartChild(NamedTuple):
    """Start the execution that the step stands for.

    The engine journals it as WAITING; as READY, where a worker has to make its input first.
    """

    step: str
    iteration: int = 0


class Gate(NamedTuple):
    """Ask for a decision. The engine journals it as WAITING.

    An APPROVAL step is nothing else: its iteration ends with the decision. Any other step has one
    gate, at iteration 0, for all of its iterations; approved, the engine journals iteration 0 as
    READY itself, for the scheduler asks only for what was never begun. A map's other iterations
    follow when the engine asks again.
    """

    step: str
    iteration: int = 0


class Skip(NamedTuple):
    """The step does not have to run. The engine journals iteration 0 as SKIPPED."""

    step: str


class Block(NamedTuple):
    """The step cannot run: `cause` failed. The engine journals iteration 0 as BLOCKED."""

    step: str
    cause: str


class Fail(NamedTuple):
    """The step fails without running: a map of too many items, or over what is no list.

    The engine journals iteration 0 as FAILED.

    Attributes:
        step: Which one.
        reason: Why, in one line.
        kind: The name of the error that it is, as `wflo.models.StepFailure` has it.
    """

    step: str
    reason: str
    kind: str = "wflo.errors.StepError"


class Cancel(NamedTuple):
    """An unfinished iteration ends as CANCELLED."""

    step: str
    iteration: int


class Finish(NamedTuple):
    """The run has ended. It is the last action, and the engine does not ask again.

    Attributes:
        status: COMPLETED, FAILED or CANCELLED.
        failed: The first failed step in the order of the plan, where there is one.
        stop: Why it was ended early, where it was.
    """

    status: ExecutionStatus
    failed: str | None = None
    stop: Stop | None = None


Action: TypeAlias = Run | Wait | StartChild | Gate | Skip | Block | Fail | Cancel | Finish
