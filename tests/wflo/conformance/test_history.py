import pytest
from flows import attempts, branches, children, context, control, graphs, maps, timers

from wflo.models import ExecutionStatus


def kinds(events):
    return [(event.type, event.step) if event.step else event.type for event in events]


async def test_of_steps_one_after_the_other(engine):
    ended = await engine.run(graphs.linear, n=1)
    events = await engine.history(ended.execution.id)
    assert kinds(events) == [
        "execution.created",
        "execution.started",
        ("step.completed", "fetch"),
        ("step.completed", "double"),
        ("step.completed", "report"),
        "execution.completed",
    ]
    assert events[0].payload == {"workflow": "linear", "version": "1"}
    assert all(event.execution_id == ended.execution.id for event in events)


async def test_of_attempts_that_failed(engine):
    ended = await engine.run(attempts.flaky, failures=9)
    assert kinds(await engine.history(ended.execution.id))[2:] == [
        ("step.retrying", "try_it"),
        ("step.retrying", "try_it"),
        ("step.failed", "try_it"),
        ("step.blocked", "then"),
        "execution.failed",
    ]


async def test_of_steps_that_were_skipped(engine):
    ended = await engine.run(branches.nested, n=0)
    events = await engine.history(ended.execution.id)
    assert kinds(events)[2:] == [
        ("step.completed", "outer"),
        ("step.skipped", "inner"),
        ("step.skipped", "both"),
        ("step.skipped", "one"),
        ("step.skipped", "total"),
        "execution.completed",
    ]


async def test_of_a_wait(engine):
    ended = await engine.run(timers.one_wait)
    events = await engine.history(ended.execution.id)
    assert kinds(events)[3:5] == [("step.waiting", "wait"), ("step.completed", "wait")]


async def test_of_a_parent_and_its_child(engine):
    ended = await engine.run(children.by_name, n=1)
    run_id = ended.execution.id
    events = await engine.history(run_id)
    assert kinds(events)[2:] == [
        ("step.waiting", "doubled"),
        ("step.completed", "doubled"),
        "execution.completed",
    ]
    assert events[2].payload == {"child": f"{run_id}/doubled/0"}
    assert len(await engine.history(f"{run_id}/doubled/0")) == 4


async def test_of_a_run_that_was_cancelled_and_resumed(engine, stage):
    run_id = await engine.start(control.paused)
    await stage.arrived("pausing")
    await engine.cancel(run_id)
    await engine.wait(run_id)
    stage.open("pausing")
    await engine.resume(run_id)
    await engine.work(control.paused, run_id)
    events = await engine.history(run_id)
    assert kinds(events)[2:] == [
        ("step.completed", "before"),
        ("step.cancelled", "pausing"),
        "execution.cancelled",
        "execution.resumed",
        ("step.completed", "pausing"),
        ("step.completed", "after"),
        "execution.completed",
    ]
    assert events[5].payload == {"actor": "a test"}


RUNS = {
    "a map with a failure": (maps.failing, {"items": list(range(20))}),
    "a loop's parent": (children.grandparent, {"items": [1, 2, 3]}),
    "conditions": (branches.choice, {"n": 3}),
    "state": (context.many_writers, {"items": list(range(20))}),
    "a time that is over": (attempts.limited, {}),
}


@pytest.mark.parametrize("name", RUNS)
async def test_is_numbered_without_gaps_and_ends_with_the_run(engine, name):
    workflow, inputs = RUNS[name]
    ended = await engine.run(workflow, **inputs)
    events = await engine.history(ended.execution.id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.created_at for event in events] == sorted(event.created_at for event in events)
    assert events[-1].type == f"execution.{ended.status}"
    assert ended.status in (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED)


async def test_each_iteration_ends_once(engine):
    ended = await engine.run(maps.squares, n=30)
    events = await engine.history(ended.execution.id)
    ends = [(event.step, event.iteration) for event in events if event.type == "step.completed"]
    assert len(ends) == len({*ends}) == 32
