"""What a scenario says to an engine. Each engine has an adapter with these methods, and no more."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from wflo.config.settings import EngineSettings
from wflo.db.engine import Database
from wflo.events.schemas import Event
from wflo.journal import queries
from wflo.models import ExecutionStatus, StepExecution, StepStatus, WorkflowExecution
from wflo.models.record import LogEntry, StepAttempt
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.workflow import Workflow
from wflo.workflow.manager import WorkflowManager
from wflo.workflow.state import StateManager

_PATIENCE_S = 60.0
_UNFINISHED = [status for status in ExecutionStatus if not status.ended]
_QUICK = {"poll_interval_s": 0.05, "lease_s": 10.0, "drain_s": 5.0}


_numbers = itertools.count(1)


def new_id(name: str = "run") -> str:
    """An id for a run: no other test has it."""
    return f"{name}-{next(_numbers)}"


class Ended(NamedTuple):
    """A run that has ended, and what its steps came to."""

    execution: WorkflowExecution
    results: dict[str, Any]
    steps: list[StepExecution]

    @property
    def status(self) -> ExecutionStatus:
        return self.execution.status

    @property
    def output(self) -> Any:
        return self.execution.output

    def step(self, step_id: str, iteration: int = 0) -> StepExecution:
        """An iteration of a step."""
        return next(
            each for each in self.steps if (each.step, each.iteration) == (step_id, iteration)
        )

    def iterations(self, step_id: str) -> list[StepExecution]:
        """All iterations of a step."""
        return [each for each in self.steps if each.step == step_id]

    @property
    def statuses(self) -> dict[str, StepStatus]:
        """How the steps ended, those that have one iteration."""
        return {each.step: each.status for each in self.steps if each.iteration == 0}


class Engine(Protocol):
    """An engine under test, with a database of its own."""

    async def submit(
        self, workflow: Workflow, values: Mapping[str, Any] | None = None, *, run_id: str
    ) -> bool:
        """Create a run that nobody works on yet. False if it exists already."""

    async def work(self, workflow: Workflow, run_id: str, *, accept_changes: bool = False) -> Ended:
        """Work on a run in this task until it has ended."""

    async def run(self, workflow: Workflow, /, **inputs: Any) -> Ended:
        """Both, with an id that is new."""

    async def start(self, workflow: Workflow, /, **inputs: Any) -> str:
        """The same in the background, to be waited for by `wait`. Returns the id."""

    def workers(
        self, *workflows: Workflow, count: int = 1, max_concurrency: int = 64
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Workers beside this task, which take whatever there is of these workflows."""

    async def cancel(self, run_id: str) -> WorkflowExecution: ...

    async def resume(self, run_id: str) -> WorkflowExecution: ...

    async def wait(self, run_id: str, *statuses: ExecutionStatus) -> Ended:
        """Until the run has ended, or is in one of these statuses."""

    async def until(
        self, run_id: str, condition: Callable[[WorkflowExecution], bool]
    ) -> WorkflowExecution:
        """Until that is true of the run."""

    async def until_step(self, run_id: str, step_id: str, status: StepStatus) -> None:
        """Until the step is in that status."""

    async def execution(self, run_id: str) -> WorkflowExecution: ...

    async def steps(self, run_id: str) -> list[StepExecution]: ...

    async def attempts(self, run_id: str) -> list[StepAttempt]: ...

    async def history(self, run_id: str) -> list[Event]: ...

    async def state(self, run_id: str) -> dict[str, Any]: ...

    async def logs(self, run_id: str) -> list[LogEntry]: ...


