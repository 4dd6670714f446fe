import functools
from datetime import timedelta
from typing import Any

import pytest

from wflo import StepType, Workflow
from wflo.errors import DefinitionError


@pytest.fixture
def wf():
    return Workflow("w")


def a():
    return 1


def b(a):
    return a


def many(*values):
    return values


def named(**values):
    return values


def positional(value, /):
    return value


def yields():
    yield 1


async def yields_later():
    yield 1


def takes_item(item):
    return item


def takes_index(index):
    return index


def takes_previous(previous):
    return previous


async def later():
    return 1


def unknown_type(x: "Nowhere"):  # noqa: F821
    return x


def untestable_type(x: int) -> "type(NotImplemented)":
    return x


def not_a_type(x: 3):
    return x


def max_of(x, y):
    return max(x, y)


class Holder:
    def method(self):
        return 1


class TestFunctions:
    def test_a_lambda(self, wf):
        with pytest.raises(
            DefinitionError, match="step 'x' is a lambda, which no worker could import"
        ):
            wf.step("x")(lambda: 1)

    def test_nested(self, wf):
        def nested():
            return 1

        with pytest.raises(
            DefinitionError, match=r"step 'nested', .*<locals>.nested, is defined in a function"
        ):
            wf.step()(nested)

    def test_in_a_class(self, wf):
        with pytest.raises(DefinitionError, match=r"Holder.method, is defined in a class, from wh"):
            wf.step()(Holder.method)

    @pytest.mark.parametrize("function", [functools.partial(a), len, Holder, 3])
    def test_no_function(self, wf, function):
        with pytest.raises(DefinitionError, match="step 'x' must be a function, not"):
            wf.step("x")(function)

    @pytest.mark.parametrize("function", [yields, yields_later])
    def test_a_generator(self, wf, function):
        with pytest.raises(DefinitionError, match="is a generator; it must return its result"):
            wf.step()(function)

    @pytest.mark.parametrize(("function", "shown"), [(many, r"\*values"), (named, r"\*\*values")])
    def test_parameters_without_names(self, wf, function, shown):
        with pytest.raises(DefinitionError, match=f"takes {shown}; each parameter must have a nam"):
            wf.step()(function)

    def test_positional_only(self, wf):
        with pytest.raises(DefinitionError, match="its parameter 'value' is positional-only"):
            wf.step()(positional)

    def test_without_the_brackets(self, wf):
        with pytest.raises(DefinitionError, match=r"'w': write @wf.step\(\), with the brackets"):
            wf.step(a)

    def test_an_annotation_of_unknown_names(self, wf):
        wf.step()(unknown_type)
        with pytest.raises(
            DefinitionError,
            match="'w': step 'unknown_type': its parameter 'x' is annotated 'Nowhere', which "
            "cannot be used: name 'Nowhere' is not defined",
        ):
            wf.definition  # noqa: B018

    def test_a_result_that_cannot_be_checked(self, wf):
        wf.step()(untestable_type)
        with pytest.raises(DefinitionError, match=r"its result is annotated .*cannot be used: Una"):
            wf.definition  # noqa: B018

    def test_an_annotation_that_is_no_type(self, wf):
        wf.step()(not_a_type)
        with pytest.raises(DefinitionError, match="'x' is annotated '3', which cannot be used"):
            wf.definition  # noqa: B018

    def test_typed_at_a_prompt_in_a_process_of_its_own(self, wf, monkeypatch):
        import sys
        from types import ModuleType

        monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        exec("def typed(): return 1", vars(sys.modules["__main__"]))
        function = sys.modules["__main__"].typed
        wf.step()(function)
        assert wf.definition.steps[0].code.module == "__main__"
        wf = Workflow("w")
        wf.step(isolation="process")(function)
        with pytest.raises(DefinitionError, match="typed at a prompt cannot have its own process"):
            wf.definition  # noqa: B018


