import asyncio
import contextvars
import json
import os
import threading
from datetime import date
from pathlib import Path
from typing import Annotated

import pydantic
import pytest
from wflo_steps import attempt, code_of, until

from wflo import StepStatus, Workflow
from wflo.journal.outcome import Outcome
from wflo.runtime import failures
from wflo.runtime.call import StepCall

COMPLETED, FAILED, SKIPPED = StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED


class Page(pydantic.BaseModel):
    url: str = pydantic.Field(alias="URL")
    day: date = date(2020, 1, 2)

    @pydantic.computed_field
    def length(self) -> int:
        return len(self.url)


def echo(value):
    return value


async def echo_later(value):
    await asyncio.sleep(0)
    return value


def failure(outcome):
    assert outcome.status is FAILED
    assert outcome.result is None
    return outcome.failure


# -- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [echo, echo_later])
@pytest.mark.parametrize(
    ("value", "text", "size"),
    [
        (None, "null", None),
        (True, "true", None),
        ("ü\x00", '"\\u00fc\\u0000"', None),
        ({"b": 1, "a": [1.5]}, '{"b":1,"a":[1.5]}', None),
        ([1, 2], "[1,2]", 2),
    ],
)
async def test_a_result_is_kept_as_json(function, value, text, size):
    outcome = await attempt(code_of(function), inputs={"value": value})
    assert outcome == Outcome(status=COMPLETED, result=text, size=size)


def odd(kind: str):
    return {
        "date": {"when": [date(2020, 1, 2)]},
        "nan": [float("nan")],
        "key": {1: 2},
        "digits": 10**5000,
        "tuple": (1, (2,)),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("date", "the result of step 'odd': ['when'][0] is of type date, which is not JSON"),
        ("nan", "the result of step 'odd': [0] is nan, which JSON has not"),
        ("key", "the result of step 'odd': it has the key 1"),
        ("digits", "the result of step 'odd': it is an integer of more than 4300 digits"),
    ],
)
async def test_a_result_that_is_no_json_fails_the_step(kind, message):
    failed = failure(await attempt(code_of(odd), inputs={"kind": kind}))
    assert failed.kind == "wflo.errors.StepResultError"
    assert "TypeError" in failed.kinds
    assert failed.message.startswith(message)
    assert failed.traceback == ""


async def test_tuples_are_lists():
    outcome = await attempt(code_of(odd), inputs={"kind": "tuple"})
    assert (outcome.result, outcome.size) == ("[1,[2]]", 2)


def page(url: str) -> Page:
    return Page(URL=url)


def loose(url) -> dict[str, Annotated[Path, pydantic.Field(strict=False)]]:
    return {"path": url}


def wrong(url) -> int:
    return url


def hollow(url) -> float:
    return float("inf")


def unserializable(url) -> list:
    return [object()]


def returns_none(url) -> None:
    return None


async def test_an_annotated_result_is_kept_as_what_it_says():
    outcome = await attempt(code_of(page), inputs={"url": "x"})
    assert json.loads(outcome.result) == {"URL": "x", "day": "2020-01-02"}
    outcome = await attempt(code_of(loose), inputs={"url": "a/b"})
    assert outcome.result == '{"path":"a/b"}'
    assert (await attempt(code_of(returns_none), inputs={"url": ""})).result == "null"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (wrong, "the result of step 'wrong': Input should be a valid integer, unable to parse"),
        (hollow, "the result of step 'hollow': it is inf, which JSON has not"),
        (unserializable, "the result of step 'unserializable': Unable to serialize unknown type"),
    ],
)
async def test_a_result_of_another_type_fails_the_step(function, message):
    failed = failure(await attempt(code_of(function), inputs={"url": "x"}))
    assert failed.kind == "wflo.errors.StepResultError"
    assert failed.message.startswith(message)


def hands_on(value):
    return echo_later(value)


async def test_a_coroutine_is_no_result():
    failed = failure(await attempt(code_of(hands_on), inputs={"value": 1}))
    assert (
        "step 'hands_on' returned a coroutine; its function must be `async def`" in failed.message
    )


# -- arguments -------------------------------------------------------------------------------------


def takes(page: Page, fetch: list[int], level: int = 3, *, mode="fast"):
    return [page.url, fetch, level, mode]


async def test_arguments_are_what_their_annotations_say():
    wf = Workflow("w")
    wf.step("fetch")(echo)
    wf.step()(takes)
    given = {"page": {"URL": "x"}, "level": "7"}
    outcome = await attempt(wf.code.steps["takes"], inputs=given, results={"fetch": ["1"]})
    assert outcome.result == '["x",[1],7,"fast"]'


