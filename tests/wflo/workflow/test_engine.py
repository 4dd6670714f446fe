"""The rules of the scheduler, one by one."""

import pytest
from simulated_run import SimulatedRun, plan_of

from wflo.models import (
    ExecutionStatus,
    LoopSpec,
    MapSpec,
    StepStatus,
    StepType,
    WorkflowStep,
)
from wflo.workflow.actions import Block, Fail, Finish, Gate, Run, Skip, StartChild, Wait
from wflo.workflow.engine import execution_status, next_actions, step_status
from wflo.workflow.view import Entry, Journal

COMPLETED = Finish(ExecutionStatus.COMPLETED)


def step(step_id, *depends_on, **fields):
    return WorkflowStep(id=step_id, depends_on=depends_on, **fields)


def condition(step_id, *depends_on, **fields):
    return step(step_id, *depends_on, type=StepType.CONDITION, **fields)


def timer(step_id, *depends_on, **fields):
    return step(step_id, *depends_on, type=StepType.TIMER, config={"duration_s": 1}, **fields)


def child(step_id, *depends_on, **fields):
    config = {"definition": {"name": "child", "steps": [{"id": "only"}]}}
    return step(step_id, *depends_on, type=StepType.WORKFLOW, config=config, **fields)


def mapped(step_id, over, *depends_on, **options):
    return step(step_id, *depends_on, map=MapSpec(over=over, **options))


def looped(step_id, *depends_on, bound=3, **fields):
    return step(step_id, *depends_on, loop=LoopSpec(max_iterations=bound), **fields)


def failed(step_id):
    return Finish(ExecutionStatus.FAILED, step_id)


def begun(*steps, inputs=None):
    run = SimulatedRun(*steps, inputs=inputs)
    run.proceed()
    return run


# Order.


def test_steps_that_depend_on_nothing_start_in_the_order_of_the_definition():
    run = SimulatedRun(step("b"), step("a"), step("c", "a"))
    assert run.proceed() == [Run("b"), Run("a")]


def test_a_step_starts_when_the_last_of_its_dependencies_ends():
    run = begun(step("a"), step("b"), step("join", "a", "b"))
    assert run.complete("b") == []
    assert run.complete("a") == [Run("join")]


def test_a_run_completes_with_its_last_step():
    run = begun(step("a"), step("b", "a"))
    run.complete("a")
    assert run.complete("b") == [COMPLETED]


def test_a_step_may_be_defined_before_what_it_depends_on():
    run = begun(step("late", "early"), step("early"))
    assert run.complete("early") == [Run("late")]


def test_actions_are_in_the_order_of_the_plan_not_in_that_in_which_they_follow():
    run = begun(step("z", "a"), step("y", "x"), step("a"), condition("x", "a"), step("w", "a"))
    assert run.complete("a") == [Run("z"), Run("x"), Run("w")]


def test_what_ends_comes_before_what_starts():
    run = begun(step("join", "b", "o"), step("c", "b"), step("b", "a"), step("a"), step("o"))
    run.complete("o")
    assert run.record("a", StepStatus.SKIPPED) == [Skip("c"), Skip("b"), Run("join")]


@pytest.mark.parametrize("status", [StepStatus.RUNNING, StepStatus.READY, StepStatus.WAITING])
def test_claims_retries_and_losses_ask_for_nothing(status):
    run = begun(step("a"), step("b", "a"))
    assert run.record("a", status) == []


def test_what_was_not_journalled_is_asked_for_again():
    plan = plan_of(step("a"), step("b"), condition("c"), step("d", "c"), step("e", "d"))
    journal = Journal()
    assert next_actions(plan, journal) == [Run("a"), Run("b"), Run("c")]
    journal.record("a", 0, Entry(StepStatus.READY))
    journal.record("c", 0, Entry(StepStatus.COMPLETED, passed=False))
    following = [Skip("d"), Skip("e"), Run("b")]
    assert next_actions(plan, journal) == following
    journal.record("a", 0, Entry(StepStatus.COMPLETED))
    assert next_actions(plan, journal) == following
    journal.record("e", 0, Entry(StepStatus.SKIPPED))
    assert next_actions(plan, journal) == [Skip("d"), Run("b")]


