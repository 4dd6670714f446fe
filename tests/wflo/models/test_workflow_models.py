"""What a workflow may be, and with which words anything else is refused."""

import json
import re

import pytest
from pydantic import ValidationError

from wflo.models import (
    CodeRef,
    LoopSpec,
    MapSpec,
    RetryPolicy,
    StepType,
    WorkflowDefinition,
    WorkflowPolicies,
    WorkflowStep,
)
from wflo.models.workflow import find_cycle


def step(step_id, *depends_on, **fields):
    return WorkflowStep(id=step_id, depends_on=depends_on, **fields)


def workflow(*steps, **fields):
    return WorkflowDefinition(name="w", steps=steps, **fields)


# Names.


@pytest.mark.parametrize("step_id", ["a", "_", "A1_b", "x" * 100])
def test_a_step_is_named_like_a_parameter(step_id):
    assert step(step_id).id == step_id


@pytest.mark.parametrize("step_id", ["", "1a", "a-b", "a.b", "é", "x" * 101, "a\n", "a b"])
def test_other_ids_of_steps_are_refused(step_id):
    with pytest.raises(ValidationError, match="id\n  String should match pattern"):
        step(step_id)


@pytest.mark.parametrize("name", ["", ".a", "-a", "a b", "a/b", "x" * 101, "a\n"])
def test_odd_names_of_workflows_are_refused(name):
    with pytest.raises(ValidationError, match="name\n  String should match pattern"):
        WorkflowDefinition(name=name, steps=[step("a")])


@pytest.mark.parametrize("version", ["", "v" * 101])
def test_a_version_is_neither_empty_nor_endless(version):
    with pytest.raises(ValidationError, match="version\n  String should have at"):
        workflow(step("a"), version=version)


def test_a_type_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValidationError, match="'agent', 'tool', 'approval', 'condition'"):
        step("a", type="aget")


def test_a_field_that_does_not_exist_is_refused_by_its_name():
    with pytest.raises(ValidationError, match="retries\n  Extra inputs are not permitted"):
        step("a", retries=3)


def test_models_do_not_change():
    with pytest.raises(ValidationError, match="Instance is frozen"):
        step("a").id = "b"


# Ranges.


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (RetryPolicy, {"max_attempts": 0}),
        (RetryPolicy, {"max_attempts": 10_001}),
        (RetryPolicy, {"initial_delay_s": -1}),
        (RetryPolicy, {"initial_delay_s": float("nan")}),
        (RetryPolicy, {"multiplier": 0.5}),
        (RetryPolicy, {"max_delay_s": float("inf")}),
        (RetryPolicy, {"jitter": 1.1}),
        (RetryPolicy, {"max_worker_losses": 0}),
        (WorkflowPolicies, {"max_cost_micro_usd": -1}),
        (WorkflowPolicies, {"max_cost_micro_usd": 2**63}),
        (WorkflowPolicies, {"timeout_seconds": 0}),
        (WorkflowPolicies, {"timeout_seconds": float("inf")}),
        (LoopSpec, {"max_iterations": 0}),
        (LoopSpec, {"max_iterations": 100_001}),
        (MapSpec, {"over": "a", "max_items": 0}),
        (MapSpec, {"over": "a", "max_items": 100_001}),
        (MapSpec, {"over": "a", "concurrency": 0}),
        (MapSpec, {"over": "a-b"}),
        (MapSpec, {"over": "a", "item": "1"}),
        (WorkflowStep, {"id": "a", "timeout_s": 0}),
        (CodeRef, {"module": "m", "qualname": "f", "digest": "0" * 63}),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_field(model, fields):
    with pytest.raises(ValidationError, match=f"{[*fields][-1]}\n  (Input|String) should"):
        model(**fields)


# Graphs.


def test_a_workflow_without_steps_is_refused():
    with pytest.raises(ValidationError, match="steps\n  Tuple should have at least 1 item"):
        workflow()


def test_two_steps_of_one_id_are_refused_with_it():
    with pytest.raises(ValidationError, match="two steps have the id 'a'"):
        workflow(step("a"), step("b"), step("a"))


def test_an_unknown_dependency_is_refused_with_the_nearest_name():
    expected = "step 'b' depends on 'fetsh', which is no step; did you mean 'fetch'?"
    with pytest.raises(ValidationError, match=expected):
        workflow(step("fetch"), step("b", "fetsh"))


def test_an_unknown_dependency_is_refused_with_all_names_where_none_is_near():
    expected = "step 'b' depends on 'zzz', which is no step; the steps are a, b "
    with pytest.raises(ValidationError, match=expected):
        workflow(step("a"), step("b", "zzz"))


def test_of_very_many_steps_only_some_are_named():
    with pytest.raises(ValidationError, match=r"the steps are s0, .* s19 and 5 more"):
        workflow(*(step(f"s{n}") for n in range(24)), step("last", "zzz"))


@pytest.mark.parametrize(
    ("steps", "cycle"),
    [
        ([step("a", "a")], "a -> a"),
        ([step("a", "b"), step("b", "a")], "a -> b -> a"),
        ([step("x"), step("a", "x", "c"), step("b", "a"), step("c", "b")], "a -> c -> b -> a"),
        ([step("d", "a"), step("a", "b"), step("b", "a")], "a -> b -> a"),
        ([step("m", map=MapSpec(over="m"))], "m -> m"),
        ([step("m", map=MapSpec(over="a")), step("a", "m")], "m -> a -> m"),
    ],
)
def test_steps_that_wait_for_each_other_are_refused_with_their_names(steps, cycle):
    with pytest.raises(ValidationError, match=f"steps wait for each other: {cycle}"):
        workflow(*steps)


def test_a_graph_that_joins_again_has_no_cycle():
    graph = {"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": []}
    assert find_cycle(graph) == []