async def test_an_argument_of_another_type_fails_the_step():
    failed = failure(await attempt(code_of(takes), inputs={"page": {"URL": 1}, "fetch": []}))
    assert failed.kind == "wflo.errors.StepInputError"
    assert failed.message == (
        "step 'takes': its parameter 'page': URL: Input should be a valid string, got 1 (int)"
    )


async def test_a_skipped_dependency_is_none():
    wf = Workflow("w")
    wf.step("fetch")(echo)
    wf.step()(takes)
    failed = failure(
        await attempt(
            wf.code.steps["takes"], inputs={"page": {"URL": "x"}}, results={"fetch": None}
        )
    )
    assert "its parameter 'fetch': Input should be a valid array, got None" in failed.message


async def test_an_input_that_is_not_there_fails_the_step():
    failed = failure(await attempt(code_of(echo)))
    assert failed.message == "step 'echo': there is no 'value' for its parameter 'value'"


def changes(value):
    value.append(1)
    return value


async def test_arguments_are_copies():
    inputs = {"value": [{"a": []}]}
    await attempt(code_of(changes), inputs=inputs)
    assert inputs == {"value": [{"a": []}]}


def item_of(item, index):
    return [item, index]


async def test_a_map_gives_the_item_and_its_index():
    code = code_of(item_of, map_over="items")
    outcome = await attempt(code, inputs={"items": [5, 6]}, item=6, iteration=1)
    assert outcome.result == "[6,1]"


# -- conditions, loops, skips ----------------------------------------------------------------------


@pytest.mark.parametrize("passed", [True, False])
async def test_a_condition_passes_or_not(passed):
    outcome = await attempt(code_of(echo, type="condition"), inputs={"value": passed})
    assert (outcome.status, outcome.passed) == (COMPLETED, passed)


async def test_a_condition_must_say_so():
    failed = failure(await attempt(code_of(echo, type="condition"), inputs={"value": 1}))
    assert failed.message == "step 'echo' is a condition and must return a bool, not 1"


def grow(previous: int = 0, index=None):
    return previous + 1


def first(previous):
    return previous


async def is_done(result):
    return result > 1


async def test_a_loop_goes_on_until_it_is_done():
    code = code_of(grow, until=is_done, max_iterations=3)
    outcome = await attempt(code)
    assert (outcome.result, outcome.done) == ("1", False)
    outcome = await attempt(code, previous=1, iteration=1)
    assert (outcome.result, outcome.done) == ("2", True)


async def test_the_first_iteration_of_a_loop_has_none_before_it():
    outcome = await attempt(code_of(first, until=lambda r: True, max_iterations=1))
    assert outcome.result == "null"


async def test_a_loop_that_is_not_done_at_its_end_fails():
    code = code_of(grow, until=lambda result: False, max_iterations=3)
    failed = failure(await attempt(code, previous=1, iteration=2))
    assert failed.kind == "wflo.errors.LoopBoundReached"
    assert failed.message == "step 'grow' was not done after 3 iterations"


def pages(previous: Page | None = None) -> Page:
    return Page(URL="x" if previous is None else previous.url + "x")


async def test_until_gets_what_the_annotation_says():
    code = code_of(pages, until=lambda page: page.url == "xx", max_iterations=3)
    assert not (await attempt(code)).done
    assert (await attempt(code, previous={"URL": "x"}, iteration=1)).done


async def test_until_must_return_a_bool():
    code = code_of(grow, until=lambda result: result, max_iterations=3)
    failed = failure(await attempt(code))
    assert failed.message == "until of step 'grow' must return a bool, not 1"


@pytest.mark.parametrize("wanted", [True, False])
async def test_when_says_whether_a_step_runs(wanted):
    code = code_of(echo, when=lambda value, other=True: value and other)
    outcome = await attempt(code, inputs={"value": wanted})
    assert outcome.status is (COMPLETED if wanted else SKIPPED)


async def test_when_is_asked_for_each_item():
    code = code_of(item_of, map_over="items", when=lambda item: item > 5)
    assert (await attempt(code, item=5)).status is SKIPPED
    assert (await attempt(code, item=6, iteration=1)).status is COMPLETED


async def test_when_is_asked_before_the_first_iteration_of_a_loop_only():
    code = code_of(grow, until=is_done, max_iterations=3, when=lambda: False)
    assert (await attempt(code)).status is SKIPPED
    assert (await attempt(code, iteration=1, previous=1)).status is COMPLETED


async def test_when_may_fail():
    failed = failure(
        await attempt(code_of(echo, when=lambda value: 1 / value), inputs={"value": 0})
    )
    assert failed.kind == "ZeroDivisionError"
    assert "lambda value: 1 / value" in failed.traceback


async def test_when_must_return_a_bool():
    failed = failure(
        await attempt(code_of(echo, when=lambda value: value), inputs={"value": "yes"})
    )
    assert failed.message == "when of step 'echo' must return a bool, not 'yes'"


