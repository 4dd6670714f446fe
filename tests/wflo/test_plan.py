"""From a definition to a plan, and the one text of a JSON value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo.models import MapSpec, RetryPolicy, WorkflowDefinition, WorkflowPolicies, WorkflowStep
from wflo.plan import canonical_json, digest, make_plan


def step(step_id, *depends_on, **fields):
    return WorkflowStep(id=step_id, depends_on=depends_on, **fields)


def plan_of(*steps, **fields):
    return make_plan(WorkflowDefinition(name="w", steps=steps, **fields))


def test_steps_know_what_they_wait_for_and_what_waits_for_them():
    plan = plan_of(step("c", "b", "a"), step("a"), step("b", "a"))
    assert [*plan.steps] == ["c", "a", "b"]
    assert {name: found.depends_on for name, found in plan.steps.items()} == {
        "c": ("a", "b"),
        "a": (),
        "b": ("a",),
    }
    assert {name: found.dependents for name, found in plan.steps.items()} == {
        "c": (),
        "a": ("c", "b"),
        "b": ("c",),
    }
    assert plan.positions == {"c": 0, "a": 1, "b": 2}
    assert plan.steps["a"].id == "a"


def test_a_map_waits_for_the_step_that_it_goes_over():
    plan = plan_of(step("a"), step("m", map=MapSpec(over="a")))
    assert plan.steps["m"].depends_on == ("a",)
    assert plan.steps["a"].dependents == ("m",)


def test_a_map_over_an_input_waits_for_nothing():
    assert plan_of(step("m", map=MapSpec(over="rows"))).steps["m"].depends_on == ()


def test_a_dependency_that_is_named_twice_is_one():
    plan = plan_of(step("a"), step("m", "a", "a", map=MapSpec(over="a")))
    assert plan.steps["m"].depends_on == ("a",)
    assert plan.steps["a"].dependents == ("m",)


def test_leaves_are_what_nothing_depends_on():
    assert plan_of(step("c", "a"), step("a"), step("b", "a")).leaves == ["c", "b"]


def test_a_step_has_its_own_retry_policy_or_that_of_the_workflow():
    own, common = RetryPolicy(max_attempts=2), RetryPolicy(max_attempts=5)
    plan = plan_of(
        step("a", retry_policy=own), step("b"), policies=WorkflowPolicies(retry_policy=common)
    )
    assert [found.retry for found in plan.steps.values()] == [own, common]


def test_the_digest_of_a_plan_is_that_of_its_definition_after_a_way_through_json():
    plan = plan_of(step("a", config={"k": (1, 2)}), metadata={"b": 1, "a": 0.5})
    again = WorkflowDefinition.model_validate_json(plan.definition.model_dump_json())
    assert make_plan(again).digest == plan.digest
    assert len(plan.digest) == 64


def test_plans_of_different_definitions_have_different_digests():
    digests = {
        plan_of(step("a")).digest,
        plan_of(step("b")).digest,
        plan_of(step("a"), version="2").digest,
        plan_of(step("a"), metadata={"k": None}).digest,
        plan_of(step("a", timeout_s=1)).digest,
    }
    assert len(digests) == 5


def test_a_plan_of_thousands_of_steps_is_made_in_no_time():
    steps = [step("first"), *(step(f"s{n}", "first") for n in range(5_000))]
    plan = plan_of(*steps, step("last", *(found.id for found in steps)))
    assert len(plan.steps["last"].depends_on) == 5_001


def test_canonical_json_has_sorted_keys_no_spaces_and_ascii_alone():
    assert canonical_json({"b": [1, 0.5], "a": {"é": None}}) == r'{"a":{"\u00e9":null},"b":[1,0.5]}'


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_canonical_json_says_the_same_after_a_way_through_json(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    assert text.isascii()


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_is_no_part_of_a_value(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


@pytest.mark.parametrize("value", [{1}, object(), [b""], {(): 1}])
def test_what_is_no_json_has_no_canonical_text(value):
    with pytest.raises(TypeError, match=r"not JSON serializable|keys must be"):
        canonical_json(value)


def test_nan_infinities_and_values_in_themselves_have_no_canonical_text():
    itself = []
    itself.append(itself)
    for value in (float("nan"), float("inf"), itself):
        with pytest.raises(ValueError, match=r"Out of range float|Circular reference"):
            canonical_json(value)
