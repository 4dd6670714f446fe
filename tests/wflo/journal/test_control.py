import pytest
from engine_bench import Bench, flow

from wflo.errors import ExecutionNotFound
from wflo.journal import control
from wflo.journal.run import Runs
from wflo.models import WorkflowStep


async def test_there_must_be_such_a_run(database):
    async with database.begin() as conn:
        for action in (
            control.cancel(conn, Runs(), "nobody", reason="", actor="me", now_us=0),
            control.resume(conn, Runs(), "nobody", actor="me", now_us=0),
        ):
            with pytest.raises(ExecutionNotFound, match="there is no execution 'nobody'"):
                await action


async def test_a_run_with_approvals_is_never_begun(database):
    bench = Bench(database)
    with pytest.raises(AssertionError, match="a run with approvals was started"):
        await bench.start(bench.worker(), flow(WorkflowStep(id="one", approval_required=True)))
    assert [event.type for event in await bench.events()] == ["execution.created"]
