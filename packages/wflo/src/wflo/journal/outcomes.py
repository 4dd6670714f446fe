"""Committing how attempts ended: result, state, cost and events in one transaction."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from wflo.db.tables import ledger, logs, state_patches
from wflo.journal.changes import Changes
from wflo.journal.leases import held
from wflo.journal.outcome import Outcome
from wflo.journal.proceed import Lease, Worker, proceed, start_timer, stop_if_spent
from wflo.journal.run import Run, Runs
from wflo.journal.submit import start_child
from wflo.models import StepFailure, StepStatus
from wflo.workflow.retries import may_retry, may_survive, retry_delay_s
from wflo.workflow.view import Entry


class Ending(NamedTuple):
    """An attempt that ended."""

    lease: Lease
    outcome: Outcome


async def look_up(
    conn: AsyncConnection, runs: Runs, endings: Sequence[Ending], *, again: bool
) -> tuple[dict[str, Run], set[str]]:
    """Find the runs of these, and the leases among them that were revoked.

    A lease is revoked by whoever raises the sequence of its run. So the first time nothing is
    asked: if a run has changed, writing says `Stale`, and the second time the rows are held.

    Args:
        conn: A write transaction.
        runs: The runs that are known here.
        endings: What is to be committed.
        again: It was tried, and something was stale.

    Returns:
        The runs by id, and the tokens that hold no longer.
    """
    ids = {ending.lease.execution_id for ending in endings}
    found = await runs.get(conn, ids, lock=again)
    if not again:
        return found, set()
    tokens = {ending.lease.token for ending in endings}
    return found, tokens - await held(conn, tokens)


def commit(changes: Changes, run: Run, ending: Ending, worker: Worker) -> None:
    """Journal how an attempt ended, and everything that follows from it."""
    outcome = ending.outcome
    _add_costs(changes, run, ending)
    _add_logs(changes, ending)
    match outcome.status:
        case StepStatus.FAILED:
            _fail(changes, run, ending)
        case StepStatus.WAITING:
            _wait(changes, run, ending)
        case StepStatus.READY:
            assert outcome.failure is not None
            _lose(changes, run, ending.lease, outcome.failure.message)
        case _:
            _end(changes, run, ending)
    stop_if_spent(run)
    proceed(changes, run, worker)


def lose(changes: Changes, run: Run, lease: Lease, owner: str, worker: Worker) -> None:
    """Journal that an attempt ended with its worker, and let another one try."""
    _lose(changes, run, lease, f"worker {owner} was lost")
    proceed(changes, run, worker)


def _lose(changes: Changes, run: Run, lease: Lease, reason: str) -> None:
    losses = lease.losses + 1
    step, iteration = lease.step, lease.iteration
    changes.end_attempt(lease.token, "lost", reason)
    if may_survive(run.plan.steps[step].retry, losses):
        changes.event(run, "step.lost", step, iteration, attempt=lease.attempt, reason=reason)
        changes.set_step(
            run,
            step,
            iteration,
            status=StepStatus.READY,
            losses=losses,
            uncounted=lease.uncounted + 1,
            available_at_us=changes.now_us,
        )
        run.journal.record(step, iteration, Entry(StepStatus.READY))
    else:
        times = "once" if losses == 1 else f"{losses} times"
        failure = StepFailure(
            step=step,
            iteration=iteration,
            attempt=lease.attempt,
            kind="WorkerLost",
            kinds=("WorkerLost",),
            message=f"worker lost {times}: the process that ran it died, stopped answering, or "
            f"lost its transaction; the last time: {reason}",
        )
        _fail_for_good(changes, run, lease, failure, losses)


def give_back(changes: Changes, run: Run, lease: Lease) -> None:
    """Journal that a worker stopped before the step had ended: no fault of the step's."""
    step, iteration = lease.step, lease.iteration
    changes.end_attempt(lease.token, "released")
    changes.event(run, "step.released", step, iteration, attempt=lease.attempt)
    changes.set_step(
        run,
        step,
        iteration,
        status=StepStatus.READY,
        losses=lease.losses,
        uncounted=lease.uncounted + 1,
        available_at_us=changes.now_us,
    )
    run.journal.record(step, iteration, Entry(StepStatus.READY))