def test_a_join_is_asked_for_again_while_a_skip_before_it_is_not_journalled():
    plan = plan_of(step("a"), condition("c"), step("d", "c"), step("join", "a", "d"))
    journal = Journal()
    journal.record("a", 0, Entry(StepStatus.COMPLETED))
    assert next_actions(plan, journal) == [Run("c")]
    journal.record("c", 0, Entry(StepStatus.COMPLETED, passed=False))
    assert next_actions(plan, journal) == [Skip("d"), Run("join")]
    assert next_actions(plan, journal) == [Skip("d"), Run("join")]


def test_a_journal_may_be_asked_about_another_plan():
    journal = Journal()
    assert next_actions(plan_of(step("a")), journal) == [Run("a")]
    assert next_actions(plan_of(step("b")), journal) == [Run("b")]


def test_a_step_that_begins_again_after_its_end_takes_what_followed_with_it():
    run = begun(step("a"), step("b", "a"))
    run.fail("a")
    assert run.finish == failed("a")
    run.journal.record("a", 0, Entry(StepStatus.READY))
    del run.journal.entries["b"]
    run = resumed(run)
    assert run.status("b") is None
    assert run.complete("a") == [Run("b")]


def resumed(run):
    """The run from its rows, as after some of them were taken back."""
    again = SimulatedRun(*(planned.definition for planned in run.plan.steps.values()))
    again.journal = run.rows()
    return again


def test_an_end_that_is_taken_back_in_the_same_journal_is_forgotten():
    plan = plan_of(step("a"), step("b", "a"))
    journal = Journal()
    journal.record("a", 0, Entry(StepStatus.COMPLETED))
    assert next_actions(plan, journal) == [Run("b")]
    journal.record("a", 0, Entry(StepStatus.READY))
    assert next_actions(plan, journal) == []
    assert step_status(plan, journal, "a") is StepStatus.READY


def test_entries_of_steps_that_the_plan_has_not_are_ignored():
    journal = Journal()
    journal.record("gone", 0, Entry(StepStatus.RUNNING))
    assert next_actions(plan_of(step("a")), journal) == [Run("a")]


# Kinds of steps.


@pytest.mark.parametrize(
    "kind",
    [StepType.AGENT, StepType.TOOL, StepType.CONDITION, StepType.PARALLEL, StepType.SCRIPT],
)
def test_steps_of_code_are_run(kind):
    assert SimulatedRun(step("a", type=kind)).proceed() == [Run("a")]


def test_a_timer_waits():
    run = SimulatedRun(timer("t"), step("a", "t"))
    assert run.proceed() == [Wait("t")]
    assert run.complete("t") == [Run("a")]


def test_a_sub_workflow_is_started():
    run = SimulatedRun(child("c"), step("a", "c"))
    assert run.proceed() == [StartChild("c")]
    assert run.complete("c") == [Run("a")]


def test_an_approval_is_a_gate_that_ends_with_the_decision():
    run = SimulatedRun(step("ok", type=StepType.APPROVAL, approval_required=True), step("a", "ok"))
    assert run.proceed() == [Gate("ok")]
    assert run.complete("ok") == [Run("a")]


@pytest.mark.parametrize("make", [step, timer, child])
def test_a_step_that_requires_approval_starts_with_one_gate_and_then_without_the_scheduler(make):
    run = SimulatedRun(make("a", approval_required=True), step("b", "a"))
    assert run.proceed() == [Gate("a")]
    assert run.record("a", StepStatus.READY) == []
    assert run.record("a", StepStatus.RUNNING) == []
    assert run.record("a", StepStatus.WAITING) == []
    assert run.complete("a") == [Run("b")]


def test_a_rejected_step_has_failed():
    run = begun(step("a", approval_required=True), step("b", "a"))
    assert run.fail("a") == [Block("b", "a"), failed("a")]


def test_the_gate_comes_when_the_dependencies_have_ended():
    run = begun(step("a"), step("b", "a", approval_required=True))
    assert run.complete("a") == [Gate("b")]


# Conditions and skips.


def test_what_depends_on_a_condition_that_is_true_runs():
    run = begun(condition("c"), step("a", "c"))
    assert run.complete("c", passed=True) == [Run("a")]


def test_what_depends_on_a_condition_that_is_false_is_skipped_to_the_end_in_one_call():
    run = begun(condition("c"), step("a", "c"), step("b", "a"), step("d", "b"))
    assert run.complete("c", passed=False) == [Skip("a"), Skip("b"), Skip("d"), COMPLETED]


def test_a_false_condition_skips_a_step_that_depends_on_others_too():
    run = begun(condition("c"), step("a"), step("b", "a", "c"))
    assert run.complete("c", passed=False) == []
    assert run.complete("a") == [Skip("b"), COMPLETED]


