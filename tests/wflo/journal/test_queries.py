"""Reading runs: rows as the engine writes them, and what is made of them."""

import json

import pytest
from wflo_rows import (
    START_US,
    add_attempt,
    add_cost,
    add_event,
    add_execution,
    add_log,
    add_step,
    add_workflow,
    definition,
    mapped,
)

from wflo.errors import ExecutionNotFound
from wflo.journal import queries
from wflo.journal.blobs import MAX_INLINE, put_texts
from wflo.journal.rows import to_datetime
from wflo.models import CostSummary, ExecutionStatus, LoopSpec, StepStatus, WorkflowStep
from wflo.models.record import AttemptStatus

LONG = json.dumps("x" * MAX_INLINE)
FAILURE = json.dumps({"step": "parse", "kind": "ValueError", "message": "no"})


async def test_a_run_has_all_that_is_known_of_it(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn)
        await add_execution(conn, "outer", workflow_id)
        await add_execution(
            conn,
            "run",
            workflow_id,
            status="failed",
            input='{"url":"x"}',
            output="[1,2]",
            failure=FAILURE,
            error="step 'parse' failed",
            parent_id="outer",
            started_at_us=START_US + 1,
            ended_at_us=START_US + 2,
        )
        found = await queries.get_execution(conn, "run")
    assert (found.id, found.workflow, found.version) == ("run", "report", "1")
    assert found.status is ExecutionStatus.FAILED
    assert found.input == {"url": "x"}
    assert found.output == [1, 2]
    assert found.failure.message == "no"
    assert found.error == "step 'parse' failed"
    assert found.parent == "outer"
    assert found.cost == CostSummary()
    assert (found.created_at, found.started_at, found.ended_at) == tuple(
        to_datetime(START_US + number) for number in range(3)
    )


async def test_long_inputs_and_outputs_are_found_where_they_are(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn)
        [given, came] = await put_texts(conn, [f'{{"text":{LONG}}}', LONG])
        await add_execution(
            conn, "run", workflow_id, input=None, input_blob=given.blob, output_blob=came.blob
        )
        found = await queries.get_execution(conn, "run")
    assert found.input == {"text": json.loads(LONG)}
    assert found.output == json.loads(LONG)


async def test_the_cost_is_what_was_spent_not_what_was_set_aside(database):
    async with database.begin() as conn:
        await add_execution(conn, "run", await add_workflow(conn))
        for position, kind in enumerate(["charge", "reserve", "settle", "release", "charge"]):
            await add_cost(conn, "run", 10**position, kind, position)
        found = await queries.get_execution(conn, "run")
    assert found.cost == CostSummary(micro_usd=10_101, lines=3, input_tokens=30, output_tokens=6)


@pytest.mark.parametrize(
    "read", [queries.get_execution, queries.get_source, queries.steps_of, queries.results_of]
)
async def test_a_run_that_does_not_exist_is_named_with_the_nearest(database, read):
    async with database.begin() as conn:
        await add_execution(conn, "report-2026", await add_workflow(conn))
        with pytest.raises(
            ExecutionNotFound, match=r"no execution 'report-2025'; did you mean 'report-2026'\?"
        ):
            await read(conn, "report-2025")
        with pytest.raises(ExecutionNotFound, match=r"^there is no execution 'x'$"):
            await read(conn, "x")


async def test_a_workflow_is_as_it_was_stored(database):
    async with database.begin() as conn:
        number = await add_workflow(conn, definition("other", "7"))
        found = await queries.get_workflow(conn, number)
    assert found.definition == definition("other", "7")
    assert (found.name, found.version) == ("other", "7")
    assert found.created_at == to_datetime(START_US)


async def test_the_source_says_where_the_code_is(database):
    async with database.begin() as conn:
        await add_execution(conn, "run", await add_workflow(conn), source="/a/flow.py")
        assert await queries.get_source(conn, "run") == "/a/flow.py"


@pytest.fixture
async def half_done(database):
    """A run whose map failed in one of three iterations, and is tried again in another."""
    async with database.begin() as conn:
        steps = ["fetch", mapped("work", "fetch"), WorkflowStep(id="sum", depends_on=("work",))]
        workflow_id = await add_workflow(conn, definition(steps=steps))
        await add_execution(conn, "run", workflow_id, status="running")
        await add_step(conn, "run", workflow_id, "work", 2, status="running", attempts=2)
        await add_step(
            conn,
            "run",
            workflow_id,
            "work",
            0,
            status="failed",
            failure=FAILURE,
            ended_at_us=START_US + 9,
        )
        await add_step(conn, "run", workflow_id, "work", 1, status="ready", attempts=0)
        await add_step(
            conn,
            "run",
            workflow_id,
            "fetch",
            result="[1,2,3]",
            size=3,
            ended_at_us=START_US + 5,
        )
        await add_attempt(conn, "run", "fetch")
        await add_attempt(conn, "run", "work", 0, status="failed", error="no")
        await add_attempt(conn, "run", "work", 2, 1, status="lost")
        await add_attempt(conn, "run", "work", 2, 2, status="running", ended_at_us=None)
    return database