def _end(changes: Changes, run: Run, ending: Ending) -> None:
    lease, outcome = ending
    step, iteration = lease.step, lease.iteration
    sequence = changes.event(run, f"step.{outcome.status}", step, iteration, attempt=lease.attempt)
    changes.end_attempt(lease.token, outcome.status)
    changes.set_step(
        run,
        step,
        iteration,
        status=outcome.status,
        losses=lease.losses,
        uncounted=lease.uncounted,
        result=outcome.result,
        size=outcome.size,
        passed=outcome.passed,
        done=outcome.done,
        sequence=sequence,
    )
    entry = Entry(outcome.status, outcome.size, outcome.passed, outcome.done)
    run.journal.record(step, iteration, entry)
    changes.later(partial(run.keep, step, iteration, outcome.result))
    for position, patch in enumerate(outcome.patches):
        row = {
            "execution_id": run.id,
            "sequence": sequence,
            "position": position,
            "step": step,
            "iteration": iteration,
            "op": patch.op,
            "key": patch.key,
        }
        changes.later(partial(run.patch, patch))
        value = json.dumps(patch.value) if patch.op == "set" else None
        changes.insert(state_patches, row, value=value)


def _wait(changes: Changes, run: Run, ending: Ending) -> None:
    """A worker has prepared what the step waits for, and holds it no longer."""
    lease, outcome = ending
    step, iteration = lease.step, lease.iteration
    changes.end_attempt(lease.token, "completed")
    changes.set_step(run, step, iteration, status=StepStatus.WAITING)
    run.journal.record(step, iteration, Entry(StepStatus.WAITING))
    if outcome.child_input is None:
        start_timer(changes, run, step, iteration)
    else:
        start_child(changes, run, step, iteration, outcome.child_input)


def _fail(changes: Changes, run: Run, ending: Ending) -> None:
    lease, outcome = ending
    failure = outcome.failure
    assert failure is not None
    policy = run.plan.steps[lease.step].retry
    made = lease.attempt - lease.uncounted
    if run.journal.stop is not None or not may_retry(policy, made, failure.kinds):
        changes.end_attempt(lease.token, "failed", failure.message)
        _fail_for_good(changes, run, lease, failure, lease.losses)
        return
    delay_s = retry_delay_s(policy, made, random.random())  # noqa: S311 # jitter is no secret
    changes.end_attempt(lease.token, "failed", failure.message)
    changes.event(
        run,
        "step.retrying",
        lease.step,
        lease.iteration,
        attempt=lease.attempt,
        kind=failure.kind,
        message=failure.message,
        delay_s=round(delay_s, 6),
    )
    changes.set_step(
        run,
        lease.step,
        lease.iteration,
        status=StepStatus.READY,
        losses=lease.losses,
        uncounted=lease.uncounted,
        failure=failure.model_dump_json(),
        available_at_us=changes.now_us + round(delay_s * 1e6),
    )
    run.journal.record(lease.step, lease.iteration, Entry(StepStatus.READY))


def _fail_for_good(
    changes: Changes, run: Run, lease: Lease, failure: StepFailure, losses: int
) -> None:
    sequence = changes.event(
        run,
        "step.failed",
        lease.step,
        lease.iteration,
        attempt=lease.attempt,
        kind=failure.kind,
        message=failure.message,
    )
    changes.set_step(
        run,
        lease.step,
        lease.iteration,
        status=StepStatus.FAILED,
        losses=losses,
        failure=failure.model_dump_json(),
        sequence=sequence,
    )
    run.journal.record(lease.step, lease.iteration, Entry(StepStatus.FAILED))


def _add_costs(changes: Changes, run: Run, ending: Ending) -> None:
    lease = ending.lease
    for position, line in enumerate(ending.outcome.costs):
        run.cost_micro_usd += line.micro_usd
        row = {
            "execution_id": run.id,
            "step": lease.step,
            "iteration": lease.iteration,
            "attempt": lease.attempt,
            "position": position,
            "kind": "charge",
            "micro_usd": line.micro_usd,
            "label": line.label,
            "input_tokens": line.input_tokens,
            "output_tokens": line.output_tokens,
            "created_at_us": changes.now_us,
        }
        changes.insert(ledger, row)


def _add_logs(changes: Changes, ending: Ending) -> None:
    lease = ending.lease
    for line in ending.outcome.logs:
        row = {
            "execution_id": lease.execution_id,
            "step": lease.step,
            "iteration": lease.iteration,
            "attempt": lease.attempt,
            "level": line.level,
            "message": line.message,
            "fields": json.dumps(line.fields),
            "created_at_us": line.at_us,
        }
        changes.insert(logs, row)