def test_a_condition_that_was_skipped_skips_what_depends_on_it():
    run = begun(condition("c"), condition("d", "c"), step("a"), step("b", "a", "d"))
    assert run.complete("c", passed=False) == [Skip("d")]
    assert run.complete("a") == [Skip("b"), COMPLETED]


def test_a_step_runs_if_any_of_its_dependencies_was_not_skipped():
    run = begun(step("a", conditional=True), step("b"), step("join", "a", "b"))
    assert run.record("a", StepStatus.SKIPPED) == []
    assert run.complete("b") == [Run("join")]


def test_a_step_all_of_whose_dependencies_were_skipped_is_skipped():
    run = begun(step("a"), step("b"), step("join", "a", "b"))
    run.record("a", StepStatus.SKIPPED)
    assert run.record("b", StepStatus.SKIPPED) == [Skip("join"), COMPLETED]


def test_a_run_all_of_whose_steps_were_skipped_has_completed():
    assert begun(step("a")).record("a", StepStatus.SKIPPED) == [COMPLETED]


@pytest.mark.parametrize(
    ("passed", "actions"), [(True, [Run("a")]), (False, [Skip("a"), COMPLETED])]
)
def test_of_a_condition_in_a_loop_the_last_iteration_counts(passed, actions):
    run = begun(looped("c", type=StepType.CONDITION), step("a", "c"))
    assert run.complete("c", passed=not passed, done=False) == [Run("c", 1)]
    assert run.complete("c", 1, passed=passed) == actions


@pytest.mark.parametrize(
    ("passed", "actions"), [(True, [Run("a")]), (False, [Skip("a"), COMPLETED])]
)
def test_a_mapped_condition_is_true_if_no_item_makes_it_false(passed, actions):
    run = begun(condition("c", map=MapSpec(over="rows")), step("a", "c"), inputs={"rows": 2})
    run.complete("c", 0, passed=passed)
    assert run.complete("c", 1, passed=True) == actions


def test_a_mapped_condition_over_no_items_is_true():
    run = SimulatedRun(condition("c", map=MapSpec(over="rows")), step("a", "c"), inputs={"rows": 0})
    assert run.proceed() == [Run("a")]


# Failures.


def test_what_depends_on_a_failed_step_is_blocked_to_the_end_in_one_call():
    run = begun(step("a"), step("b", "a"), step("c", "b"))
    assert run.fail("a") == [Block("b", "a"), Block("c", "a"), failed("a")]


def test_independent_branches_go_on_after_a_failure():
    run = begun(step("a"), step("b"), step("after_a", "a"), step("after_b", "b"))
    assert run.fail("a") == [Block("after_a", "a")]
    assert run.complete("b") == [Run("after_b")]
    assert run.complete("after_b") == [failed("a")]


def test_a_step_is_blocked_only_when_all_it_depends_on_has_ended():
    run = begun(step("a"), step("b"), step("join", "a", "b"))
    assert run.fail("a") == []
    assert run.complete("b") == [Block("join", "a"), failed("a")]


def test_the_cause_is_the_first_failed_dependency_in_the_order_of_the_definition():
    run = begun(step("a"), step("b"), step("join", "b", "a"))
    run.fail("b")
    assert run.fail("a") == [Block("join", "a"), failed("a")]


def test_the_failed_step_of_a_run_is_the_first_in_the_plan_not_in_time():
    run = begun(step("a"), step("b"))
    run.fail("b")
    assert run.fail("a") == [failed("a")]


def test_a_failure_outweighs_a_false_condition():
    run = begun(condition("c"), step("a"), step("b", "c", "a"))
    run.complete("c", passed=False)
    assert run.fail("a") == [Block("b", "a"), failed("a")]


def test_the_cause_is_found_through_blocked_steps_that_were_read_from_rows():
    run = begun(step("a"), step("b", "a"), step("c", "b"), step("d"), step("e", "c", "d"))
    run.fail("a")
    assert resumed(run).complete("d") == [Block("e", "a"), failed("a")]


def test_a_blocked_step_without_a_failed_one_blocks_all_the_same():
    run = begun(step("a"), step("b", "a"), step("c", "b"), step("d"), step("e", "c", "d"))
    run.fail("a")
    run.journal.record("a", 0, Entry(StepStatus.READY))
    again = resumed(run)
    assert again.complete("d") == [Block("e", "b")]
    assert again.complete("a") == [Finish(ExecutionStatus.FAILED)]


