"""Running one step: what it is given, and how it ended."""

from __future__ import annotations

import json
import logging

from wflo.db.engine import Database
from wflo.errors import DatabaseUnavailable, LeaseLost, WfloError
from wflo.journal import inputs
from wflo.journal.outcome import Outcome
from wflo.journal.outcomes import Ending
from wflo.journal.proceed import Lease
from wflo.journal.run import Run, Runs, Stale
from wflo.models import StepStatus
from wflo.points import reach
from wflo.runtime.call import StepCall
from wflo.runtime.code import StepCode
from wflo.runtime.failures import failure_of
from wflo.runtime.local.codes import Codes
from wflo.runtime.local.committer import Committer, Written
from wflo.runtime.local.transaction import StepTransaction
from wflo.runtime.run_step import run_step

_LOG = logging.getLogger(__name__)


class StepRunner:
    """Runs the steps that a process holds.

    Args:
        database: Where what they read is kept.
        committer: Commits the steps that write themselves, with what they wrote.
        codes: The code.
    """

    def __init__(self, database: Database, committer: Committer, codes: Codes) -> None:
        self._database = database
        self._committer = committer
        self._codes = codes

    async def run(self, lease: Lease) -> Ending | Written | None:
        """Run a step.

        Returns:
            How it ended; or what was written, where that is committed already; None where the
            lease was lost, and nothing of it counts.
        """
        persist = self._committer.persist
        transaction = StepTransaction(self._database, persist)
        outcome: Outcome | None = None
        try:
            run, code = await persist(lambda: self._prepare(lease))
            reach("in step")
            outcome = await run_step(code, _call(run, code, lease, transaction))
            if transaction.is_lost:
                outcome = _instead(StepStatus.READY, lease, outcome, _transaction_lost())
            elif transaction.connection is not None and outcome.failure is None:
                return await self._committer.commit_with(transaction, Ending(lease, outcome))
        except LeaseLost:
            return None
        except (DatabaseUnavailable, Stale) as error:  # no fault of the step's
            outcome = _instead(StepStatus.READY, lease, outcome, error)
        except Exception as error:
            if not isinstance(error, WfloError):
                _LOG.exception("a step could not be run, or not be committed", extra=_where(lease))
            outcome = _instead(StepStatus.FAILED, lease, outcome, error)
        finally:
            await transaction.rollback()
        return Ending(lease, outcome)

    async def _prepare(self, lease: Lease) -> tuple[Run, StepCode]:
        """What the step is given, read where it is not known here."""
        run = self._committer.runs.known(lease.execution_id)
        if run is None:
            runs = Runs()
            async with self._database.read() as conn:
                await runs.get(conn, [lease.execution_id], lock=False)
            run = runs.known(lease.execution_id)
            assert run is not None
        code = self._codes.step(run.workflow_id, lease.step)
        previous = _previous(code, lease)
        if inputs.missing(run, code.needs, previous):
            async with run.reading:
                if inputs.missing(run, code.needs, previous):
                    async with self._database.read() as conn:
                        await inputs.read(conn, run, code.needs, previous)
        return run, code


def _previous(code: StepCode, lease: Lease) -> inputs.Iteration | None:
    """The iteration of a loop whose result this one is given."""
    if code.definition.loop is None or lease.iteration == 0:
        return None
    return lease.step, lease.iteration - 1


def _call(run: Run, code: StepCode, lease: Lease, transaction: StepTransaction) -> StepCall:
    definition = code.definition
    results = {step: inputs.result_of(run, step) for step in code.needs}
    item, previous = None, _previous(code, lease)
    if definition.map is not None:
        values = run.input or {}
        over = definition.map.over
        item = (results[over] if over in results else values[over])[lease.iteration]
    return StepCall(
        execution_id=run.id,
        step=lease.step,
        iteration=lease.iteration,
        attempt=lease.attempt,
        inputs=run.input or {},
        results=results,
        item=item,
        previous=None if previous is None else json.loads(run.results[previous]),
        state=run.state or {},
        open_tx=transaction.open,
    )


def _where(lease: Lease) -> dict[str, object]:
    return {
        "execution_id": lease.execution_id,
        "step": lease.step,
        "iteration": lease.iteration,
        "attempt": lease.attempt,
    }


def _instead(
    status: StepStatus, lease: Lease, outcome: Outcome | None, error: Exception
) -> Outcome:
    """The outcome of an attempt that could not be made, or not be committed."""
    failure = failure_of(error, lease.step, lease.iteration, lease.attempt)
    if outcome is None:
        return Outcome(status=status, failure=failure)
    return Outcome(status=status, failure=failure, costs=outcome.costs, logs=outcome.logs)


def _transaction_lost() -> DatabaseUnavailable:
    return DatabaseUnavailable("the database has given up the transaction of ctx.tx(), or was away")