async def ask_later(value: int):
    return value > 1


async def test_when_may_be_async():
    code = code_of(echo, when=ask_later)
    assert (await attempt(code, inputs={"value": "2"})).status is COMPLETED


# -- steps without code ----------------------------------------------------------------------------


async def test_a_timer_waits_if_it_is_to():
    wf = Workflow("w")
    wf.timer("pause", seconds=1, when=lambda patient: patient)
    code = wf.code.steps["pause"]
    assert await attempt(code, inputs={"patient": True}) == Outcome(status=StepStatus.WAITING)
    assert await attempt(code, inputs={"patient": False}) == Outcome(status=SKIPPED)


class TestSubWorkflow:
    @pytest.fixture
    def code(self):
        child = Workflow("child")
        child.step()(takes)
        wf = Workflow("w")
        wf.step("fetch")(echo)
        wf.workflow("sub", child)
        return wf.code.steps["sub"]

    async def test_waits_with_its_input(self, code):
        outcome = await attempt(code, inputs={"page": {"URL": "x"}}, results={"fetch": ["1"]})
        assert outcome.status is StepStatus.WAITING
        given = {"page": {"URL": "x", "day": "2020-01-02"}, "fetch": [1]}
        assert json.loads(outcome.child_input) == given

    async def test_fails_with_what_it_cannot_take(self, code):
        failed = failure(await attempt(code, inputs={"page": 1}, results={"fetch": []}))
        assert failed.kind == "wflo.errors.StepInputError"
        assert failed.message.startswith("step 'sub': workflow 'child': input 'page': Input should")

    async def test_may_be_mapped(self):
        child = Workflow("child")
        child.step()(echo)
        wf = Workflow("w")
        wf.workflow("sub", child, map_over="values", item="value")
        outcome = await attempt(wf.code.steps["sub"], inputs={"values": [7]}, item=7)
        assert outcome.child_input == '{"value":7}'


# -- failures --------------------------------------------------------------------------------------


class Mine(LookupError):
    pass


class Speechless(Exception):
    def __str__(self):
        raise ValueError


def cause():
    raise KeyError("the cause")


def fails(how):
    if how == "chained":
        try:
            cause()
        except KeyError as error:
            raise Mine("of mine") from error
    if how == "grouped":
        raise ExceptionGroup("several", [ValueError("one"), Mine("two")])
    if how == "long":
        raise Mine("x" * 50_000)
    if how == "by the engine":
        json.loads("{")
    raise {
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt(),
        "stop": StopIteration(1),
        "speechless": Speechless(),
        "base": BaseException("base"),
        "cancelled": asyncio.CancelledError("by itself"),
    }[how]


async def fails_later(how):
    if how == "stop":
        raise ValueError(how)  # Python turns that one into a RuntimeError
    fails(how)


@pytest.mark.parametrize("function", [fails, fails_later])
async def test_a_failure_is_told_as_it_was(function):
    failed = failure(await attempt(code_of(function), inputs={"how": "chained"}, attempt=2))
    assert (failed.step, failed.iteration, failed.attempt) == (function.__name__, 0, 2)
    assert failed.kind == f"{__name__}.Mine"
    assert failed.kinds == (f"{__name__}.Mine", "LookupError", "Exception")
    assert failed.message == "of mine"
    lines = failed.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert f'  File "{__file__}", line ' in lines[1]
    assert "KeyError: 'the cause'" in lines
    assert lines[-1].endswith("Mine: of mine")
    own = [line for line in lines if line.startswith("  File ")]
    assert all(__file__ in line for line in own)


@pytest.mark.parametrize("function", [fails, fails_later])
@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("exit", "SystemExit", "3"),
        ("interrupt", "KeyboardInterrupt", ""),
        ("base", "BaseException", "base"),
        ("cancelled", "asyncio.exceptions.CancelledError", "by itself"),
        ("speechless", f"{__name__}.Speechless", "<its message cannot be shown: ValueError>"),
        ("grouped", "ExceptionGroup", "several (2 sub-exceptions)"),
    ],
)
async def test_whatever_it_raises_is_a_failure(function, how, kind, message):
    failed = failure(await attempt(code_of(function), inputs={"how": how}))
    assert (failed.kind, failed.message) == (kind, message)
    assert "in fails" in failed.traceback


async def test_stop_iteration_is_a_failure():
    failed = failure(await attempt(code_of(fails), inputs={"how": "stop"}))
    assert (failed.kind, failed.message) == ("StopIteration", "1")


async def test_frames_of_others_below_the_users_are_kept():
    failed = failure(await attempt(code_of(fails), inputs={"how": "by the engine"}))
    assert failed.kind == "json.decoder.JSONDecodeError"
    assert "json/decoder.py" in failed.traceback