def test_a_step_that_was_cancelled_by_itself_blocks_like_a_failed_one():
    run = begun(child("c"), step("a", "c"))
    assert run.record("c", StepStatus.CANCELLED) == [Block("a", "c"), failed("c")]


# Maps.


def test_a_map_has_an_iteration_for_each_item_of_an_input():
    run = SimulatedRun(mapped("m", "rows"), inputs={"rows": 3})
    assert run.proceed() == [Run("m", 0), Run("m", 1), Run("m", 2)]


def test_a_map_depends_on_the_step_that_it_goes_over():
    run = begun(step("a"), mapped("m", "a"))
    assert run.complete("a", size=2) == [Run("m", 0), Run("m", 1)]


def test_a_step_after_a_map_starts_when_every_iteration_has_ended():
    run = begun(mapped("m", "rows"), step("a", "m"), inputs={"rows": 2})
    assert run.complete("m", 1) == []
    assert run.complete("m", 0) == [Run("a")]


def test_a_map_over_a_map_has_as_many_iterations():
    run = begun(mapped("m", "rows"), mapped("n", "m"), inputs={"rows": 2})
    run.complete("m", 0)
    assert run.complete("m", 1, size=7) == [Run("n", 0), Run("n", 1)]


def test_a_map_over_a_loop_goes_over_the_last_result():
    run = begun(looped("l"), mapped("m", "l"))
    run.complete("l", 0, size=5, done=False)
    assert run.complete("l", 1, size=1) == [Run("m", 0)]


def test_a_map_over_a_loop_that_was_skipped_in_the_end_goes_over_the_last_result_there_is():
    run = begun(looped("l"), mapped("m", "l"))
    run.complete("l", 0, size=2, done=False)
    assert run.record("l", StepStatus.SKIPPED, 1) == [Run("m", 0), Run("m", 1)]


def test_a_map_over_nothing_completes_in_the_call_in_which_it_could_start():
    run = begun(step("a"), mapped("m", "a"), mapped("n", "m"), step("b", "n"))
    assert run.complete("a", size=0) == [Run("b")]
    assert run.status("m") is StepStatus.COMPLETED
    assert run.journal.get("m") is None


def test_a_map_over_nothing_at_the_end_ends_the_run():
    run = SimulatedRun(mapped("m", "rows"), inputs={"rows": 0})
    assert run.proceed() == [COMPLETED]


def test_a_map_over_nothing_asks_for_no_decision():
    spec = MapSpec(over="rows")
    run = SimulatedRun(step("m", map=spec, approval_required=True), inputs={"rows": 0})
    assert run.proceed() == [COMPLETED]


def test_a_map_over_what_is_no_list_fails_without_running():
    run = begun(step("a"), mapped("m", "a"), step("b", "m"))
    reason = "step 'm' maps over the result of step 'a', which is no list"
    fail = Fail("m", reason, "wflo.errors.StepInputError")
    assert run.complete("a") == [fail, Block("b", "m"), failed("m")]


def test_a_map_over_an_input_that_is_no_list_fails():
    reason = "step 'm' maps over the input 'rows', which is no list"
    fail = Fail("m", reason, "wflo.errors.StepInputError")
    assert SimulatedRun(mapped("m", "rows")).proceed() == [fail, failed("m")]


def test_a_map_of_more_items_than_it_may_have_fails_with_both_numbers():
    run = SimulatedRun(mapped("m", "rows", max_items=3), inputs={"rows": 4})
    reason = "step 'm' maps over the input 'rows', which has 4 items; it may have 3 (max_items)"
    assert run.proceed() == [Fail("m", reason, "wflo.errors.MapTooLarge"), failed("m")]


def test_a_map_of_exactly_as_many_items_as_it_may_have_runs():
    run = SimulatedRun(mapped("m", "rows", max_items=2), inputs={"rows": 2})
    assert run.proceed() == [Run("m", 0), Run("m", 1)]


def test_a_map_over_what_was_skipped_is_skipped():
    run = begun(step("a"), step("b"), mapped("m", "a", "b"))
    run.complete("b")
    assert run.record("a", StepStatus.SKIPPED) == [Skip("m"), COMPLETED]
    assert run.status("m") is StepStatus.SKIPPED


def test_a_failed_iteration_fails_the_map_when_the_others_have_ended():
    run = begun(mapped("m", "rows", concurrency=1), step("a", "m"), inputs={"rows": 2})
    assert run.fail("m", 0) == [Run("m", 1)]
    assert run.complete("m", 1) == [Block("a", "m"), failed("m")]


