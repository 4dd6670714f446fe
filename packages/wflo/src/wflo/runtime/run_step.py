"""Running one attempt at a step: from what it is given to how it ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import get_ident
from typing import Any

from wflo.errors import InputError, LoopBoundReached, StepInputError, StepResultError, StepTimeout
from wflo.journal.outcome import LogLine, Outcome
from wflo.models import Isolation, StepStatus, StepType
from wflo.plan import canonical_json
from wflo.runtime.call import StepCall
from wflo.runtime.code import Bound, StepCode, values
from wflo.runtime.context import WorkflowContext
from wflo.runtime.failures import failure_of
from wflo.runtime.isolation import FailedInChild, call_function, call_script
from wflo.runtime.record import Record
from wflo.runtime.signature import Signature
from wflo.runtime.sql import AsyncSql, Lender, Sessions, no_sql
from wflo.runtime.threads import RaisedInThread, in_thread
from wflo.runtime.values import json_text, shown


async def run_step(code: StepCode, call: StepCall) -> Outcome:
    """Run one attempt at a step.

    What its code raises is in the outcome, `SystemExit` and `KeyboardInterrupt` too. So is
    everything else that can go wrong with it.

    Args:
        code: The step.
        call: What this attempt is given.

    Returns:
        How it ended. A TIMER or a WORKFLOW step has no code but ``when``: it is WAITING, for the
        engine to begin what it stands for.

    Raises:
        asyncio.CancelledError: The task was cancelled. An async function was cancelled with it, a
            process was killed; a function in a thread sees it by ``ctx.cancelled`` only.
    """
    task = asyncio.current_task()
    assert task is not None
    cancels = task.cancelling()
    attempt = _Attempt(code, call)
    limit = asyncio.timeout(code.definition.timeout_s)
    try:
        async with limit:
            outcome = await attempt.run()
    except GeneratorExit:  # the event loop is being torn down
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and task.cancelling() > cancels:
            raise
        outcome = attempt.failed(_timeout(code) if limit.expired() else error)
    else:
        if limit.expired():  # what the function made of its cancellation does not count
            outcome = attempt.failed(_timeout(code))
    finally:
        await attempt.end()
    if task.cancelling() > cancels:  # the function has swallowed it
        raise asyncio.CancelledError
    return outcome


def _timeout(code: StepCode) -> StepTimeout:
    return StepTimeout(f"{code.owner} took longer than {code.definition.timeout_s:g} s")


class _Attempt:
    """One attempt, under way.

    Args:
        code: The step.
        call: What it is given.
    """

    def __init__(self, code: StepCode, call: StepCall) -> None:
        self._code = code
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._record = Record(on_log=None if call.on_log is None else self._tell)
        self._sessions: Sessions | None = None

    async def run(self) -> Outcome:
        """How it ends, unless something is raised."""
        if not await self._is_wanted():
            return self._outcome(StepStatus.SKIPPED)
        match self._code.definition.type:
            case StepType.TIMER:
                return self._outcome(StepStatus.WAITING)
            case StepType.WORKFLOW:
                return self._outcome(StepStatus.WAITING, child_input=self._child_input())
        result = await self._result()
        done = await self._is_done(result)
        return self._outcome(
            StepStatus.COMPLETED,
            result=json_text(result),
            size=len(result) if isinstance(result, list) else None,
            passed=self._passed(result),
            done=done,
            patches=self._record.patches,
        )

    def failed(self, error: BaseException) -> Outcome:
        """How it ends where something was raised."""
        match error:
            case FailedInChild():
                failure = error.failure
            case RaisedInThread():
                failure = self._failure(error.error)
            case _:
                failure = self._failure(error)
        return self._outcome(StepStatus.FAILED, failure=failure)

    async def end(self) -> None:
        """Keep nothing more of what a function does that goes on in its thread."""
        self._record.ended = True
        if self._sessions is not None:
            await self._sessions.close()

    def _failure(self, error: BaseException) -> Any:
        return failure_of(error, self._call.step, self._call.iteration, self._call.attempt)

    def _outcome(self, status: StepStatus, **ending: Any) -> Outcome:
        return Outcome(status=status, costs=self._record.costs, logs=self._record.logs, **ending)

    def _tell(self, line: LogLine) -> None:
        assert self._call.on_log is not None
        if get_ident() == self._thread:
            self._call.on_log(line)
            return
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._call.on_log, line)

    # -- the user's functions ----------------------------------------------------------------------

    async def _is_wanted(self) -> bool:
        when, loop = self._code.when, self._code.definition.loop
        if when is None or (loop is not None and self._call.iteration > 0):
            return True
        arguments = when.signature.arguments(when.values(self._call))
        return await self._ask(when.signature, arguments)

    async def _is_done(self, result: Any) -> bool:
        loop, until = self._code.definition.loop, self._code.until
        if loop is None or until is None:
            return True
        (name,) = until.parameters
        body = self._code.body
        assert body is not None
        value = body.signature.result.load(result)
        if await self._ask(until, {name: value}):
            return True
        if self._call.iteration + 1 < loop.max_iterations:
            return False
        raise LoopBoundReached(
            f"{self._code.owner} was not done after {loop.max_iterations} iterations"
        )

    async def _ask(self, signature: Signature, arguments: dict[str, Any]) -> bool:
        if signature.is_async:
            answer = await signature.function(**arguments)
        else:
            answer = await in_thread(lambda: signature.function(**arguments), self._name)
        if not isinstance(answer, bool):
            raise StepResultError(f"{signature.owner} must return a bool, not {shown(answer)}")
        return answer

    async def _result(self) -> Any:
        code, body = self._code, self._code.body
        if code.script is not None:
            taken = values(code.owner, code.sources, self._call)
            return await call_script(code.script, taken, self._call, self._record)
        assert body is not None
        match code.isolation:
            case Isolation.ASYNC:
                return await self._on_loop(body)
            case Isolation.THREAD:
                return await self._in_thread(body)
            case Isolation.PROCESS:
                return await call_function(code, body.values(self._call), self._call, self._record)

    async def _on_loop(self, body: Bound) -> Any:
        open_tx = self._call.open_tx
        lender = _NOT_LENT if open_tx is None else lambda: AsyncSql(open_tx)
        signature = body.signature
        arguments = signature.arguments(body.values(self._call), self._context(lender))
        return signature.checked(await signature.function(**arguments))

    async def _in_thread(self, body: Bound) -> Any:
        lender = _NOT_LENT
        if self._call.open_tx is not None:
            lender = self._sessions = Sessions(self._call.open_tx, self._loop)
        given, context = body.values(self._call), self._context(lender)
        signature = body.signature

        def work() -> Any:  # with the values of large arguments, too, off the event loop
            return signature.checked(signature.function(**signature.arguments(given, context)))

        return await in_thread(work, self._name)

    def _context(self, lender: Lender) -> WorkflowContext:
        return WorkflowContext(self._call, self._record, lender)

    @property
    def _name(self) -> str:
        return f"wflo {self._call.idempotency_key}"

    # -- what comes of them ------------------------------------------------------------------------

    def _passed(self, result: Any) -> bool | None:
        if self._code.definition.type is not StepType.CONDITION:
            return None
        if not isinstance(result, bool):
            raise StepResultError(
                f"{self._code.owner} is a condition and must return a bool, not {shown(result)}"
            )
        return result

    def _child_input(self) -> str:
        child, call = self._code.child, self._call
        assert child is not None
        try:
            return canonical_json(child.check(values(self._code.owner, self._code.sources, call)))
        except InputError as error:
            raise StepInputError(f"{self._code.owner}: {error}") from None


_NOT_LENT = no_sql("this engine lends no transaction")
