"""The references list all there is, and nothing else."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import kohakuengine
from kohakuengine import errors
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.config.loader import load_config_file
from kohakuengine.flow.base import ScriptWorkflow
from kohakuengine.flow.runs import RunResult
from kohakuengine_cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
API = (DOCS / "python-api.md").read_text(encoding="utf-8")

_OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")


def section(page, title):
    """What a page says under a heading, the headings below it included."""
    lines = page.splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip("#") == f" {title}")
    level = len(lines[start]) - len(lines[start].lstrip("#"))
    above = tuple("#" * n + " " for n in range(1, level + 1))
    ends = (i for i, line in enumerate(lines) if i > start and line.startswith(above))
    return "\n".join(lines[start : next(ends, len(lines))])


def first_cells(text):
    """The first cell of each row of the tables in a text."""
    return [line.split(" | ")[0].lstrip("| ") for line in text.splitlines() if line[:2] == "| "]


def names(text):
    return set(re.findall(r"`(\w+)`", text))


def options_of(name):
    parser = import_module(f"kohakuengine_cli.commands.{COMMANDS[name][0]}").make_parser()
    return {option for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_section(name):
    assert f"`kogine {name}" in section(CLI, f"kogine {name}") or name == "doctor"


@pytest.mark.parametrize("name", [name for name in COMMANDS if "workflow" not in name])
def test_each_option_is_listed_and_each_listed_option_exists(name):
    cells = first_cells(section(CLI, f"kogine {name}"))
    listed = {option for cell in cells if cell[:2] == "`-" for option in _OPTION.findall(cell)}
    assert listed | {"-h", "--help"} == options_of(name)


def test_workflows_take_the_options_of_a_run_but_for_those_that_are_named():
    run = options_of("run") - {"-e", "--entrypoint"}
    table = section(CLI, "kogine run").partition("With `-j`")[2].partition("### ")[0]
    for_j = {option for cell in first_cells(table) for option in _OPTION.findall(cell)}
    assert options_of("workflow sequential") == run - for_j
    assert options_of("workflow parallel") == run - {"--subprocess"} | {"-w", "--workers"}


def test_the_python_reference_lists_the_public_names():
    table = section(API, "Python API").partition("The examples are")[0]
    assert names("\n".join(first_cells(table))) == set(kohakuengine.__all__) - {"__version__"}


def test_the_fields_of_a_result_are_listed():
    listed = names("\n".join(first_cells(section(API, "RunResult"))))
    assert listed == {*RunResult.__dataclass_fields__, "ok", "traceback"}


@pytest.mark.parametrize(
    ("flow", "table"),
    [
        (ScriptWorkflow, section(API, "Flows").partition("| method |")[0]),
        (kohakuengine.Parallel, section(API, "In parallel")),
    ],
)
def test_the_options_of_a_flow_are_listed(flow, table):
    signature = inspect.signature(flow).parameters.values()
    listed = re.findall(r"^\| `(\w+)` \| (\S+) \|", table, re.MULTILINE)
    assert [(name, text.strip("`").replace('"', "'")) for name, text in listed] == [
        (parameter.name, repr(parameter.default))
        for parameter in signature
        if parameter.name != "scripts" and parameter.kind is not parameter.VAR_KEYWORD
    ]


@pytest.mark.parametrize(
    "function", [kohakuengine.run, kohakuengine.Script, ConfigGenerator, load_config_file]
)
def test_signatures_have_their_parameters_in_order(function):
    parameters = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    written = re.search(rf"`{function.__name__}\(([^)`]*)\)", API)
    assert re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", written[1]) == parameters


def test_the_tree_of_errors_is_that_of_the_code():
    text = inspect.getdoc(errors).partition("\n\n")[2].partition("\n\nThe built-in")[0]
    picture = inspect.cleandoc(f"\n{text}")
    assert picture in section(API, "Errors")
    drawn = re.findall(r"^[│├└─ ]*(\w+)", picture, re.MULTILINE)
    assert sorted(drawn) == sorted(set(errors.__all__) - {"nearest"})