def test_the_concurrency_of_a_map_bounds_what_is_under_way():
    run = SimulatedRun(mapped("m", "rows", concurrency=2), inputs={"rows": 5})
    assert run.proceed() == [Run("m", 0), Run("m", 1)]
    assert run.record("m", StepStatus.RUNNING, 1) == []
    assert run.complete("m", 1) == [Run("m", 2)]
    assert run.complete("m", 0) == [Run("m", 3)]


def test_iterations_that_are_missing_in_the_middle_are_begun_first():
    entries = {"m": {0: Entry(StepStatus.COMPLETED), 2: Entry(StepStatus.COMPLETED)}}
    plan = plan_of(mapped("m", "rows", concurrency=2))
    journal = Journal(entries, {"rows": 5})
    assert next_actions(plan, journal) == [Run("m", 1), Run("m", 3)]


def test_the_first_iteration_of_a_map_may_be_skipped_and_the_others_still_run():
    run = begun(mapped("m", "rows", concurrency=1), inputs={"rows": 2})
    assert run.record("m", StepStatus.SKIPPED, 0) == [Run("m", 1)]
    assert run.complete("m", 1) == [COMPLETED]
    assert run.status("m") is StepStatus.COMPLETED


def test_a_map_all_of_whose_iterations_were_skipped_was_skipped():
    run = begun(mapped("m", "rows"), step("a", "m"), inputs={"rows": 2})
    run.record("m", StepStatus.SKIPPED, 0)
    assert run.record("m", StepStatus.SKIPPED, 1) == [Skip("a"), COMPLETED]
    assert run.status("m") is StepStatus.SKIPPED


@pytest.mark.parametrize(("make", "start"), [(timer, Wait), (child, StartChild)])
def test_timers_and_sub_workflows_may_be_mapped(make, start):
    run = SimulatedRun(make("m", map=MapSpec(over="rows")), inputs={"rows": 2})
    assert run.proceed() == [start("m", 0), start("m", 1)]


def test_approvals_may_be_mapped():
    approval = step("m", type=StepType.APPROVAL, map=MapSpec(over="rows", concurrency=1))
    run = SimulatedRun(approval, inputs={"rows": 2})
    assert run.proceed() == [Gate("m", 0)]
    assert run.complete("m", 0) == [Gate("m", 1)]


@pytest.mark.parametrize(("make", "start"), [(step, Run), (timer, Wait), (child, StartChild)])
def test_a_map_has_one_gate_for_all_of_its_iterations(make, start):
    spec = MapSpec(over="rows", concurrency=2)
    run = SimulatedRun(make("m", map=spec, approval_required=True), inputs={"rows": 3})
    assert run.proceed() == [Gate("m")]
    assert run.proceed() == []
    assert run.record("m", StepStatus.READY) == [start("m", 1)]
    assert run.record("m", StepStatus.WAITING) == []
    assert run.complete("m", 1) == [start("m", 2)]


# Loops.


def test_a_loop_goes_on_while_it_is_not_done():
    run = begun(looped("l"), step("a", "l"))
    assert run.complete("l", 0, done=False) == [Run("l", 1)]
    assert run.complete("l", 1) == [Run("a")]


def test_a_failed_iteration_ends_the_loop():
    run = begun(looped("l"))
    run.complete("l", 0, done=False)
    assert run.fail("l", 1) == [failed("l")]


def test_a_loop_that_is_not_done_at_its_bound_has_failed_without_any_action():
    run = begun(looped("l", bound=2), step("a", "l"))
    run.complete("l", 0, done=False)
    assert run.complete("l", 1, done=False) == [Block("a", "l"), failed("l")]
    assert run.status("l") is StepStatus.FAILED


def test_a_loop_that_is_done_at_its_bound_has_completed():
    run = begun(looped("l", bound=2))
    run.complete("l", 0, done=False)
    assert run.complete("l", 1) == [COMPLETED]


def test_a_loop_whose_first_iteration_is_skipped_was_skipped():
    run = begun(looped("l"), step("a", "l"))
    assert run.record("l", StepStatus.SKIPPED) == [Skip("a"), COMPLETED]


def test_a_later_iteration_that_is_skipped_ends_the_loop_as_it_is():
    run = begun(looped("l"), step("a", "l"))
    run.complete("l", 0, done=False)
    assert run.record("l", StepStatus.SKIPPED, 1) == [Run("a")]
    assert run.status("l") is StepStatus.COMPLETED