class TestIds:
    @pytest.mark.parametrize("step_id", ["two words", "1st", "", "a" * 101, 3])
    def test_that_are_none(self, wf, step_id):
        with pytest.raises(DefinitionError, match="cannot be the id of a step: up to 100 letters"):
            wf.step(step_id)

    def test_of_the_context(self, wf):
        with pytest.raises(DefinitionError, match="the id 'ctx', which is the parameter that rec"):
            wf.step("ctx")

    def test_twice(self, wf):
        wf.step("x")(a)
        with pytest.raises(DefinitionError, match=r"'w': two steps are called 'x'$"):
            wf.step("x")(b)

    def test_decorated_twice(self, wf):
        with pytest.raises(DefinitionError, match="called 'a': its function was decorated twice"):
            wf.step()(wf.step()(a))

    def test_two_timers(self, wf):
        wf.timer("t", seconds=1)
        with pytest.raises(DefinitionError, match=r"two steps are called 't'$"):
            wf.timer("t", seconds=1)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"type": "tol"}, "there is no type 'tol'; it is one of 'tool', 'agent', 'condition'"),
            ({"type": 3}, "there is no type 3"),
            ({"type": "timer"}, r"a step of type 'timer' is made by wf.timer\(...\)"),
            ({"type": StepType.APPROVAL}, "a step of type 'approval' is made by nothing yet"),
            ({"type": "parallel"}, "a parallel step needs map_over"),
            ({"type": "condition", "map_over": "x"}, "a condition is asked once"),
            ({"depends_on": "a"}, "depends_on is a list of step ids, not 'a'"),
            ({"depends_on": 3}, "depends_on is a list of step ids, not 3"),
            ({"depends_on": [a]}, "depends_on has <function a"),
            ({"depends_on": [["a"]]}, r"depends_on has \['a'\], which is no step's id"),
            (
                {"retry": True},
                r"retry is a number of repeats \(0 to 9999\) or a RetryPolicy, not T",
            ),
            ({"retry": -1}, "retry is a number of repeats"),
            ({"retry": "often"}, "not 'often'"),
            ({"item": "url"}, "item, max_items and concurrency belong to map_over"),
            ({"concurrency": 2}, "belong to map_over"),
            ({"max_items": 2}, "belong to map_over"),
            ({"map_over": ["a"]}, "map_over is the name of a step or an input, not"),
            ({"map_over": "x", "item": "x"}, "the item cannot be called 'x'"),
            ({"map_over": "x", "item": "ctx"}, "the item cannot be called 'ctx'"),
            ({"map_over": "x", "item": "index"}, "the item cannot be called 'index'"),
            ({"map_over": "x", "max_items": 0}, "max_items: .* greater than or equal to 1, got 0"),
            ({"until": a}, "a loop has until and max_iterations; max_iterations is missing"),
            ({"max_iterations": 3}, "a loop has until and max_iterations; until is missing"),
            ({"until": a, "max_iterations": 0}, "max_iterations: .*got 0"),
            ({"until": "done", "max_iterations": 1}, "until of .*must be a function, not 'done'"),
            ({"when": 3}, "when of workflow 'w': step 'a' must be a function, not 3"),
            ({"isolation": "docker"}, "isolation is 'thread' or 'process', not 'docker'"),
            ({"isolation": "async"}, "isolation is 'thread' or 'process', not 'async'"),
        ],
    )
    def test_that_make_no_sense(self, wf, options, message):
        with pytest.raises(DefinitionError, match=message):
            wf.step(**options)(a)

    def test_a_thread_for_an_async_function(self, wf):
        with pytest.raises(DefinitionError, match="'later' is async and runs on the event loop"):
            wf.step(isolation="thread")(later)

    @pytest.mark.parametrize("inputs", [["a"], {"a": 1}, {1: "a"}])
    def test_inputs_that_are_none(self, wf, inputs):
        child = Workflow("child")
        with pytest.raises(DefinitionError, match="inputs is a dict of names to steps or inputs"):
            wf.workflow("x", child, inputs=inputs)

    @pytest.mark.parametrize(
        "seconds", ["3", timedelta(seconds=3), None, True, float("nan"), float("inf")]
    )
    def test_seconds_that_are_no_number(self, wf, seconds):
        with pytest.raises(DefinitionError, match="'w': step 't': seconds is a number, not "):
            wf.timer("t", seconds=seconds)

    @pytest.mark.parametrize("seconds", [-1, -0.5, 315_360_001, 10**400])
    def test_seconds_out_of_range(self, wf, seconds):
        wf.timer("t", seconds=seconds)
        with pytest.raises(DefinitionError, match="accepted, from 0 to 315360000"):
            wf.definition  # noqa: B018

    def test_a_timeout_that_is_none(self, wf):
        wf.step(timeout_s=0)(a)
        with pytest.raises(DefinitionError, match=r"'w': step 'a': timeout_s: .*than 0, got 0"):
            wf.definition  # noqa: B018

    def test_both_a_map_and_a_loop(self, wf):
        wf.step(map_over="x", until=a, max_iterations=1)(takes_item)
        with pytest.raises(DefinitionError, match="step 'takes_item' has both a map and a loop"):
            wf.definition  # noqa: B018


