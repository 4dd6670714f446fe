"""What a definition of a workflow loads; nothing here is timed."""

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