async def test_steps_are_in_the_order_of_the_definition(half_done):
    async with half_done.read() as conn:
        found = await queries.steps_of(conn, "run")
    assert [(step.step, step.iteration, step.status) for step in found] == [
        ("fetch", 0, StepStatus.COMPLETED),
        ("work", 0, StepStatus.FAILED),
        ("work", 1, StepStatus.READY),
        ("work", 2, StepStatus.RUNNING),
    ]
    assert found[0].result == [1, 2, 3]
    assert found[1].failure.kind == "ValueError"


async def test_who_holds_a_step_is_known_while_it_runs(half_done):
    async with half_done.read() as conn:
        found = await queries.steps_of(conn, "run")
    assert [step.worker for step in found] == [None, None, None, "host|1|2|3"]
    assert found[2].started_at is None
    assert found[3].started_at == to_datetime(START_US + 2_000_000)


async def test_long_results_come_with_the_steps(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn)
        [stored] = await put_texts(conn, [LONG])
        await add_execution(conn, "run", workflow_id)
        await add_step(conn, "run", workflow_id, "fetch", result_blob=stored.blob)
        [found] = await queries.steps_of(conn, "run")
        assert found.result == json.loads(LONG)
        assert await queries.results_of(conn, "run") == {"fetch": json.loads(LONG)}


async def test_counts_have_a_row_for_each_status_of_a_step(half_done):
    async with half_done.read() as conn:
        found = await queries.counts_of(conn, "run")
    assert sorted(found) == [
        ("fetch", "completed", 1, 1, 3, START_US + 1_000_000, START_US + 5),
        ("work", "failed", 1, 1, None, START_US + 1_000_000, START_US + 9),
        ("work", "ready", 1, 0, None, START_US + 1_000_000, None),
        ("work", "running", 1, 2, None, START_US + 1_000_000, None),
    ]


async def test_attempts_are_in_the_order_in_which_they_began(half_done):
    async with half_done.read() as conn:
        found = await queries.attempts(conn, "run")
    assert [(each.step, each.iteration, each.attempt, each.status) for each in found] == [
        ("fetch", 0, 1, AttemptStatus.COMPLETED),
        ("work", 0, 1, AttemptStatus.FAILED),
        ("work", 2, 1, AttemptStatus.LOST),
        ("work", 2, 2, AttemptStatus.RUNNING),
    ]
    assert found[1].error == "no"
    assert found[3].ended_at is None


async def test_only_what_completed_as_a_whole_has_a_result(half_done):
    async with half_done.read() as conn:
        assert await queries.results_of(conn, "run") == {"fetch": [1, 2, 3]}


async def test_the_result_of_a_map_is_in_the_order_of_the_items(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn, definition(steps=[mapped("work", "pages")]))
        await add_execution(conn, "run", workflow_id, input='{"pages":[1,2,3]}')
        for iteration in (2, 0):
            await add_step(conn, "run", workflow_id, "work", iteration, result=f"{iteration}")
        await add_step(conn, "run", workflow_id, "work", 1, status="skipped")
        assert await queries.results_of(conn, "run") == {"work": [0, None, 2]}


async def test_a_map_over_nothing_came_to_nothing(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn, definition(steps=[mapped("work", "pages")]))
        await add_execution(conn, "run", workflow_id, input='{"pages":[]}')
        assert await queries.results_of(conn, "run") == {"work": []}


async def test_the_result_of_a_loop_is_that_of_its_last_iteration(database):
    async with database.begin() as conn:
        loop = WorkflowStep(id="refine", loop=LoopSpec(max_iterations=20))
        workflow_id = await add_workflow(conn, definition(steps=[loop]))
        await add_execution(conn, "run", workflow_id)
        for iteration in range(11):
            await add_step(
                conn,
                "run",
                workflow_id,
                "refine",
                iteration,
                result=f"{iteration}",
                done=iteration == 10,
            )
        assert await queries.results_of(conn, "run") == {"refine": 10}


@pytest.fixture
async def eventful(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn)
        for run in ("run", "other"):
            await add_execution(conn, run, workflow_id)
            await add_event(conn, run, 1, "execution.created", workflow="report")
            await add_event(conn, run, 2, "step.completed", "fetch", 0)
            await add_event(conn, run, 3, "execution.completed")
            await add_log(conn, run, "first", url="x")
            await add_log(conn, run, "second", level="warning")
    return database


async def test_the_history_is_that_of_one_run_in_order(eventful):
    async with eventful.read() as conn:
        found = await queries.history(conn, "run")
    assert [(event.sequence, event.type, event.step) for event in found] == [
        (1, "execution.created", None),
        (2, "step.completed", "fetch"),
        (3, "execution.completed", None),
    ]
    assert found[0].payload == {"workflow": "report"}
    assert found[0].created_at == to_datetime(START_US + 1)


async def test_a_part_of_the_history_can_be_read(eventful):
    async with eventful.read() as conn:
        after = await queries.history(conn, "run", after=1, limit=1)
        some = await queries.history(conn, "run", types=["step.completed", "step.failed"])
    assert [event.sequence for event in after] == [2]
    assert [event.sequence for event in some] == [2]


async def test_logs_go_on_after_a_line(eventful):
    async with eventful.read() as conn:
        first, second = await queries.get_logs(conn, "run")
        rest = await queries.get_logs(conn, "run", after=first.id)
        one = await queries.get_logs(conn, "run", limit=1)
    assert (first.message, first.level, first.fields) == ("first", "info", {"url": "x"})
    assert rest == [second]
    assert one == [first]
