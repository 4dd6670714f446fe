import os
import threading

import pytest
from flows import isolated

from wflo.errors import DefinitionError
from wflo.models import ExecutionStatus
from wflo.sdk.workflow import Workflow


async def test_async_steps_run_on_the_loop_and_plain_ones_in_threads(engine):
    ended = await engine.run(isolated.places, items=[])
    here = {"process": os.getpid(), "thread": threading.get_ident()}
    assert ended.results["on_the_loop"] == here
    assert ended.results["in_a_thread"]["process"] == os.getpid()
    assert ended.results["in_a_thread"]["thread"] != here["thread"]
    assert isolated.LEFT.count(ended.execution.id) == 2


async def test_steps_in_processes_leave_nothing_in_ours(engine):
    ended = await engine.run(isolated.places, items=[1, 2])
    first, second = ended.results["in_processes"]
    assert len({first["process"], second["process"], os.getpid()}) == 3
    assert first["left"] == second["left"] == 1
    assert "in a process" not in isolated.LEFT


async def test_steps_in_processes_say_and_get_as_others_do(engine, stage):
    ended = await engine.run(isolated.everything, n=7)
    assert ended.output == {"n": 7, "attempt": 1, "inputs": {"n": 7}}
    assert stage.calls["async_too"] == 0
    assert [line.message for line in await engine.logs(ended.execution.id)] == ["here"]
    assert ended.execution.cost.micro_usd == 1
    assert await engine.state(ended.execution.id) == {"n": 7}


async def test_what_they_print_is_seen(engine, capfd):
    await engine.run(isolated.printing)
    out, err = capfd.readouterr()
    assert out == ""
    assert {"to stdout", "to stderr"} <= {*err.splitlines()}


async def test_a_process_that_dies_fails_its_step_alone(engine):
    ended = await engine.run(isolated.dying)
    assert ended.status is ExecutionStatus.FAILED
    failure = ended.step("exits").failure
    assert failure.kind == "wflo.errors.StepProcessDied"
    assert "ended with exit code 3" in failure.message
    assert "was killed by SIGKILL" in ended.step("is_killed").failure.message
    assert ended.results == {"dies_once": 2, "goes_on": "here"}


async def test_what_is_raised_comes_with_its_traceback(engine):
    ended = await engine.run(isolated.raising)
    failure = ended.step("raises").failure
    assert (failure.kind, failure.message) == ("LookupError", "in a process")
    assert failure.kinds == ("LookupError", "Exception")
    assert 'raise LookupError("in a process")' in failure.traceback
    assert "wflo/runtime" not in failure.traceback


async def test_a_result_that_is_no_json_does_not_cross(engine):
    ended = await engine.run(isolated.raising)
    assert ended.step("no_json").failure.kind == "wflo.errors.StepResultError"


async def test_an_exit_in_a_thread_is_a_failure(engine):
    ended = await engine.run(isolated.raising)
    failure = ended.step("leaves").failure
    assert (failure.kind, failure.message) == ("SystemExit", "gone")


async def test_a_script_gets_values_and_gives_its_own(engine):
    ended = await engine.run(isolated.scripts)
    assert ended.output == f"3 epochs at 0.5: {0.5 / 3}"


async def test_a_script_runs_for_each_item(engine):
    ended = await engine.run(isolated.many_scripts, rates=[1, 2])
    assert [each["lr"] for each in ended.output] == [1, 2]


async def test_what_a_script_raises_is_the_failure_of_the_step(engine):
    ended = await engine.run(isolated.failing_script)
    failure = ended.execution.failure
    assert (failure.kind, failure.message) == ("ValueError", "no training with 0.1")
    assert "train.py" in failure.traceback


def test_a_script_that_is_not_there_is_refused():
    wf = Workflow("w")
    wf.script("train", "flows/scripts/trian.py")
    with pytest.raises(DefinitionError, match=r"no file flows/scripts/trian.py"):
        _ = wf.definition