class TestNames:
    @pytest.mark.parametrize(
        ("function", "options", "message"),
        [
            (takes_previous, {}, "takes 'previous', which only a loop has: give it until and max"),
            (a, {"map_over": "xs"}, "maps over 'xs' and takes neither 'item' nor 'index'"),
            (a, {"until": b, "max_iterations": 1, "when": lambda ctx: 1}, "when of step 'a' takes"),
            (a, {"until": max_of, "max_iterations": 1}, "until of step 'a' must take one param"),
            (a, {"until": lambda ctx: 1, "max_iterations": 1}, "until of step 'a' must take one"),
        ],
    )
    def test_without_a_meaning(self, wf, function, options, message):
        wf.step(**options)(function)
        with pytest.raises(DefinitionError, match=f"workflow 'w': .*{message}"):
            wf.definition  # noqa: B018

    def test_its_own(self, wf):
        wf.step("a")(b)
        with pytest.raises(DefinitionError, match="step 'a' takes its own result; in a loop, 'pre"):
            wf.definition  # noqa: B018

    def test_an_unknown_dependency(self, wf):
        wf.step(depends_on=["fetsh"])(a)
        wf.step("fetch")(a)
        with pytest.raises(
            DefinitionError,
            match=r"^workflow 'w': step 'a' depends on 'fetsh', which is no step; did you mean 'f",
        ):
            wf.definition  # noqa: B018

    def test_a_cycle(self, wf):
        wf.step(depends_on=["b"])(a)
        wf.step()(b)
        with pytest.raises(DefinitionError, match="'w': steps wait for each other: a -> b -> a"):
            wf.definition  # noqa: B018

    def test_a_map_over_itself(self, wf):
        wf.step("x", map_over="x")(takes_item)
        with pytest.raises(DefinitionError, match="steps wait for each other: x -> x"):
            wf.definition  # noqa: B018

    def test_an_item_that_is_also_a_step(self, wf):
        wf.step("item")(a)
        wf.step(map_over="xs")(takes_item)
        with pytest.raises(DefinitionError, match="its items are called 'item', and so is a step"):
            wf.definition  # noqa: B018

    def test_an_index_that_is_also_a_step(self, wf):
        wf.step("index")(a)
        wf.step(map_over="xs")(takes_index)
        with pytest.raises(DefinitionError, match="'index' is the number of the iteration, and al"):
            wf.definition  # noqa: B018

    def test_a_step_may_be_called_as_what_others_do_not_have(self, wf):
        wf.step("index")(a)
        wf.step("previous")(a)
        wf.step()(takes_index)
        wf.step()(takes_previous)
        needs: Any = {name: code.needs for name, code in wf.code.steps.items()}
        assert needs["takes_index"] == {"index"}
        assert needs["takes_previous"] == {"previous"}

    def test_a_sub_workflow_that_ignores_the_item(self, wf):
        child = Workflow("child")
        child.step()(takes_index)
        wf.workflow("x", child, map_over="xs", inputs={"index": "level"})
        with pytest.raises(DefinitionError, match="takes neither 'item' nor 'index'"):
            wf.definition  # noqa: B018