def test_a_long_chain_is_searched_without_recursion():
    length = 20_000
    chain = {str(n): [str(n + 1)] for n in range(length)} | {str(length): ["0"]}
    assert len(find_cycle(chain)) == length + 2


def test_dependencies_are_in_the_order_of_the_steps_each_once():
    definition = workflow(
        step("c", "b", "a", "b", map=MapSpec(over="a")),
        step("a"),
        step("b"),
        step("m", "c", map=MapSpec(over="b")),
        step("n", map=MapSpec(over="an_input")),
    )
    assert definition.dependencies() == {
        "c": ("a", "b"),
        "a": (),
        "b": (),
        "m": ("c", "b"),
        "n": (),
    }


def test_a_long_cycle_is_shown_by_its_begin_and_its_end():
    steps = [step(f"s{n}", f"s{(n + 1) % 3000}") for n in range(3000)]
    with pytest.raises(ValidationError) as raised:
        workflow(*steps)
    text = "each other: s0 -> s1 -> s2 -> .* -> s17 -> \\(2981 more\\) -> s2999 -> s0 \\["
    assert re.search(text, str(raised.value))
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_that_python_does_not_write_are_refused_by_their_place(sign):
    with pytest.raises(ValidationError, match=r"\['k'\]\[1\] is an integer of more than 4300 dig"):
        step("a", config={"k": [10**4000, sign * 10**5000]})


# What each type needs.


def test_a_step_is_mapped_or_a_loop_but_not_both():
    expected = "step 'a' has both a map and a loop; it can have one of them"
    with pytest.raises(ValidationError, match=expected):
        step("a", map=MapSpec(over="b"), loop=LoopSpec(max_iterations=2))


@pytest.mark.parametrize("duration_s", [0, 0.5, 10 * 365 * 86_400])
def test_a_timer_waits_for_a_number_of_seconds(duration_s):
    timer = step("t", type=StepType.TIMER, config={"duration_s": duration_s})
    assert timer.config == {"duration_s": duration_s}


@pytest.mark.parametrize(
    "config",
    [{}, *({"duration_s": value} for value in (-1, "5", True, None, 10**10))],
)
def test_a_timer_that_waits_for_anything_else_is_refused(config):
    expected = "step 't' waits for duration_s = .*; a number of seconds is accepted, from 0 to"
    with pytest.raises(ValidationError, match=expected):
        step("t", type=StepType.TIMER, config=config)


def test_a_sub_workflow_is_part_of_the_definition():
    child = workflow(step("a")).model_dump(mode="json")
    assert step("c", type=StepType.WORKFLOW, config={"definition": child}).config["definition"]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "Input should be a valid dictionary"),
        ({"definition": {"name": "w"}}, "steps: Field required"),
        (
            {"definition": {"name": "w", "steps": [{"id": "a", "depends_on": ["b"]}]}},
            "Value error, step 'a' depends on 'b', which is no step",
        ),
        (
            {"definition": {"name": "w", "steps": [{"id": "a", "timeout_s": 0}]}},
            "steps.0.timeout_s: Input should be greater than 0",
        ),
    ],
)
def test_a_sub_workflow_that_cannot_be_is_refused_with_the_step(config, reason):
    with pytest.raises(ValidationError, match=f"step 'c' has no valid sub-workflow: {reason}"):
        step("c", type=StepType.WORKFLOW, config=config)


# Configurations and metadata are JSON.


def test_tuples_become_lists_as_they_would_on_the_way_through_json():
    assert step("a", config={"k": (1, {"l": (2,)})}).config == {"k": [1, {"l": [2]}]}


def test_what_json_takes_stays_as_it_is():
    config = {"k": [None, True, 1, 2**80, 0.5, "é\0", {"": []}]}
    found = step("a", config=config)
    assert found.config == config
    assert WorkflowStep.model_validate_json(found.model_dump_json()) == found


def looped_value():
    value = {}
    value["self"] = value
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1}, r"\['k'\] is of type set, which is not JSON"),
        ([0, b""], r"\['k'\]\[1\] is of type bytes, which is not JSON"),
        ({"l": object()}, r"\['k'\]\['l'\] is of type object, which is not JSON"),
        (float("nan"), r"\['k'\] is nan, which JSON has not"),
        (float("-inf"), r"\['k'\] is -inf, which JSON has not"),
        ({1: 2}, r"\['k'\] has the key 1, which is no str"),
        ("\udcff", r"\['k'\] has half of a surrogate pair"),
        ({"\udcff": 1}, r"\['k'\]\['\\udcff'\] has half of a surrogate pair"),
        (looped_value(), "it is nested more than 150 levels deep, or has itself in it"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(value, reason):
    with pytest.raises(ValidationError, match=f"config\n  Value error, {reason}"):
        step("a", config={"k": value})
    with pytest.raises(ValidationError, match=f"metadata\n  Value error, {reason}"):
        workflow(step("a"), metadata={"k": value})


def test_the_deepest_value_that_is_taken_is_written_and_read_again():
    value = 1
    for _ in range(149):
        value = [value]
    found = step("a", config={"k": value})
    assert json.loads(found.model_dump_json())["config"] == {"k": value}
    assert WorkflowStep.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(ValidationError, match="it is nested more than 150 levels"):
        step("a", config={"k": [value]})


class Odd(Exception):
    pass


def test_classes_of_exceptions_are_taken_for_their_names():
    policy = RetryPolicy(retry_on=(KeyError, "OSError", Odd))
    assert policy.retry_on == ("KeyError", "OSError", f"{__name__}.Odd")
    assert RetryPolicy.model_validate_json(policy.model_dump_json()) == policy
    with pytest.raises(ValidationError, match="valid string"):
        RetryPolicy(retry_on=(int,))