def test_a_loop_has_one_gate_before_its_first_iteration():
    run = SimulatedRun(looped("l", approval_required=True))
    assert run.proceed() == [Gate("l")]
    assert run.record("l", StepStatus.READY) == []
    assert run.complete("l", 0, done=False) == [Run("l", 1)]


def test_a_sub_workflow_in_a_loop_is_started_again():
    run = SimulatedRun(child("c", loop=LoopSpec(max_iterations=2)))
    assert run.proceed() == [StartChild("c", 0)]
    assert run.complete("c", 0, done=False) == [StartChild("c", 1)]


def test_a_loop_without_its_first_entry_begins_with_it():
    journal = Journal({"l": {1: Entry(StepStatus.COMPLETED)}})
    assert next_actions(plan_of(looped("l")), journal) == [Run("l", 0)]


# A journal that no engine would write is not made worse.


def test_a_step_that_began_before_its_dependencies_ended_is_left_alone():
    entries = {"a": {0: Entry(StepStatus.READY)}, "m": {0: Entry(StepStatus.COMPLETED)}}
    plan = plan_of(step("a"), mapped("m", "a"))
    assert next_actions(plan, Journal(entries)) == []


def test_a_step_that_runs_although_it_was_to_be_skipped_is_left_to_its_end():
    plan = plan_of(condition("c"), step("o"), mapped("m", "o", "c"))
    journal = Journal()
    journal.record("c", 0, Entry(StepStatus.COMPLETED, passed=False))
    journal.record("o", 0, Entry(StepStatus.COMPLETED, size=2))
    journal.record("m", 0, Entry(StepStatus.RUNNING))
    assert next_actions(plan, journal) == []
    journal.record("m", 0, Entry(StepStatus.COMPLETED))
    assert next_actions(plan, journal) == [COMPLETED]


# The status of a run, and of a step.


def test_a_run_of_which_nothing_is_journalled_is_pending():
    assert execution_status(plan_of(step("a")), Journal()) is ExecutionStatus.PENDING


def test_a_run_is_running_while_a_worker_holds_or_may_claim_any_of_it():
    run = begun(step("a"), timer("t"))
    assert execution_status(run.plan, run.journal) is ExecutionStatus.RUNNING
    run.record("a", StepStatus.RUNNING)
    assert execution_status(run.plan, run.journal) is ExecutionStatus.RUNNING
    run.complete("a")
    assert execution_status(run.plan, run.journal) is ExecutionStatus.WAITING


def test_a_run_is_running_between_two_steps():
    journal = Journal({"a": {0: Entry(StepStatus.COMPLETED)}})
    plan = plan_of(step("a"), step("b", "a"))
    assert execution_status(plan, journal) is ExecutionStatus.RUNNING


def test_a_run_that_ended_has_the_status_of_its_end():
    run = begun(step("a"), step("b", "a"))
    run.fail("a")
    assert execution_status(run.plan, run.journal) is ExecutionStatus.FAILED


def test_a_run_of_no_items_is_completed_with_an_empty_journal():
    journal = Journal(input_sizes={"rows": 0})
    assert execution_status(plan_of(mapped("m", "rows")), journal) is ExecutionStatus.COMPLETED


def test_a_step_that_was_not_begun_has_no_status():
    run = begun(step("a"), step("b", "a"))
    assert run.status("b") is None


def test_the_status_of_a_map_is_that_of_its_busiest_iteration():
    run = begun(mapped("m", "rows"), inputs={"rows": 3})
    run.record("m", StepStatus.WAITING, 0)
    assert run.status("m") is StepStatus.READY
    run.record("m", StepStatus.RUNNING, 1)
    assert run.status("m") is StepStatus.RUNNING
    run.fail("m", 1)
    run.complete("m", 2)
    assert run.status("m") is StepStatus.WAITING
    run.complete("m", 0)
    assert run.status("m") is StepStatus.FAILED


def test_a_loop_between_two_iterations_is_ready():
    journal = Journal({"l": {0: Entry(StepStatus.COMPLETED, done=False)}})
    assert step_status(plan_of(looped("l")), journal, "l") is StepStatus.READY


def test_the_status_of_an_unknown_step_is_a_key_error():
    with pytest.raises(KeyError, match="gone"):
        step_status(plan_of(step("a")), Journal(), "gone")
