"""From what the scheduler asks for to rows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from wflo.db.tables import step_attempts, step_journal, timers
from wflo.journal.changes import Changes, Finished
from wflo.journal.run import Run
from wflo.models import StepFailure, StepStatus, format_usd
from wflo.points import reach
from wflo.workflow import actions as act
from wflo.workflow.engine import execution_status, next_actions
from wflo.workflow.view import Entry, Stop


class Lease(NamedTuple):
    """A worker's hold of one iteration of a step.

    Attributes:
        token: What every write of the worker names.
        execution_id: The run.
        step: The step.
        iteration: Which iteration of it.
        attempt: Which attempt, from 1.
        losses: How many attempts before it ended with their worker.
        uncounted: How many attempts before it do not count as repeats: those, and all that were
            made before the run was resumed.
        expires_at_us: Until when it holds unless it is renewed.
    """

    token: str
    execution_id: str
    step: str
    iteration: int
    attempt: int
    losses: int
    uncounted: int
    expires_at_us: int


class Worker:
    """Who claims, and how much it can take.

    Attributes:
        owner: The name of the process.
        lease_us: How long a lease holds.
        free: How many more steps it can run.
        claimed: What it took in this transaction, to be run when that is committed.
        may_run: Whether it has the code of a run (by `Run.workflow_id`, `Run.root_id`).
    """

    def __init__(
        self, owner: str, lease_us: int, free: int, may_run: Callable[[int, str], bool]
    ) -> None:
        self.owner = owner
        self.lease_us = lease_us
        self.free = free
        self.may_run = may_run
        self.claimed: list[Lease] = []

    def take(self, changes: Changes, run: Run, step: str, iteration: int) -> Lease | None:
        """Claim a step that was never begun, if there is room for it."""
        if self.free < 1 or not self.may_run(run.workflow_id, run.root_id):
            return None
        self.free -= 1
        lease = Lease(
            token=secrets.token_hex(16),
            execution_id=run.id,
            step=step,
            iteration=iteration,
            attempt=1,
            losses=0,
            uncounted=0,
            expires_at_us=changes.now_us + self.lease_us,
        )
        changes.insert(step_attempts, attempt_row(lease, self.owner, changes.now_us))
        self.claimed.append(lease)
        return lease

    def drop(self, run: Run, step: str, iteration: int) -> None:
        """What was claimed in this transaction is cancelled in it, and not to be run."""
        dropped = (run.id, step, iteration)
        kept = [
            lease
            for lease in self.claimed
            if (lease.execution_id, lease.step, lease.iteration) != dropped
        ]
        self.free += len(self.claimed) - len(kept)
        self.claimed = kept


NOBODY = Worker("", 0, 0, lambda _workflow, _root: False)


def attempt_row(lease: Lease, owner: str, now_us: int) -> dict[str, object]:
    """The row of an attempt that begins."""
    return {
        "token": lease.token,
        "execution_id": lease.execution_id,
        "step": lease.step,
        "iteration": lease.iteration,
        "attempt": lease.attempt,
        "owner": owner,
        "status": "running",
        "started_at_us": now_us,
        "expires_at_us": lease.expires_at_us,
    }


def proceed(changes: Changes, run: Run, worker: Worker) -> None:
    """Journal everything that follows from how far the run is now."""
    for action in next_actions(run.plan, run.journal):
        match action:
            case act.Run() | act.StartChild():
                _ready(changes, run, worker, action.step, action.iteration)
            case act.Wait():
                _wait(changes, run, worker, action)
            case act.Gate():
                raise AssertionError(f"{run.id}: a run with approvals was started")
            case act.Skip():
                _close(changes, run, action.step, StepStatus.SKIPPED)
            case act.Block():
                _close(changes, run, action.step, StepStatus.BLOCKED, cause=action.cause)
            case act.Fail():
                _fail(changes, run, action)
            case act.Cancel():
                _cancel(changes, run, worker, action)
            case act.Finish():
                _finish(changes, run, action)
    if not run.status.ended:
        run.status = execution_status(run.plan, run.journal)


def stop_if_spent(run: Run) -> None:
    """Start no step of a run any more that has spent what it may."""
    limit = run.plan.definition.policies.max_cost_micro_usd
    if limit is not None and run.cost_micro_usd >= limit and run.journal.stop is None:
        run.journal.stop = Stop.OVER_BUDGET


def new_step(
    changes: Changes, run: Run, step: str, iteration: int, status: StepStatus, **columns: object
) -> None:
    """Journal an iteration of which nothing was known."""
    run.journal.record(step, iteration, Entry(status))
    row = {
        "execution_id": run.id,
        "step": step,
        "iteration": iteration,
        "workflow_id": run.workflow_id,
        "root_id": run.root_id,
        "status": status.value,
        "attempts": 0,
        "losses": 0,
        "uncounted": 0,
        "available_at_us": changes.now_us,
        "done": True,
        "failure": None,
        "sequence": None,
        "ended_at_us": None,
    }
    changes.insert(step_journal, row | columns)


def add_timer(
    changes: Changes,
    run: Run,
    kind: str,
    due_at_us: int,
    step: str | None = None,
    iteration: int | None = None,
) -> None:
    """Let something happen to the run at a time."""
    row = {
        "execution_id": run.id,
        "workflow_id": run.workflow_id,
        "root_id": run.root_id,
        "kind": kind,
        "step": step,
        "iteration": iteration,
        "due_at_us": due_at_us,
    }
    changes.insert(timers, row)
    changes.look_at(due_at_us)


def _ready(changes: Changes, run: Run, worker: Worker, step: str, iteration: int) -> None:
    lease = worker.take(changes, run, step, iteration)
    status = StepStatus.RUNNING if lease else StepStatus.READY
    changes.has_ready |= lease is None
    new_step(changes, run, step, iteration, status, attempts=int(lease is not None))


def _wait(changes: Changes, run: Run, worker: Worker, action: act.Wait) -> None:
    step = run.plan.steps[action.step].definition
    if step.conditional:  # whose function only a worker can ask
        _ready(changes, run, worker, action.step, action.iteration)
        return
    new_step(changes, run, step.id, action.iteration, StepStatus.WAITING)
    start_timer(changes, run, step.id, action.iteration)


def start_timer(changes: Changes, run: Run, step: str, iteration: int) -> None:
    """Begin the wait of a TIMER step."""
    duration_s = float(run.plan.steps[step].definition.config["duration_s"])
    due_at_us = changes.now_us + round(duration_s * 1e6)
    changes.event(run, "step.waiting", step, iteration, due_at_us=due_at_us)
    add_timer(changes, run, "step", due_at_us, step, iteration)


def _close(changes: Changes, run: Run, step: str, status: StepStatus, **payload: object) -> None:
    sequence = changes.event(run, f"step.{status}", step, 0, **payload)
    ended = {"sequence": sequence, "ended_at_us": changes.now_us}
    new_step(changes, run, step, 0, status, **ended)


def _fail(changes: Changes, run: Run, action: act.Fail) -> None:
    failure = StepFailure(step=action.step, attempt=0, kind=action.kind, message=action.reason)
    sequence = changes.event(run, "step.failed", action.step, 0, message=action.reason)
    ended = {"sequence": sequence, "ended_at_us": changes.now_us}
    text = failure.model_dump_json()
    new_step(changes, run, action.step, 0, StepStatus.FAILED, failure=text, **ended)


def _cancel(changes: Changes, run: Run, worker: Worker, action: act.Cancel) -> None:
    run.journal.record(action.step, action.iteration, Entry(StepStatus.CANCELLED))
    sequence = changes.event(run, "step.cancelled", action.step, action.iteration)
    if run.journal.stop is Stop.OVER_BUDGET:  # what runs comes to its end: the money is spent
        changes.cancel_idle(run, action.step, action.iteration, sequence)
        return
    changes.set_step(
        run, action.step, action.iteration, status=StepStatus.CANCELLED, sequence=sequence
    )
    changes.revoke(run, action.step, action.iteration)
    worker.drop(run, action.step, action.iteration)


def _finish(changes: Changes, run: Run, action: act.Finish) -> None:
    reach("in finish")
    run.status = action.status
    error = _reason(run, action)
    changes.event(run, f"execution.{action.status}", error=error)
    changes.finished.append(Finished(run, action.failed, error))


def _reason(run: Run, action: act.Finish) -> str | None:
    policies = run.plan.definition.policies
    match action.stop:
        case Stop.CANCELLED:
            return "it was cancelled"
        case Stop.TIMED_OUT:
            return f"it took longer than {policies.timeout_seconds:g} s"
        case Stop.OVER_BUDGET:
            return f"it has spent {format_usd(run.cost_micro_usd)}, and may spend {_limit(run)}"
    return None if action.failed is None else f"step {action.failed!r} failed"


def _limit(run: Run) -> str:
    return format_usd(run.plan.definition.policies.max_cost_micro_usd or 0)
