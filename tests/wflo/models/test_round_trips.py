"""Every model is the same after a way through JSON."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import wflo.models
from wflo.events.schemas import Event
from wflo.models import (
    CodeRef,
    CostLine,
    CostSummary,
    ExecutionResult,
    ExecutionStatus,
    LoopSpec,
    MapSpec,
    RetryPolicy,
    StatePatch,
    StateSnapshot,
    StepExecution,
    StepFailure,
    StepStatus,
    StepType,
    WorkflowDefinition,
    WorkflowExecution,
    WorkflowPolicies,
    WorkflowState,
    WorkflowStep,
)
from wflo.models import listing as listings
from wflo.models import record as records
from wflo.models.base import Model

ids = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
execution_ids = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,9}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
counts = st.integers(0, 2**63 - 1)
times = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30))))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)


def maybe(strategy):
    return st.none() | strategy


def seconds(low, high):
    return st.floats(low, high)


retry_policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10_000),
    initial_delay_s=seconds(0, 86_400),
    multiplier=seconds(1, 100),
    max_delay_s=seconds(0, 30 * 86_400),
    jitter=seconds(0, 1),
    retry_on=st.lists(texts, max_size=3).map(tuple),
    max_worker_losses=st.integers(1, 1_000),
)
policies = st.builds(
    WorkflowPolicies,
    max_cost_micro_usd=maybe(counts),
    timeout_seconds=maybe(seconds(1e-3, 86_400)),
    retry_policy=retry_policies,
)
maps = st.builds(
    MapSpec,
    over=ids,
    item=ids,
    max_items=st.integers(1, 100_000),
    concurrency=maybe(st.integers(1, 100)),
)
loops = st.builds(LoopSpec, max_iterations=st.integers(1, 100_000))
code = st.builds(CodeRef, module=names, qualname=names, digest=hashes)
iterations = (
    st.fixed_dictionaries({})
    | st.fixed_dictionaries({"map": maps})
    | st.fixed_dictionaries({"loop": loops})
)


@st.composite
def steps(draw, step_ids=ids, before=()):
    kind = draw(st.sampled_from([*StepType]))
    needs = {
        StepType.TIMER: {"duration_s": draw(seconds(0, 1e6))},
        StepType.WORKFLOW: {"definition": {"name": "child", "steps": [{"id": "only"}]}},
    }
    return WorkflowStep(
        id=draw(step_ids),
        type=kind,
        config=draw(objects) | needs.get(kind, {}),
        depends_on=draw(st.lists(st.sampled_from(before), max_size=3)) if before else (),
        approval_required=draw(st.booleans()),
        rollback_enabled=draw(st.booleans()),
        conditional=draw(st.booleans()),
        code=draw(maybe(code)),
        retry_policy=draw(maybe(retry_policies)),
        timeout_s=draw(maybe(seconds(1e-3, 86_400))),
        **draw(iterations),
    )


@st.composite
def definitions(draw):
    made = []
    for n in range(draw(st.integers(1, 3))):
        before = [step.id for step in made]
        step = draw(steps(st.just(f"s{n}__"), before))
        made.append(step)
    return WorkflowDefinition(
        name=draw(names),
        version=draw(texts.filter(bool)),
        steps=made,
        policies=draw(policies),
        metadata=draw(objects),
    )


failures = st.builds(
    StepFailure,
    step=ids,
    iteration=counts,
    attempt=counts,
    kind=texts,
    kinds=st.lists(texts, max_size=2).map(tuple),
    message=texts,
    traceback=texts,
)
amounts = st.integers(0, 10**15)
cost_lines = st.builds(
    CostLine, micro_usd=amounts, label=texts, input_tokens=amounts, output_tokens=amounts
)
costs = st.builds(
    CostSummary, micro_usd=counts, lines=counts, input_tokens=counts, output_tokens=counts
)
step_executions = st.builds(
    StepExecution,
    step=ids,
    iteration=counts,
    status=st.sampled_from(StepStatus),
    attempts=counts,
    result=values,
    failure=maybe(failures),
    worker=maybe(texts),
    started_at=maybe(times),
    ended_at=maybe(times),
)
executions = st.builds(
    WorkflowExecution,
    id=execution_ids,
    workflow=names,
    version=texts,
    digest=hashes,
    status=st.sampled_from(ExecutionStatus),
    input=objects,
    output=values,
    failure=maybe(failures),
    error=maybe(texts),
    parent=maybe(execution_ids),
    cost=costs,
    created_at=times,
    started_at=maybe(times),
    ended_at=maybe(times),
)
summaries = st.builds(
    listings.ExecutionSummary,
    id=execution_ids,
    workflow=names,
    version=texts,
    status=st.sampled_from(ExecutionStatus),
    error=maybe(texts),
    parent=maybe(execution_ids),
    cost_micro_usd=counts,
    created_at=times,
    started_at=maybe(times),
    ended_at=maybe(times),
)

MODELS = {
    CodeRef: code,
    CostLine: cost_lines,
    CostSummary: costs,
    ExecutionResult: st.builds(ExecutionResult, execution=executions, results=objects),
    LoopSpec: loops,
    MapSpec: maps,
    RetryPolicy: retry_policies,
    StatePatch: st.builds(
        StatePatch,
        op=st.sampled_from(["set", "delete"]),
        key=texts.filter(lambda text: text and "\0" not in text),
        value=values,
    ),
    StateSnapshot: st.builds(
        StateSnapshot,
        id=st.integers(),
        execution_id=execution_ids,
        sequence=counts,
        label=texts,
        created_at=times,
    ),
    StepExecution: step_executions,
    StepFailure: failures,
    WorkflowDefinition: definitions(),
    WorkflowExecution: executions,
    WorkflowPolicies: policies,
    WorkflowState: st.builds(
        WorkflowState, execution_id=execution_ids, sequence=counts, data=objects
    ),
    WorkflowStep: steps(),
    listings.ExecutionFilter: st.builds(
        listings.ExecutionFilter,
        statuses=st.lists(st.sampled_from(ExecutionStatus), max_size=2).map(tuple),
        workflow=maybe(names),
        created_after=maybe(times),
    ),
    listings.ExecutionPage: st.builds(
        listings.ExecutionPage, executions=st.lists(summaries, max_size=2).map(tuple)
    ),
    listings.ExecutionSummary: summaries,
    listings.StoredWorkflow: st.builds(
        listings.StoredWorkflow,
        name=names,
        version=texts,
        digest=hashes,
        definition=definitions(),
        created_at=times,
    ),
    Event: st.builds(
        Event,
        execution_id=execution_ids,
        sequence=st.integers(1),
        type=texts.filter(bool),
        step=maybe(ids),
        iteration=maybe(counts),
        payload=objects,
        created_at=times,
    ),
    records.LogEntry: st.builds(
        records.LogEntry,
        id=counts,
        step=ids,
        level=texts,
        message=texts,
        fields=objects,
        created_at=times,
    ),
    records.StepAttempt: st.builds(
        records.StepAttempt,
        step=ids,
        worker=texts,
        status=st.sampled_from(records.AttemptStatus),
        started_at=times,
    ),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_the_same_after_a_way_through_json(model):
    @given(MODELS[model])
    def holds(found):
        assert model.model_validate_json(found.model_dump_json()) == found
        assert model.model_validate(found.model_dump(mode="json")) == found

    holds()


def test_no_model_is_left_out():
    modules = (wflo.models, listings, records)
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value is not Model
    }
    assert found | {Event} == MODELS.keys()


@pytest.mark.parametrize("name", sorted(wflo.models.__all__))
def test_all_public_names_are_there(name):
    assert hasattr(wflo.models, name)
    assert name in dir(wflo.models)


def test_all_models_of_lists_and_records_are_public():
    names = {model.__name__ for model in MODELS} - {"Event"}
    assert names <= {*wflo.models.__all__}


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match=r"module 'wflo.models' has no attribute 'Stpe'"):
        wflo.models.Stpe  # noqa: B018


def test_a_definition_needs_no_lists_and_records():
    program = (
        "import sys\n"
        "from wflo import Workflow\n"
        "assert not {'wflo.models.listing', 'wflo.models.record'} & set(sys.modules)\n"
        "from wflo import ExecutionPage, models\n"
        "from wflo.models import *\n"
        "assert models.ExecutionPage is ExecutionPage\n"
        "assert LogEntry is models.LogEntry\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_result_gives_access_to_its_run():
    execution = WorkflowExecution(
        id="x",
        workflow="w",
        version="1",
        digest="0" * 64,
        status=ExecutionStatus.COMPLETED,
        output={"b": 2},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    result = ExecutionResult(execution=execution, results={"a": 1})
    assert (result.id, result.status, result.output) == ("x", ExecutionStatus.COMPLETED, {"b": 2})
    assert result["a"] == 1
    with pytest.raises(KeyError, match="b"):
        result["b"]


@pytest.mark.parametrize("execution_id", ["", "/a", "a b", "é", "x" * 256, "a\n"])
def test_odd_execution_ids_are_refused(execution_id):
    with pytest.raises(ValidationError, match="execution_id\n  String should match pattern"):
        WorkflowState(execution_id=execution_id)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (StepFailure, {"step": "a", "kind": "E", "message": "", "iteration": -1}),
        (StepFailure, {"step": "a", "kind": "E", "message": "", "attempt": -1}),
        (StepExecution, {"step": "a", "status": "ready", "iteration": -1}),
        (StepExecution, {"step": "a", "status": "ready", "attempts": -1}),
        (StepExecution, {"step": "a", "status": "redy"}),
        (CostLine, {"micro_usd": -1}),
        (CostLine, {"micro_usd": 10**15 + 1}),
        (CostLine, {"micro_usd": 1, "input_tokens": 10**15 + 1}),
        (CostLine, {"micro_usd": 1, "output_tokens": -1}),
        (CostSummary, {"micro_usd": 2**63}),
        (CostSummary, {"micro_usd": 0.5}),
        (CostLine, {"micro_usd": 1, "label": "x" * 201}),
        (CostSummary, {"lines": -1}),
        (WorkflowState, {"execution_id": "x", "sequence": -1}),
        (StatePatch, {"op": "set", "key": ""}),
        (StatePatch, {"op": "set", "key": "x" * 201}),
        (StatePatch, {"key": "x", "op": "replace"}),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_field(model, fields):
    with pytest.raises(ValidationError, match=f"{[*fields][-1]}\n  .* should"):
        model(**fields)


ENDED = {"completed", "failed", "cancelled", "rolled_back", "rollback_failed"}


def test_a_run_has_ended_in_every_status_but_three():
    assert {status for status in ExecutionStatus if status.ended} == ENDED


def test_an_iteration_has_ended_in_every_status_but_three():
    ended = {"completed", "failed", "skipped", "blocked", "cancelled"}
    assert {status for status in StepStatus if status.ended} == ended
