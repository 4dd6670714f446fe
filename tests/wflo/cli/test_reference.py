"""The page on the command line lists all there is, and nothing else."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from wflo.cli import ending
from wflo.cli.main import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs/wflo/cli.md").read_text(encoding="utf-8")

_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def section(name):
    """What the page says under a command's heading; those of a group share one."""
    title = "## wflo db" if name.startswith("db ") else f"## wflo {name}"
    return re.split(r"\n## ", PAGE.partition(f"\n{title}\n")[2])[0]


def options_of(name):
    command = import_module(f"wflo.cli.commands.{COMMANDS[name][0]}").command
    return {
        option for parameter in command.params for option in parameter.opts if option[:1] == "-"
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_described_with_its_options(name):
    words = set(_OPTION.findall(section(name)))
    assert words >= options_of(name)
    known = {option for other in COMMANDS for option in options_of(other)}
    assert words <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_the_first_table(name):
    assert f"`wflo {name}" in PAGE.partition("## Exit codes")[0]


def test_each_exit_code_is_listed():
    listed = set(map(int, re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)))
    codes = {
        ending.OK,
        ending.FAILED,
        ending.USAGE,
        ending.CANCELLED,
        ending.INTERRUPTED,
    }
    assert listed == codes
