import pytest
from conformance_engine import new_id
from flows import values

from wflo.errors import InputError
from wflo.models import ExecutionStatus

ORDER = {
    "customer": {"name": "Ada", "since": "2020-02-29"},
    "lines": [{"what": "tea", "amount": 3, "price": "1.10"}],
}


async def test_inputs_have_defaults(engine):
    assert (await engine.run(values.greeting, name="ho")).output == "ho ho"
    assert (await engine.run(values.greeting, name="ho", times=3)).output == "ho ho ho"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "input 'name' is missing, which 'greet' takes"),
        ({"name": 1}, r"input 'name': Input should be a valid string, got 1 \(int\)"),
        ({"name": "x", "time": 3}, "there is no input 'time'; did you mean 'times'"),
        ({"name": "x", "times": "many"}, "input 'times': .* valid integer"),
    ],
)
async def test_inputs_are_checked_before_anything_exists(engine, inputs, message):
    with pytest.raises(InputError, match=message):
        await engine.submit(values.greeting, inputs, run_id=new_id())


async def test_models_go_in_through_and_out(engine):
    ended = await engine.run(values.order, order=ORDER)
    assert ended.output == "Ada owes 3.30 by 2026-01-31"
    assert ended.results["price"] == {"to": "Ada", "total": "3.30", "due": "2026-01-31"}
    assert ended.execution.input == {"order": ORDER}


async def test_a_model_that_is_wrong_inside_is_refused_with_its_place(engine):
    wrong = ORDER | {"lines": [ORDER["lines"][0] | {"amount": 0}]}
    with pytest.raises(InputError, match=r"lines.0.amount: .* greater than or equal to 1, got 0"):
        await engine.submit(values.order, {"order": wrong}, run_id=new_id())


async def test_the_context_has_all_inputs(engine):
    ended = await engine.run(values.unread, only="this")
    assert ended.results["asks"] == {"only": "this", "inputs": {"only": "this"}}


async def test_a_default_is_no_input(engine):
    ended = await engine.run(values.unread)
    assert ended.results["asks"] == {"only": "default", "inputs": {}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("set", "it is of type set, which is not JSON"),
        ("nan", "it is nan, which JSON has not"),
        ("nested", r"\['rows'\]\[1\]\['bad'\] is of type object"),
        ("key", "it has the key 1, which is no str"),
    ],
)
async def test_a_result_that_is_no_json_fails_the_step(engine, value, message):
    ended = await engine.run(values.plain, value=value)
    assert ended.status is ExecutionStatus.FAILED
    failure = ended.execution.failure
    assert failure.kind == "wflo.errors.StepResultError"
    with pytest.raises(AssertionError, match=f"the result of step 'give': {message}"):
        raise AssertionError(failure.message)
    assert "give" not in ended.results


async def test_a_result_must_be_what_is_annotated(engine):
    ended = await engine.run(values.typed, value="text")
    assert ended.status is ExecutionStatus.FAILED
    assert "the result of step 'number': Input should be a valid integer" in (
        ended.execution.failure.message
    )


@pytest.mark.parametrize("size", [33_000, 5_000_000], ids=["33 KB", "5 MB"])
async def test_big_results_arrive(engine, size):
    text = "x" * size
    ended = await engine.run(values.echo, value=text)
    assert ended.output == size
    assert ended.results["again"] == text
    assert ended.execution.input == {"value": text}


async def test_any_json_comes_back_as_it_was(engine):
    value = {"": [None, True, -1, 1.5, 2**70, "\N{SNOWMAN}\x00\n"], "nested": [[[]], {}]}
    ended = await engine.run(values.echo, value=value)
    assert ended.results["again"] == value


async def test_none_is_a_result(engine):
    ended = await engine.run(values.nothing)
    assert ended.results == {"silent": None, "hears": "heard None"}