class LocalAdapter:
    """The local engine, on a database that has its tables."""

    def __init__(self, url: str, database: Database) -> None:
        self._url = url
        self._database = database
        self._manager = WorkflowManager(database, actor="a test")
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["LocalAdapter"]:
        async with await Database.open(url) as database:
            adapter = cls(url, database)
            try:
                yield adapter
            finally:
                await adapter._leave_nothing()

    async def submit(self, workflow, values=None, *, run_id):
        engine = LocalEngine(self._database, [workflow.code])
        return await engine.submit(
            workflow.code, workflow.check_input(values or {}), execution_id=run_id
        )

    async def work(self, workflow, run_id, *, accept_changes=False):
        async with await Database.open(self._url) as database:  # as each process has its own
            return await self._work(database, workflow, run_id, accept_changes)

    async def run(self, workflow, /, **inputs):
        run_id = await self._submit_new(workflow, inputs)
        return await self._work(self._database, workflow, run_id)

    async def start(self, workflow, /, **inputs):
        run_id = await self._submit_new(workflow, inputs)
        self._tasks[run_id] = asyncio.create_task(self.work(workflow, run_id))
        return run_id

    @asynccontextmanager
    async def workers(self, *workflows, count=1, max_concurrency=64):
        stop = asyncio.Event()
        quick = _QUICK | {"poll_interval_s": 0.05 * count}  # together they look as often as one
        settings = EngineSettings(**quick, max_concurrency=max_concurrency)
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._serve(workflows, settings, stop))
            try:
                yield
            finally:
                stop.set()

    async def cancel(self, run_id):
        return await self._manager.cancel_execution(run_id, "a test says so")

    async def resume(self, run_id):
        return await self._manager.resume_execution(run_id)

    async def wait(self, run_id, *statuses):
        execution = await self.until(
            run_id, lambda found: found.status.ended or found.status in statuses
        )
        if execution.status.ended and (task := self._tasks.pop(run_id, None)) is not None:
            await task
        return await self._ended(run_id)

    async def until(self, run_id, condition):
        async with asyncio.timeout(_PATIENCE_S):
            while not condition(execution := await self.execution(run_id)):
                await self._sleep(run_id)
        return execution

    async def until_step(self, run_id, step_id, status):
        async with asyncio.timeout(_PATIENCE_S):
            while (step_id, status) not in {
                (each.step, each.status) for each in await self.steps(run_id)
            }:
                await self._sleep(run_id)

    async def _sleep(self, run_id):
        task = self._tasks.get(run_id)
        if task is not None and task.done():
            task.result()  # an engine that raised is why nothing happens
        await asyncio.sleep(0.005)

    async def execution(self, run_id):
        return await self._manager.get_execution(run_id)

    async def steps(self, run_id):
        return await self._read(queries.steps_of, run_id)

    async def attempts(self, run_id):
        return await self._read(queries.attempts, run_id)

    async def history(self, run_id):
        return await self._read(queries.history, run_id)

    async def logs(self, run_id):
        return await self._read(queries.get_logs, run_id)

    async def state(self, run_id):
        return (await StateManager(self._database).load_state(run_id)).data

    async def _work(self, database, workflow, run_id, accept_changes=False):
        settings = EngineSettings(**_QUICK)
        engine = LocalEngine(database, [workflow.code], settings, accept_changes=accept_changes)
        async with asyncio.timeout(_PATIENCE_S):
            await engine.run_until(run_id)
        return await self._ended(run_id)

    async def _submit_new(self, workflow, inputs):
        run_id = new_id(workflow.name)
        assert await self.submit(workflow, inputs, run_id=run_id)
        return run_id

    async def _serve(self, workflows, settings, stop):
        async with await Database.open(self._url) as database:
            codes = [workflow.code for workflow in workflows]
            await LocalEngine(database, codes, settings).serve(stop)

    async def _ended(self, run_id):
        results = await self._read(queries.results_of, run_id)
        return Ended(await self.execution(run_id), results, await self.steps(run_id))

    async def _read(self, query, run_id):
        async with self._database.read() as conn:
            return await query(conn, run_id)

    async def _leave_nothing(self):
        """End what the test has left running: the next one has the same database."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        left = await self._manager.list_executions(status=_UNFINISHED, limit=1000)
        for execution in left.executions:
            await self.cancel(execution.id)
