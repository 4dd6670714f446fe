from flows import sql

from wflo.models import ExecutionStatus, StepStatus


async def test_what_a_step_writes_is_committed_with_its_result(engine):
    ended = await engine.run(sql.writing)
    assert ended.output == ["attempt 2", "thread 2"]
    assert ended.results["insert_in_a_thread"] == ["attempt 2", "thread 2"]


async def test_what_a_failed_attempt_wrote_is_undone(engine):
    ended = await engine.run(sql.writing)
    assert ended.step("insert").attempts == 2
    assert "attempt 1" not in ended.output
    assert "thread 1" not in ended.output


async def test_state_and_cost_are_committed_with_it(engine):
    ended = await engine.run(sql.writing)
    assert await engine.state(ended.execution.id) == {"inserted": "attempt 2"}
    assert ended.execution.cost.micro_usd == 1


async def test_what_the_database_refuses_fails_the_step(engine):
    ended = await engine.run(sql.refused)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.failure.step == "twice"
    assert ended.execution.failure.kind == "sqlalchemy.exc.IntegrityError"
    assert "UNIQUE" in ended.execution.failure.message.upper()
    assert ended.statuses["prepared"] is StepStatus.COMPLETED


async def test_a_block_that_the_database_refused_leaves_the_others_as_they_are(engine):
    ended = await engine.run(sql.catching)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.output == ["first", "second"]


async def test_steps_that_run_at_once_have_transactions_of_their_own(engine):
    items = [f"item {n}" for n in range(8)]
    ended = await engine.run(sql.beside, items=items)
    assert ended.results["one_row"] == items
    assert ended.output == items


async def test_a_step_in_a_process_has_none(engine):
    ended = await engine.run(sql.impossible)
    assert ended.execution.failure.kind == "wflo.errors.NotSupported"
    assert "the step runs in a process of its own" in ended.execution.failure.message