async def test_long_messages_are_cut():
    failed = failure(await attempt(code_of(fails), inputs={"how": "long"}))
    assert len(failed.message) < 11_000
    assert "... 40000 characters ..." in failed.message
    assert len(failed.traceback) < 41_000


def test_the_engines_frames_are_known_without_kohakuengine_too(monkeypatch):
    monkeypatch.setattr(failures, "find_spec", lambda name: None)
    (ours,) = failures._engine_folders()
    assert ours == str(Path(failures.__file__).parents[1]) + os.sep


# -- threads and tasks -----------------------------------------------------------------------------

LEVEL = contextvars.ContextVar("LEVEL")


def where(value):
    thread = threading.current_thread()
    return [thread.name, thread.daemon, LEVEL.get(value)]


async def test_plain_functions_run_in_threads_with_the_tasks_context():
    LEVEL.set("deep")
    outcome = await attempt(code_of(where), inputs={"value": ""}, iteration=2)
    assert json.loads(outcome.result) == ["wflo run-1/where/2", True, "deep"]


EVENTS = {}


def sleeps(ctx, key):
    started, done = EVENTS[key]
    started.set()
    assert done.wait(30)
    seen = ctx.cancelled
    ctx.log.info("too late")
    ctx.add_cost(micro_usd=1)
    ctx.state["late"] = True
    done.clear()
    started.seen = seen
    return seen


@pytest.fixture
def events():
    EVENTS["key"] = threading.Event(), threading.Event()
    yield EVENTS["key"]
    EVENTS.clear()


async def test_a_thread_whose_time_is_over_goes_on_and_is_ignored(events):
    started, done = events
    code = code_of(sleeps, timeout_s=0.05)
    failed = failure(outcome := await attempt(code, inputs={"key": "key"}))
    assert failed.kind == "wflo.errors.StepTimeout"
    assert "TimeoutError" in failed.kinds
    assert failed.message == "step 'sleeps' took longer than 0.05 s"
    assert failed.traceback == ""
    assert started.is_set()
    done.set()
    await until(lambda: not done.is_set())
    await until(lambda: hasattr(started, "seen"))
    assert started.seen is True
    assert (outcome.logs, outcome.costs, outcome.patches) == ((), (), ())


async def test_a_cancelled_task_does_not_wait_for_its_thread(events):
    started, done = events
    task = asyncio.create_task(attempt(code_of(sleeps), inputs={"key": "key"}))
    await until(started.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    done.set()
    await until(lambda: hasattr(started, "seen"))
    assert started.seen is True


async def test_a_thread_may_outlive_its_event_loop(events):
    started, done = events

    def run():
        loop = asyncio.new_event_loop()
        task = loop.create_task(attempt(code_of(sleeps), inputs={"key": "key"}))
        loop.run_until_complete(until(started.is_set))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    await asyncio.to_thread(run)
    done.set()
    await until(lambda: hasattr(started, "seen"))


async def waits(ctx, key):
    started, done = EVENTS[key]
    started.set()
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        done.set()
        if key == "stubborn":
            return "anyway"
        if key == "confused":
            raise ValueError(key) from None
        raise


@pytest.mark.parametrize("key", ["key", "stubborn", "confused"])
async def test_an_async_function_is_cancelled_when_its_time_is_over(events, key):
    EVENTS[key] = events
    failed = failure(await attempt(code_of(waits, timeout_s=0.05), inputs={"key": key}))
    assert failed.kind == "wflo.errors.StepTimeout"
    assert events[1].is_set()


@pytest.mark.parametrize("key", ["key", "stubborn", "confused"])
async def test_an_async_function_is_cancelled_with_its_task(events, key):
    EVENTS[key] = events
    task = asyncio.create_task(attempt(code_of(waits), inputs={"key": key}))
    await until(events[0].is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events[1].is_set()


async def times_out():
    raise TimeoutError("of its own")


async def test_its_own_timeout_is_a_failure_like_others():
    failed = failure(await attempt(code_of(times_out, timeout_s=30)))
    assert (failed.kind, failed.message) == ("TimeoutError", "of its own")


async def test_a_loop_that_is_torn_down_is_left_in_peace(events):
    coroutine = attempt(code_of(waits), inputs={"key": "key"})
    task = asyncio.current_task()
    coroutine.send(None)  # up to its first await, in this task
    coroutine.close()
    assert task is asyncio.current_task()


def test_a_call_has_a_key_that_does_not_change_with_the_attempt():
    keys = {
        StepCall(execution_id="e", step="s", iteration=2, attempt=n).idempotency_key for n in (1, 2)
    }
    assert keys == {"e/s/2"}
