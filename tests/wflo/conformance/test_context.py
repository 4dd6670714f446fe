from flows import context

from wflo.models import ExecutionStatus, StepStatus


async def test_state_is_seen_by_later_steps(engine):
    ended = await engine.run(context.state)
    kept = {"n": [1, None], "more": True}
    assert ended.results == {
        "write": ["kept"],
        "change": {"kept": kept},
        "change_in_a_process": {"kept": kept, "process": 1},
        "read": {"kept": kept, "process": 1},
    }
    assert await engine.state(ended.execution.id) == {"kept": kept, "process": 1}


async def test_state_of_a_failed_attempt_is_lost(engine):
    ended = await engine.run(context.lost_state)
    assert ended.output == []
    assert await engine.state(ended.execution.id) == {"attempt 2": True}


async def test_state_of_parallel_steps_is_all_kept(engine):
    ended = await engine.run(context.many_writers, items=list(range(100)))
    assert ended.output == 100
    assert await engine.state(ended.execution.id) == {f"key {n}": n for n in range(100)}


async def test_each_run_has_its_own_state(engine):
    first = await engine.run(context.many_writers, items=[1])
    second = await engine.run(context.many_writers, items=[2])
    assert await engine.state(first.execution.id) == {"key 1": 1}
    assert await engine.state(second.execution.id) == {"key 2": 2}


async def test_lines_are_kept_of_every_attempt(engine):
    ended = await engine.run(context.saying)
    lines = await engine.logs(ended.execution.id)
    assert [(line.step, line.attempt, line.level, line.message) for line in lines] == [
        ("says", 1, "info", "trying"),
        ("says", 1, "error", "it fails"),
        ("says", 2, "info", "trying"),
        ("says_in_a_process", 1, "debug", "in a process"),
        ("says_in_a_thread", 1, "warning", "in a thread"),
    ]
    assert lines[0].fields == {"attempt": 1, "items": [1, 2]}
    assert lines[1].fields == {"why": "ValueError('odd')"}
    assert [line.created_at for line in lines] == sorted(line.created_at for line in lines)


async def test_costs_are_summed_those_of_failed_attempts_too(engine):
    cost = (await engine.run(context.spending)).execution.cost
    assert cost.micro_usd == 2 * 11 + 1000
    assert cost.lines == 5
    assert (cost.input_tokens, cost.output_tokens) == (200, 11)
    assert str(cost) == "$0.001022"


def spent(execution):
    return execution.cost.micro_usd >= 20


async def test_a_run_stops_when_its_money_is_spent(engine, stage):
    run_id = await engine.start(context.limited)
    await stage.arrived("beside")
    await engine.until(run_id, spent)
    stage.open("beside")
    ended = await engine.wait(run_id)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.execution.error == "it has spent $0.00002, and may spend $0.00002"
    assert stage.calls["too_late"] == 0


async def test_what_runs_when_the_money_is_spent_comes_to_its_end(engine, stage):
    run_id = await engine.start(context.limited)
    await stage.arrived("beside")
    await engine.until(run_id, spent)
    stage.open("beside")
    ended = await engine.wait(run_id)
    assert ended.results == {"cheap": "cheap", "dear": "dear", "beside": "beside"}
    assert ended.statuses["waiting"] is StepStatus.CANCELLED


async def test_a_run_whose_money_is_spent_stays_stopped_when_it_is_resumed(engine, stage):
    stage.open("beside")
    ended = await engine.run(context.limited)
    await engine.resume(ended.execution.id)
    ended = await engine.work(context.limited, ended.execution.id)
    assert ended.status is ExecutionStatus.FAILED
    assert stage.calls["too_late"] == 0


async def test_idempotency_keys_are_those_of_the_iteration_not_of_the_attempt(engine, stage):
    ended = await engine.run(context.keys, items=["a", "b"])
    run_id = ended.execution.id
    assert ended.results["keyed"] == [f"{run_id}/keyed/0", f"{run_id}/keyed/1"]
    assert ended.results["also_keyed"] == f"{run_id}/also_keyed/0"
    assert stage.given["a"] == [f"{run_id}/keyed/0"] * 2
    assert stage.given["b"] == [f"{run_id}/keyed/1"] * 2
