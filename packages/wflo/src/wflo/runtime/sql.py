"""``ctx.tx()``: SQL in the transaction that will commit the step's result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

from wflo.errors import NotSupported

if TYPE_CHECKING:
    from sqlalchemy import CursorResult
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql import Executable

    from wflo.runtime.call import OpenTx

_OVER = "the attempt is over, and its transaction with it"
_BLOCK_LEFT = "the block of ctx.tx() was left, and its connection with it: enter another one"


class StepSql:
    """What ``ctx.tx()`` is; each kind of step can enter it in one way."""

    def execute(self, *_: object, **__: object) -> NoReturn:
        """Refused, for a statement needs the connection.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            "ctx.tx() is entered first: `with ctx.tx() as connection:`, in an async step with "
            "`async with`; the connection executes"
        )

    async def __aenter__(self) -> AsyncConnection:
        raise RuntimeError("a plain step enters its transaction by `with ctx.tx() as connection:`")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Never called: it cannot be entered."""

    def __enter__(self) -> StepConnection:
        raise RuntimeError(
            "an async step enters its transaction by `async with ctx.tx() as connection:`"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Never called: it cannot be entered."""


Lender: TypeAlias = Callable[[], StepSql]


def no_sql(reason: str) -> Lender:
    """For steps that cannot have it."""

    def refuse() -> NoReturn:
        raise NotSupported(f"ctx.tx() is not to be had here: {reason}")

    return refuse


class AsyncSql(StepSql):
    """For a step that runs on the event loop."""

    def __init__(self, open_tx: OpenTx) -> None:
        self._manager: AbstractAsyncContextManager[AsyncConnection] = open_tx()

    async def __aenter__(self) -> AsyncConnection:
        from wflo.runtime.lent import LentConnection

        return LentConnection.of(await self._manager.__aenter__())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._manager.__aexit__(kind, error, traceback)


class Sessions:
    """The transactions that the threads of one attempt have entered.

    Args:
        open_tx: The engine's.
        loop: The event loop that it belongs to.
    """

    def __init__(self, open_tx: OpenTx, loop: asyncio.AbstractEventLoop) -> None:
        self.open_tx = open_tx
        self.loop = loop
        self.tasks: set[asyncio.Task[None]] = set()
        self.closed = False

    def __call__(self) -> ThreadSql:
        return ThreadSql(self)

    async def close(self) -> None:
        """End what a thread that goes on has left open. To be called on the event loop."""
        self.closed = True
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)


class StepConnection:
    """The connection that a plain step gets: each statement is executed on the event loop."""

    def __init__(self, session: ThreadSql) -> None:
        self._session = session

    def execute(
        self,
        statement: Executable | str,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Execute a statement, and wait for its result.

        Args:
            statement: SQLAlchemy's, or SQL with ``:name`` for each parameter.
            parameters: Values by name; several such mappings execute it for each of them.

        Returns:
            The result, its rows fetched already.

        Raises:
            RuntimeError: The attempt is over.
            sqlalchemy.exc.SQLAlchemyError: The database refused it.
        """
        from sqlalchemy import text

        ready = text(statement) if isinstance(statement, str) else statement
        return self._session.perform(ready, parameters)


class _Job:
    """A statement, and where its result goes."""

    def __init__(self, statement: Executable, parameters: Any) -> None:
        self.statement = statement
        self.parameters = parameters
        self.result: Future[CursorResult[Any]] = Future()

    async def do(self, connection: AsyncConnection) -> None:
        try:
            result = await connection.execute(self.statement, self.parameters)
        except Exception as error:
            self.result.set_exception(error)
        except BaseException:
            self.result.set_exception(RuntimeError(_OVER))
            raise
        else:
            self.result.set_result(result)


class _Left(NamedTuple):
    """The thread has left its block, by this exception if by any."""

    cause: BaseException | None


class ThreadSql(StepSql):
    """For a step that runs in a thread.

    One task of the event loop enters the transaction, does what the thread asks for, and leaves.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._jobs: asyncio.Queue[_Job | _Left] = asyncio.Queue()
        self._entered: Future[None] = Future()
        self._left: Future[None] = Future()

    def __enter__(self) -> StepConnection:
        self._sessions.loop.call_soon_threadsafe(self._begin)
        self._entered.result()
        return StepConnection(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ask(_Left(error))
        try:
            self._left.result()
        finally:
            if error is not None:  # whose way through the event loop is nobody's business
                error.__traceback__ = traceback

    def perform(self, statement: Executable, parameters: Any) -> CursorResult[Any]:
        """Have a statement executed. See `StepConnection.execute`."""
        job = _Job(statement, parameters)
        self._ask(job)
        return job.result.result()

    def _ask(self, job: _Job | _Left) -> None:
        self._sessions.loop.call_soon_threadsafe(self._put, job)

    # -- on the event loop -------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._sessions.closed:
            self._entered.set_exception(RuntimeError(_OVER))
            return
        task = self._sessions.loop.create_task(self._play())
        self._sessions.tasks.add(task)
        task.add_done_callback(self._end)

    def _put(self, job: _Job | _Left) -> None:
        if not self._left.done():
            self._jobs.put_nowait(job)
        elif isinstance(job, _Job):
            text = _OVER if self._sessions.closed else _BLOCK_LEFT
            job.result.set_exception(RuntimeError(text))

    async def _play(self) -> None:
        cause: BaseException | None = None
        try:
            async with self._sessions.open_tx() as connection:
                self._entered.set_result(None)
                while isinstance(job := await self._jobs.get(), _Job):
                    await job.do(connection)
                cause = job.cause
                if cause is not None:
                    raise cause  # noqa: TRY301 - the transaction is to see it
        except BaseException as error:
            if error is not cause:  # that one goes on in the thread
                raise

    def _end(self, task: asyncio.Task[None]) -> None:
        self._sessions.tasks.discard(task)
        error = RuntimeError(_OVER) if task.cancelled() else task.exception()
        if not self._entered.done():
            self._entered.set_exception(error or RuntimeError(_OVER))
        if error is None:
            self._left.set_result(None)
        else:
            self._left.set_exception(error)
        while not self._jobs.empty():
            self._put(self._jobs.get_nowait())
