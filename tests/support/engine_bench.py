"""Workers that claim and commit on one database, with no code that runs."""

from wflo.journal import queries, timers
from wflo.journal.claims import Scope
from wflo.journal.leases import lost
from wflo.journal.outcome import Outcome
from wflo.journal.outcomes import Ending
from wflo.journal.submit import add_workflow, submit
from wflo.models import StepFailure, StepStatus, WorkflowDefinition, WorkflowStep
from wflo.plan import canonical_json, make_plan
from wflo.runtime.local.committer import Committer
from wflo.workflow.manager import WorkflowManager
from wflo.workflow.state import StateManager

RUN = "run-1"
FAILURE = StepFailure(step="one", kind="ValueError", kinds=("ValueError",), message="bad")


def flow(*steps, name="flow", **policies):
    """A workflow of these steps; a text is the id of one that depends on nothing."""
    return WorkflowDefinition(
        name=name,
        steps=[WorkflowStep(id=step) if isinstance(step, str) else step for step in steps],
        policies=policies,
    )


def ended(lease, status=StepStatus.COMPLETED, **outcome):
    """How an attempt ended."""
    if status is StepStatus.COMPLETED:
        outcome = {"result": '"done"'} | outcome
    if status in (StepStatus.FAILED, StepStatus.READY):
        outcome = {"failure": FAILURE} | outcome
    return Ending(lease, Outcome(status=status, **outcome))


class Bench:
    """A database, and what happens on it."""

    def __init__(self, database):
        self.database = database
        self.manager = WorkflowManager(database, actor="a test")
        self._workflow_ids = set()

    def worker(self, owner="a", *, lease_s=30.0, patience_s=0.0):
        """A process that can run everything that was submitted before."""
        lease_us = round(lease_s * 1e6)
        made = Committer(self.database, owner, lease_us=lease_us, patience_s=patience_s)
        made.scope = Scope(self._workflow_ids)
        return made

    async def submit(self, definition, values=None, *, run_id=RUN):
        """Create a run."""
        plan = make_plan(definition)
        async with self.database.begin() as conn:
            stored = await add_workflow(conn, plan, self.database.now_us())
            self._workflow_ids.add(stored.workflow_id)
            await submit(
                conn,
                plan,
                execution_id=run_id,
                source="flow.py",
                input_text=canonical_json(values or {}),
                now_us=self.database.now_us(),
            )

    async def due(self):
        """The timers whose time has come."""
        async with self.database.read() as conn:
            return await timers.due(conn, None, self.database.now_us())

    async def start(self, worker, definition, *, room=100):
        """Submit a run and begin it: the leases on its first steps, by their ids."""
        await self.submit(definition)
        written = await worker.fire(await self.due(), room)
        return {lease.step: lease for lease in written.claimed}

    async def lost(self, *dead):
        """What seems to be held by workers that are gone."""
        async with self.database.read() as conn:
            return await lost(conn, dead, self.database.now_us(), room=100)

    async def run(self):
        """The run, as it is listed."""
        return await self.manager.get_execution(RUN)

    async def step(self, step_id="one", iteration=0):
        """A step of the run."""
        return {(each.step, each.iteration): each for each in await self._read(queries.steps_of)}[
            step_id, iteration
        ]

    async def state(self):
        """What the run's steps share."""
        return (await StateManager(self.database).load_state(RUN)).data

    async def attempts(self):
        """How the attempts ended."""
        return [(each.step, str(each.status)) for each in await self._read(queries.attempts)]

    async def events(self):
        """The entries of the run's journal."""
        return await self._read(queries.history)

    async def _read(self, query):
        async with self.database.read() as conn:
            return await query(conn, RUN)
