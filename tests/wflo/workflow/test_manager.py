"""Runs from Python."""

import asyncio
import json
import sys

import pytest
from sqlalchemy import select

from wflo import (
    ExecutionStatus,
    Settings,
    Workflow,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowManager,
)
from wflo.db.tables import audit, workflows
from wflo.errors import (
    ExecutionExists,
    ExecutionNotFound,
    InputError,
    NotSupported,
    WorkflowNotFound,
)
from wflo.models import WorkflowStep
from wflo.plan import make_plan

report = Workflow("report")


@report.step()
async def fetch(url: str) -> list[str]:
    return [url, url]


@report.step()
async def count(fetch: list[str]) -> int:
    return len(fetch)


broken = Workflow("broken")
luck = []


@broken.step()
async def fails():
    if not luck:
        raise ValueError("no luck")
    return 7


inner = Workflow("inner")


@inner.step()
async def waits(ctx: WorkflowContext) -> None:
    ctx.log.info("waiting")
    await asyncio.sleep(3600)


outer = Workflow("outer")
outer.workflow("sub", inner)


@pytest.fixture
async def manager(database):
    async with WorkflowManager(database, workflows=[report, broken], actor="ada") as opened:
        yield opened


async def until_running(manager, execution_id):
    async def runs():
        try:
            execution = await manager.get_execution(execution_id)
        except ExecutionNotFound:
            return False
        return execution.status is ExecutionStatus.RUNNING

    async with asyncio.timeout(30):
        while not await runs():  # noqa: ASYNC110 # another process would not tell us either
            await asyncio.sleep(0.01)


async def test_a_workflow_is_run_to_its_end(manager):
    execution = await manager.execute_workflow(report, {"url": "x"}, execution_id="one")
    assert execution.status is ExecutionStatus.COMPLETED
    assert (execution.id, execution.output, execution.input) == ("one", 2, {"url": "x"})
    assert await manager.get_execution("one") == execution


async def test_a_workflow_is_run_by_its_name(manager):
    assert (await manager.execute_workflow("report", {"url": "x"})).output == 2


async def test_a_name_that_the_manager_was_not_given_is_refused(manager):
    with pytest.raises(WorkflowNotFound, match="no workflow 'repotr'; did you mean 'report'"):
        await manager.execute_workflow("repotr")
    with pytest.raises(WorkflowNotFound, match="no workflow 'x'; it has report, broken"):
        await manager.execute_workflow("x")


async def test_without_waiting_a_run_is_only_created(manager):
    execution = await manager.execute_workflow("report", {"url": "x"}, wait=False)
    assert execution.status is ExecutionStatus.PENDING
    again = await manager.execute_workflow("report", {"url": "x"}, execution_id=execution.id)
    assert (again.status, again.id) == (ExecutionStatus.COMPLETED, execution.id)


async def test_several_runs_go_on_at_once(manager):
    found = await asyncio.gather(
        *(manager.execute_workflow(report, {"url": "x"}) for _ in range(5))
    )
    assert [execution.output for execution in found] == [2] * 5


async def test_a_run_that_failed_is_no_error_but_says_so(manager):
    execution = await manager.execute_workflow(broken)
    assert execution.status is ExecutionStatus.FAILED
    assert (execution.failure.kind, execution.failure.message) == ("ValueError", "no luck")


async def test_a_run_that_failed_is_resumed(manager, monkeypatch):
    failed = await manager.execute_workflow(broken, execution_id="b")
    monkeypatch.setattr(sys.modules[__name__], "luck", [1])
    assert (await manager.resume_execution("b")).status is ExecutionStatus.RUNNING
    done = await manager.execute_workflow(broken, execution_id="b")
    assert (failed.status, done.output) == (ExecutionStatus.FAILED, 7)
    assert (await manager.resume_execution("b")).status is ExecutionStatus.COMPLETED


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"values": {"url": 1}}, InputError, "input 'url'"),
        ({"values": {}}, InputError, "input 'url' is missing"),
        ({"values": {"url": "x"}, "execution_id": "a b"}, InputError, "cannot be the id"),
        ({"values": {"url": "x"}, "execution_id": "a\n"}, InputError, "cannot be the id"),
        ({"values": {"url": "y"}, "execution_id": "taken"}, ExecutionExists, "with other input"),
    ],
)
async def test_bad_input_leaves_no_trace(manager, call, error, message):
    await manager.execute_workflow(report, {"url": "x"}, execution_id="taken")
    with pytest.raises(error, match=message):
        await manager.execute_workflow(report, **call)
    assert [each.id for each in (await manager.list_executions()).executions] == ["taken"]


