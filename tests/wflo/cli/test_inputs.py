"""What a run is given on the command line."""

import io
import sys

import pytest

from wflo import Workflow
from wflo.cli.inputs import read_inputs
from wflo.errors import InputError

wf = Workflow("w")


@wf.step()
async def a(number: int, text: str, flag: bool = False, values: list[int] | None = None): ...


def test_a_value_is_json_or_a_text_as_its_type_wants(folder):
    given = ["number=1", "text=1", "flag=true", "values=[1, 2]"]
    assert read_inputs(wf.inputs, given, None) == {
        "number": 1,
        "text": "1",
        "flag": True,
        "values": [1, 2],
    }


def test_what_is_wrong_in_a_list_is_said_of_the_list():
    given = read_inputs(wf.inputs, ["number=1", "text=[1]", 'values=[1, "x"]'], None)
    assert given == {"number": 1, "text": "[1]", "values": [1, "x"]}
    with pytest.raises(
        InputError, match=r"input 'values': \[?1\]?.*valid integer.*got 'x' \(str\)"
    ):
        wf.inputs.check(given)


def test_nothing_given_is_told_from_nothing_in_it(write):
    write(input_json="{}")
    assert read_inputs(wf.inputs, [], None) is None
    assert read_inputs(wf.inputs, [], "") is None
    assert read_inputs(wf.inputs, [], "input.json") == {}


def test_what_is_on_the_line_beats_the_file(write):
    write(input_json='{"number": 1, "text": "é"}')
    assert read_inputs(wf.inputs, ["number=2"], "input.json") == {"number": 2, "text": "é"}


def test_a_file_may_begin_with_a_mark(folder):
    (folder / "input.json").write_bytes(b'\xef\xbb\xbf{"number": 1}')
    assert read_inputs(wf.inputs, [], "input.json") == {"number": 1}


def test_stdin_is_a_file(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"number": 1}'))
    assert read_inputs(wf.inputs, [], "-") == {"number": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "must be a JSON object, of names and values; it is a list"),
        ('"x"', "it is a text"),
        ("true", "it is a boolean"),
        ("null", "it is null"),
        ("1.5", "it is a number"),
        ('{"a": ', "is not JSON: Expecting value: line 1 column 7"),
        ('{"a": NaN}', "is not JSON: JSON has no NaN"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_with_something_else_is_refused(write, text, message):
    write(input_json=text)
    with pytest.raises(InputError, match=f"the input input.json .*{message}"):
        read_inputs(wf.inputs, [], "input.json")


def test_a_file_that_is_not_text_is_refused(folder):
    (folder / "input.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=r"input.json is not JSON: 'utf-8' codec"):
        read_inputs(wf.inputs, [], "input.json")


@pytest.mark.parametrize(
    ("name", "reason"), [("nope.json", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_read_is_named(folder, name, reason):
    with pytest.raises(InputError, match=f"the input {name} cannot be read: {reason}"):
        read_inputs(wf.inputs, [], name)


def test_a_pair_that_is_none_is_refused():
    with pytest.raises(InputError, match="'number' is not NAME=VALUE"):
        read_inputs(wf.inputs, ["number"], None)
