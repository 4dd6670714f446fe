import asyncio
import subprocess
import sys

import pytest

import wflo
from wflo import Workflow
from wflo.errors import ExecutionFailed, InputError


def double(n: int) -> int:
    return 2 * n


def fail(n: int) -> None:
    raise LookupError(f"no {n}")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wf():
    wf = Workflow("w")
    wf.step()(double)
    return wf


def test_gives_results(wf):
    result = wf.run_sync(n=2)
    assert result.output == 4
    assert result["double"] == 4


async def test_gives_results_in_an_event_loop(wf):
    assert (await wf.run(n=2)).output == 4


async def test_sync_is_refused_in_an_event_loop(wf):
    with pytest.raises(RuntimeError, match=r"event loop is running; use `await wf.run\(...\)`"):
        wf.run_sync(n=2)


def test_an_input_may_have_any_name():
    wf = Workflow("w")
    wf.step("itself")(takes_self)
    assert wf.run_sync(self=1).output == 1


def takes_self(self):
    return self


def test_checks_the_input_first(wf):
    with pytest.raises(InputError, match="'w': input 'n' is missing"):
        wf.run_sync()


async def test_continues_a_run(wf):
    first = await wf.execute({"n": 2}, execution_id="mine")
    again = await wf.execute({"n": 2}, execution_id="mine")
    assert first.id == again.id == "mine"
    assert again.output == 4


@pytest.mark.parametrize("execution_id", ["", "a b", "/a", "a\n", "x" * 256])
async def test_an_id_that_is_none_is_refused_before_anything_is_there(wf, tmp_path, execution_id):
    with pytest.raises(InputError, match="cannot be the id of an execution: that is up to 255"):
        await wf.execute({"n": 2}, execution_id=execution_id)
    assert not list(tmp_path.iterdir())


def test_fails_with_what_the_step_said():
    wf = Workflow("w")
    wf.step()(fail)
    with pytest.raises(ExecutionFailed, match="LookupError: no 3") as raised:
        wf.run_sync(n=3)
    assert raised.value.failure.step == "fail"


async def fails_later() -> None:
    raise LookupError("later")


def test_what_an_async_step_raises_came_from_nothing_of_ours():
    wf = Workflow("w")
    wf.step()(fails_later)
    with pytest.raises(ExecutionFailed) as raised:
        wf.run_sync()
    text = raised.value.failure.traceback
    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("LookupError: later\n")
    assert text.count("Traceback") == 1
    assert "During handling" not in text


def test_as_a_program(tmp_path):
    path = tmp_path / "flow.py"
    path.write_text(
        "from wflo import Workflow\n"
        "wf = Workflow('w')\n"
        "@wf.step(isolation='process')\n"
        "def add(a: int, b: int) -> int: return a + b\n"
        "@wf.step()\n"
        "async def show(add): print(add)\n"
        "if __name__ == '__main__':\n"
        "    print(wf.source)\n"
        "    wf.run_sync(a=1, b=2)\n"
    )
    done = subprocess.run(
        [sys.executable, "flow.py"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.splitlines(), done.stderr) == ([str(path), "3"], "")


PUBLIC = [
    "CodeChanged",
    "CostSummary",
    "Database",
    "DatabaseError",
    "DefinitionError",
    "ExecutionCancelled",
    "ExecutionExists",
    "ExecutionFailed",
    "ExecutionFilter",
    "ExecutionNotFound",
    "ExecutionPage",
    "ExecutionResult",
    "ExecutionStatus",
    "ExecutionSummary",
    "InputError",
    "MissingExtra",
    "NotSupported",
    "RetryPolicy",
    "Settings",
    "SettingsError",
    "SnapshotNotFound",
    "StateManager",
    "StateSnapshot",
    "StepError",
    "StepFailure",
    "StepStatus",
    "StepType",
    "StoredWorkflow",
    "WfloError",
    "Workflow",
    "WorkflowContext",
    "WorkflowDefinition",
    "WorkflowExecution",
    "WorkflowManager",
    "WorkflowNotFound",
    "WorkflowPolicies",
    "WorkflowState",
    "WorkflowStep",
    "__version__",
]


FROM_A_PIPE = """
from wflo import Workflow
wf = Workflow("w")
@wf.step(**{options})
def answer() -> int: return 42
try:
    print(wf.source, wf.run_sync().output)
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "__main__:wf 42\n"),
        ({"isolation": "process"}, "workflow 'w': step 'answer': what was typed at a prompt "),
    ],
)
def test_a_program_from_a_pipe_has_no_file(options, said):
    done = subprocess.run(
        [sys.executable, "-"],
        input=FROM_A_PIPE.format(options=options),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.startswith(said), done.stderr) == (True, "")


class TestNames:
    def test_are_loaded_when_they_are_first_used(self):
        code = (
            "import sys, wflo\n"
            "assert not [m for m in sys.modules if m.startswith('wflo.')]\n"
            "from wflo import Workflow, WorkflowContext, RetryPolicy, errors\n"
            "assert Workflow is wflo.Workflow\n"
            "heavy = ('asyncio', 'sqlalchemy', 'alembic', 'structlog', 'click', 'rich')\n"
            "assert not set(heavy) & set(sys.modules), sys.modules.keys()\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    def test_are_what_is_listed(self):
        listed = wflo.__all__
        assert listed == sorted(listed)
        assert set(listed) <= set(dir(wflo))
        for name in listed:
            assert getattr(wflo, name) is not None

    def test_are_these(self):
        assert wflo.__all__ == PUBLIC

    def test_that_are_none(self):
        with pytest.raises(AttributeError, match="module 'wflo' has no attribute 'Wrkflow'"):
            wflo.Wrkflow  # noqa: B018


def test_loops_are_not_kept_open(wf):
    assert asyncio.run(wf.run(n=1)).output == 2
    assert asyncio.run(wf.run(n=2)).output == 4
