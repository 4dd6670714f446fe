"""How a run ends early."""

import pytest
from simulated_run import SimulatedRun

from wflo.models import ExecutionStatus, MapSpec, StepStatus, StepType, WorkflowStep
from wflo.workflow.actions import Cancel, Finish, Run, Skip
from wflo.workflow.engine import execution_status
from wflo.workflow.view import Stop


def step(step_id, *depends_on, **fields):
    return WorkflowStep(id=step_id, depends_on=depends_on, **fields)


def begun(*steps, inputs=None):
    run = SimulatedRun(*steps, inputs=inputs)
    run.proceed()
    return run


@pytest.mark.parametrize(
    ("stop", "status"),
    [(Stop.CANCELLED, ExecutionStatus.CANCELLED), (Stop.TIMED_OUT, ExecutionStatus.FAILED)],
)
def test_whatever_is_under_way_is_cancelled_and_the_run_ends_at_once(stop, status):
    mapped = step("m", map=MapSpec(over="rows"))
    run = begun(step("a"), step("b", "a"), mapped, inputs={"rows": 3})
    run.record("m", StepStatus.WAITING, 2)
    run.record("m", StepStatus.RUNNING, 0)
    run.complete("m", 1)
    finish = Finish(status, None, stop)
    assert run.stop(stop) == [Cancel("a", 0), Cancel("m", 0), Cancel("m", 2), finish]
    assert run.status("a") is StepStatus.CANCELLED
    assert run.status("m") is StepStatus.CANCELLED
    assert run.status("b") is None
    assert execution_status(run.plan, run.journal) is status


def test_a_run_may_be_cancelled_before_it_began():
    run = SimulatedRun(step("a"))
    assert run.stop(Stop.CANCELLED) == [Finish(ExecutionStatus.CANCELLED, None, Stop.CANCELLED)]
    assert execution_status(run.plan, run.journal) is ExecutionStatus.CANCELLED


def test_a_cancelled_run_is_cancelled_also_if_everything_ended_meanwhile():
    run = begun(step("a"))
    run.journal.stop = Stop.CANCELLED
    assert run.complete("a") == [Finish(ExecutionStatus.CANCELLED, None, Stop.CANCELLED)]


@pytest.mark.parametrize("stop", [Stop.CANCELLED, Stop.TIMED_OUT])
def test_the_first_failed_step_is_named_in_early_ends_too(stop):
    mapped = step("m", map=MapSpec(over="rows"))
    run = begun(step("a"), mapped, step("f"), inputs={"rows": 2})
    run.fail("f")
    run.fail("m", 1)
    assert run.stop(stop)[-1].failed == "m"
    assert run.status("m") is StepStatus.FAILED


def test_a_map_that_was_stopped_half_way_has_failed_if_an_iteration_has():
    mapped = step("m", map=MapSpec(over="rows", concurrency=1))
    run = begun(mapped, inputs={"rows": 3})
    run.fail("m", 0)
    run.stop(Stop.CANCELLED)
    assert run.journal.get("m", 2) is None
    assert run.status("m") is StepStatus.FAILED


OVER = Finish(ExecutionStatus.FAILED, None, Stop.OVER_BUDGET)


def test_over_budget_the_running_steps_end_and_nothing_starts():
    run = begun(step("a"), step("b"), step("c"), step("after", "a"))
    run.record("a", StepStatus.RUNNING)
    run.record("b", StepStatus.WAITING)
    assert run.stop(Stop.OVER_BUDGET) == [Cancel("b", 0), Cancel("c", 0)]
    assert run.complete("a") == [OVER]
    assert run.status("after") is None


def test_over_budget_with_nothing_running_a_run_ends_at_once():
    run = begun(step("a"), step("b", "a"))
    run.journal.stop = Stop.OVER_BUDGET
    assert run.complete("a") == [OVER]


def test_over_budget_a_retry_is_cancelled():
    run = begun(step("a"))
    run.record("a", StepStatus.RUNNING)
    assert run.stop(Stop.OVER_BUDGET) == []
    assert run.record("a", StepStatus.READY) == [Cancel("a", 0), OVER]


def test_over_budget_a_map_starts_no_further_items():
    run = begun(step("m", map=MapSpec(over="rows", concurrency=1)), inputs={"rows": 2})
    run.record("m", StepStatus.RUNNING)
    run.stop(Stop.OVER_BUDGET)
    assert run.complete("m") == [OVER]
    assert run.status("m") is StepStatus.CANCELLED


def test_over_budget_names_the_first_failed_step():
    run = begun(step("a"), step("b"), step("after", "a"))
    run.record("b", StepStatus.RUNNING)
    run.fail("a")
    run.record("b", StepStatus.RUNNING)
    run.stop(Stop.OVER_BUDGET)
    assert run.record("b", StepStatus.READY) == [Cancel("b", 0), OVER._replace(failed="a")]


def test_a_run_that_went_over_its_budget_with_its_last_step_has_completed():
    run = begun(step("a"))
    run.journal.stop = Stop.OVER_BUDGET
    assert run.complete("a") == [Finish(ExecutionStatus.COMPLETED)]
    assert execution_status(run.plan, run.journal) is ExecutionStatus.COMPLETED


def test_over_budget_a_run_of_which_only_skips_are_left_has_completed():
    condition = step("c", type=StepType.CONDITION)
    run = begun(condition, step("a", "c"), step("b", "a"))
    run.journal.stop = Stop.OVER_BUDGET
    finish = Finish(ExecutionStatus.COMPLETED)
    assert run.complete("c", passed=False) == [Skip("a"), Skip("b"), finish]


def test_over_budget_skips_come_only_with_the_natural_end():
    condition = step("c", type=StepType.CONDITION)
    run = begun(condition, step("a", "c"), step("b"))
    run.record("b", StepStatus.RUNNING)
    run.journal.stop = Stop.OVER_BUDGET
    assert run.complete("c", passed=False) == []
    assert run.complete("b") == [Skip("a"), Finish(ExecutionStatus.COMPLETED)]


def test_over_budget_a_run_of_which_something_was_cancelled_has_not_completed():
    run = begun(step("a"), step("b"))
    run.record("a", StepStatus.RUNNING)
    assert run.stop(Stop.OVER_BUDGET) == [Cancel("b", 0)]
    assert run.complete("a") == [OVER]


def test_a_stop_that_is_taken_back_lets_the_run_go_on():
    run = begun(step("a"), step("b", "a"))
    run.record("a", StepStatus.RUNNING)
    run.stop(Stop.OVER_BUDGET)
    run.journal.stop = None
    assert run.complete("a") == [Run("b")]