async def test_what_the_engine_cannot_do_is_refused(manager):
    step = WorkflowStep(id="a", approval_required=True)
    definition = WorkflowDefinition(name="gated", steps=(step,))
    stored = await manager.create_workflow(definition)
    assert stored.definition == definition
    gated = Workflow("gated")
    gated._code = report.code.__class__(
        definition=definition, source="x", steps={}, children={}, inputs=inner.inputs
    )
    with pytest.raises(NotSupported, match="step 'a' waits for an approval"):
        await manager.execute_workflow(gated)


async def test_the_same_workflow_is_stored_once(manager, database):
    first = await manager.create_workflow(report)
    again = await manager.create_workflow(report.definition)
    changed = report.definition.model_copy(update={"metadata": {"team": "a"}})
    other = await manager.create_workflow(changed)
    assert first == again
    assert (first.name, first.version, first.digest) == (
        "report",
        "1",
        make_plan(report.definition).digest,
    )
    assert other.digest != first.digest
    async with database.read() as conn:
        assert len((await conn.execute(select(workflows.c.id))).all()) == 2


async def test_runs_are_listed_page_by_page(manager):
    for number in range(3):
        await manager.execute_workflow(report, {"url": "x"}, execution_id=f"r{number}")
    await manager.execute_workflow(broken, execution_id="b")
    first = await manager.list_executions(status=ExecutionStatus.COMPLETED, limit=2)
    rest = await manager.list_executions(
        status=ExecutionStatus.COMPLETED, limit=2, cursor=first.next_cursor
    )
    assert [each.id for each in (*first.executions, *rest.executions)] == ["r2", "r1", "r0"]
    both = await manager.list_executions(status=["failed", "completed"], workflow="broken")
    assert [each.id for each in both.executions] == ["b"]


async def test_pages_have_each_run_once_however_many_come_meanwhile(manager):
    async def submit(name):
        await manager.execute_workflow(report, {"url": "x"}, execution_id=name, wait=False)

    old = [f"r{number}" for number in range(7)]
    for name in old:
        await submit(name)
    seen, cursor = [], None
    while True:
        page = await manager.list_executions(limit=2, cursor=cursor)
        seen += [each.id for each in page.executions]
        if (cursor := page.next_cursor) is None:
            break
        await submit(f"new{len(seen)}")
        await manager.cancel_execution(seen[0])
    assert seen == old[::-1]


@pytest.mark.parametrize("filters", [{"status": "done"}, {"workflow": "a b"}, {"limit": 0}])
async def test_a_filter_that_makes_no_sense_is_refused(manager, filters):
    with pytest.raises(InputError, match=r"status|workflow|1 to 1,000"):
        await manager.list_executions(**filters)


async def test_a_run_and_what_it_started_are_cancelled(manager, database):
    running = asyncio.create_task(manager.execute_workflow(outer, execution_id="out"))
    child = "out/sub/0"
    await until_running(manager, child)
    cancelled = await manager.cancel_execution("out", "enough")
    assert cancelled.status is ExecutionStatus.CANCELLED
    assert (await manager.get_execution(child)).status is ExecutionStatus.CANCELLED
    assert (await running).status is ExecutionStatus.CANCELLED
    async with database.read() as conn:
        entry = (await conn.execute(select(audit).order_by(audit.c.id))).mappings().first()
    assert (entry["actor"], entry["action"], json.loads(entry["detail"])) == (
        "ada",
        "cancel",
        {"reason": "enough"},
    )


async def test_cancelling_what_has_ended_changes_nothing(manager):
    execution = await manager.execute_workflow(report, {"url": "x"})
    assert await manager.cancel_execution(execution.id) == execution


async def test_a_run_that_does_not_exist_is_named(manager):
    for call in (manager.get_execution, manager.cancel_execution, manager.resume_execution):
        with pytest.raises(ExecutionNotFound, match="no execution 'nope'"):
            await call("nope")


@pytest.mark.parametrize("odd", ["", "a\x00", "\udcff", "é", "x" * 300, "one\n"])
async def test_odd_ids_belong_to_no_run(manager, odd):
    for call in (manager.get_execution, manager.cancel_execution, manager.resume_execution):
        with pytest.raises(ExecutionNotFound, match=r"^there is no execution"):
            await call(odd)


async def test_settings_name_a_database_that_is_opened_when_it_is_needed(tmp_path):
    path = tmp_path / "own.db"
    manager = WorkflowManager(Settings(database={"url": f"sqlite:///{path}"}))
    await manager.close()
    assert not path.exists()
    assert (await manager.list_executions()).executions == ()
    await manager.close()
    assert (await manager.list_executions()).executions == ()  # it is opened again
    await manager.close()


async def test_without_settings_they_are_those_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with WorkflowManager():
        assert (tmp_path / ".wflo" / "wflo.db").exists()


async def test_a_database_that_was_given_stays_open(database):
    async with WorkflowManager(database):
        pass
    async with WorkflowManager(database) as manager:
        assert (await manager.list_executions()).executions == ()
