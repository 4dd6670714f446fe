"""What a definition of a workflow loads, and a list of runs; nothing here is timed."""

import subprocess
import sys

import pytest

DEFINE = """
import sys
from wflo import Workflow, WorkflowContext

workflow = Workflow("w")

@workflow.step()
def first(ctx: WorkflowContext, number: int) -> int:
    return number

workflow.definition
print(*sys.modules)
"""

# A definition is needed where nothing runs, too: for a command line, for a test of the steps.
HEAVY = [
    "aiosqlite",
    "alembic",
    "asyncpg",
    "click",
    "kohakuengine",
    "psycopg",
    "pydantic_settings",
    "rich",
    "sqlalchemy",
    "structlog",
]


# `wflo list` is to answer at once.
LIST = """
import gc, sys
from wflo.cli.main import main

{before}
assert main(["list", "--database", sys.argv[1]]) == 0
print(gc.isenabled(), gc.get_freeze_count() > 0, *sys.modules)
"""
HEAVY_FOR_LIST = [
    "aiosqlite",
    "alembic",
    "asyncpg",
    "kohakuengine",
    "psycopg",
    "rich",
    "sqlalchemy",
]


def run(program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    file = tmp_path_factory.mktemp("define") / "define.py"
    file.write_text(DEFINE)
    command = [sys.executable, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", HEAVY)
def test_a_definition_loads_neither_a_database_nor_a_command_line(loaded, name):
    assert name not in loaded


@pytest.fixture(scope="module")
def listed(sqlite_template):
    return run(LIST.format(before=""), str(sqlite_template))


@pytest.mark.parametrize("name", HEAVY_FOR_LIST)
def test_a_list_of_runs_is_read_without_what_the_engine_needs(listed, name):
    assert name not in listed


def test_what_a_command_loads_is_no_matter_of_the_garbage_collector(listed):
    assert listed[:2] == ["True", "True"]


def test_a_garbage_collector_that_is_off_is_left_alone(sqlite_template):
    assert run(LIST.format(before="gc.disable()"), str(sqlite_template))[:2] == ["False", "False"]
