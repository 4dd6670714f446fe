import datetime as dt
import enum
from pathlib import Path

import pydantic
import pytest

from wflo import Workflow
from wflo.errors import InputError


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    day: dt.date


def fetch(url: str, pages: int = 3, verbose=False):
    return url, pages, verbose


def typed(day: dt.date, path: Path, level: Level, strict: Strict):
    return day, path, level, strict


def anything(value):
    return value


def text(value: str):
    return value


def number(value: int):
    return value


def optional(value: str | None = None):
    return value


def double(item):
    return item


def workflow(*functions, **options):
    wf = Workflow("w")
    for function in functions:
        wf.step(**options)(function)
    return wf


class TestInputs:
    def test_are_the_parameters_that_are_no_steps(self):
        wf = workflow(fetch)
        wf.step()(inspect_fetch)
        assert list(wf.inputs) == ["url", "pages", "verbose", "depth"]
        assert len(wf.inputs) == 4
        assert repr(wf.inputs) == "<inputs of workflow 'w': url, pages, verbose, depth>"
        url, pages = wf.inputs["url"], wf.inputs["pages"]
        assert (url.required, url.annotation, url.steps) == (True, str, ("fetch",))
        assert (pages.required, pages.default) == (False, 3)

    def test_may_be_none(self):
        assert repr(workflow(no_inputs).inputs) == "<inputs of workflow 'w': none>"
        assert workflow(no_inputs).check_input({}) == {}

    def test_one_that_several_steps_take_is_required_if_one_of_them_requires_it(self):
        wf = workflow(optional, anything)
        assert wf.inputs["value"].required
        assert wf.inputs["value"].steps == ("optional", "anything")

    def test_one_that_several_steps_take_must_be_of_all_their_types(self):
        wf = workflow(anything, text, number)
        with pytest.raises(InputError, match="'w': input 'value': Input should be a valid integer"):
            wf.check_input({"value": "ten"})
        assert wf.check_input({"value": "10"}) == {"value": "10"}


def inspect_fetch(fetch, depth):
    return fetch, depth


def no_inputs(ctx):
    return 1


class TestCheck:
    def test_gives_json(self):
        given = {
            "day": dt.date(2020, 1, 2),
            "path": Path("a/b"),
            "level": Level.HIGH,
            "strict": Strict(day=dt.date(2020, 1, 2)),
        }
        plain = {
            "day": "2020-01-02",
            "path": "a/b",
            "level": 2,
            "strict": {"day": "2020-01-02"},
        }
        wf = workflow(typed)
        assert wf.check_input(given) == plain
        assert wf.check_input(plain) == plain  # which is taken as well, even by a strict model

    def test_copies(self):
        value = {"a": [1, (2,)]}
        checked = workflow(anything).check_input({"value": value})
        assert checked == {"value": {"a": [1, [2]]}}
        assert checked["value"]["a"] is not value["a"]

    def test_optional_ones_may_be_left_out(self):
        assert workflow(fetch).check_input({"url": "x"}) == {"url": "x"}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "^workflow 'w': input 'url' is missing, which 'fetch' takes$"),
            ({"url": 3}, "'w': input 'url': Input should be a valid string, got 3 "),
            ({"url": "x", "pagse": 1}, r"there is no input 'pagse'; did you mean 'pages'\?$"),
            ({"url": "x", "zzz": 1}, "no input 'zzz'; the inputs are: url, pages, verbose$"),
            ({"url": "x", "urls": 1}, r"there is no input 'urls'; did you mean 'url'\?$"),
            ({"url": "x", "verbose": {1}}, "input 'verbose': it is of type set, which is not JSON"),
            ({"url": "x", "verbose": float("nan")}, "'verbose': it is nan, which JSON has not"),
            (
                {"url": "x", "verbose": 10**5000},
                "'verbose': it is an integer of more than 4300 digits",
            ),
        ],
    )
    def test_says_what_is_wrong(self, given, message):
        with pytest.raises(InputError, match=message):
            workflow(fetch).check_input(given)

    def test_says_it_in_a_line_for_each(self):
        with pytest.raises(InputError) as raised:
            workflow(fetch).check_input({"ulr": "x", "pages": "many"})
        assert str(raised.value).splitlines() == [
            "workflow 'w' cannot take this input:",
            "  input 'url' is missing, which 'fetch' takes",
            "  there is no input 'ulr'; did you mean 'url'?",
            (
                "  input 'pages': Input should be a valid integer, unable to parse string as an "
                "integer, got 'many' (str)"
            ),
        ]

    def test_a_misspelled_step_is_a_missing_input(self):
        wf = Workflow("w")
        wf.step("fetch")(no_inputs)
        wf.step(map_over="fetsh")(double)
        with pytest.raises(
            InputError,
            match="input 'fetsh' is missing, which 'double' takes; did you mean the step 'fetch'",
        ):
            wf.check_input({})

    def test_what_is_mapped_must_be_a_list(self):
        wf = workflow(double, map_over="items")
        assert wf.check_input({"items": (1, 2)}) == {"items": [1, 2]}
        with pytest.raises(InputError, match="'items': step 'double' maps over it, so it must be"):
            wf.check_input({"items": "abc"})

    def test_what_is_mapped_keeps_the_type_that_others_give_it(self):
        wf = workflow(double, map_over="numbers")
        wf.step()(total)
        assert wf.check_input({"numbers": ["1"]}) == {"numbers": [1]}

    def test_many_problems_are_cut(self):
        wf = workflow(total)
        with pytest.raises(InputError, match=r"numbers': 0: .*; 1: .*; 2: .*; and 2 more$"):
            wf.check_input({"numbers": ["a"] * 5})


def total(numbers: list[int]):
    return sum(numbers)


class Even(pydantic.BaseModel):
    number: int

    @pydantic.field_validator("number")
    @classmethod
    def _is_even(cls, number):
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number


def even(even: Even):
    return even


def test_what_a_validator_of_the_user_says_is_said_as_it_is():
    wf = Workflow("w")
    wf.step("check")(even)
    with pytest.raises(InputError, match=r"^workflow 'w': input 'even': number: 3 is odd$"):
        wf.check_input({"even": {"number": 3}})
    with pytest.raises(InputError, match=r"^workflow 'w': input 'even': number: Field required$"):
        wf.check_input({"even": {}})


class TestParse:
    @pytest.mark.parametrize(
        ("function", "given", "value"),
        [
            (text, "ten", "ten"),
            (text, "10", "10"),
            (text, '"10"', "10"),
            (text, "null", "null"),
            (optional, "null", None),
            (number, "10", 10),
            (number, "ten", "ten"),  # for `check` to refuse
            (anything, "10", 10),
            (anything, "[1, 2]", [1, 2]),
            (anything, "[1, 2", "[1, 2"),
            (anything, "NaN", "NaN"),
            (anything, "a=b", "a=b"),
            (anything, "", ""),
        ],
    )
    def test_takes_json_where_that_fits(self, function, given, value):
        assert workflow(function).parse_input([f"value={given}"]) == {"value": value}

    def test_keeps_unknown_names(self):
        assert workflow(text).parse_input(["vlaue=1"]) == {"vlaue": 1}

    @pytest.mark.parametrize("given", ["value", "=1", ""])
    def test_refuses_what_is_no_assignment(self, given):
        with pytest.raises(InputError, match=f"'w': '{given}' is not NAME=VALUE"):
            workflow(text).parse_input([given])

    def test_refuses_a_name_twice(self):
        with pytest.raises(InputError, match="input 'value' is given twice"):
            workflow(text).parse_input(["value=1", "value=2"])
