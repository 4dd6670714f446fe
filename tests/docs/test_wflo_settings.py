"""The page of wflo's settings lists all there are, with their defaults and what they are for."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from wflo.config.settings import variables

PAGE = (Path(__file__).parents[2] / "docs/wflo/settings.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `WFLO_")]


def row(variable, field):
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    shown = "" if default is None else f"`{default}`"
    return f"| `{variable}` | {shown} | {field.description} |"


@pytest.mark.parametrize("variable", variables())
def test_each_setting_is_listed_as_it_is(variable):
    assert row(variable, variables()[variable]) in ROWS


def test_nothing_else_is_listed():
    assert len(ROWS) == len(variables())
