"""``wflo cancel`` and ``wflo resume``."""

import json
import re

import pytest

FLOW = """
    import os
    from wflo import Workflow

    wf = Workflow("flow")

    @wf.step()
    async def a() -> int:
        if not os.path.exists("luck"):
            raise ValueError("no luck")
        return 1
"""


@pytest.fixture
def flow(write):
    write(flow=FLOW)


def test_a_run_is_cancelled(here, flow):
    here("submit", "flow.py", "--id", "one")
    ended = here("cancel", "one", "--reason", "enough", "--json")
    assert (ended.code, ended.err) == (0, "execution one: cancelled\n")
    assert json.loads(ended.out)["status"] == "cancelled"
    assert here("cancel", "one") == (0, "", "execution one: cancelled\n")


def test_who_cancelled_it_and_why_is_shown(here, flow):
    here("submit", "flow.py", "--id", "one")
    here("cancel", "one", "--reason", "enough\x1b[31m of it")
    here("resume", "one")
    cancelled, resumed = re.findall(r"^audit +(.*)$", here("show", "one").out, re.MULTILINE)
    assert re.fullmatch(r"cancel by \S+, [\d-]+ [\d:]+: enough\\x1b\[31m of it", cancelled)
    assert re.fullmatch(r"resume by \S+, [\d-]+ [\d:]+", resumed)
    found = json.loads(here("show", "one", "--json").out)["audit"]
    assert [(act["action"], act["detail"]) for act in found] == [
        ("cancel", {"reason": "enough\x1b[31m of it"}),
        ("resume", {}),
    ]
    assert found[0]["created_at"].endswith("Z")


def test_what_has_ended_is_not_cancelled(here, flow):
    here("run", "flow.py", "--id", "one")
    ended = here("cancel", "one")
    assert ended == (1, "", "Error: execution 'one' had ended already: failed\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cancel", "execution 'one' had ended already: completed"),
        ("resume", "execution 'one' cannot be resumed: it has completed"),
    ],
)
def test_json_says_why_not(here, flow, folder, command, message):
    (folder / "luck").touch()
    here("run", "flow.py", "--id", "one")
    ended = here(command, "one", "--json")
    assert (ended.code, ended.err) == (1, f"Error: {message}\n")
    assert json.loads(ended.out) == {"error": message}


def test_whose_changes_are_accepted_is_clear(here, flow):
    ended = here("resume", "one", "--accept-changes")
    assert ended.code == 2
    assert ended.err.startswith(
        "Error: --accept-changes needs --run; of a worker it is `wflo worker --accept-changes`."
    )


def test_a_run_that_failed_is_given_to_a_worker_again(here, flow):
    here("run", "flow.py", "--id", "one")
    ended = here("resume", "one", "--json", "--database", ".wflo/wflo.db")
    assert ended.code == 0
    assert json.loads(ended.out)["status"] == "running"
    assert ended.err == (
        "execution one: running; a worker goes on with it,\n"
        "or this, here: wflo resume --run one --database .wflo/wflo.db\n"
    )


def test_a_run_that_failed_is_run_here_again(here, flow, folder):
    here("run", "flow.py", "--id", "one")
    assert here("resume", "one", "--run").code == 1
    (folder / "luck").touch()
    ended = here("resume", "one", "--run")
    assert (ended.code, ended.out) == (0, "1\n")
    again = here("resume", "one", "--run", "--json")
    assert again.err.startswith("execution one has completed already\n")
    assert json.loads(again.out)["results"] == {"a": 1}


def test_what_has_completed_is_not_resumed(here, flow, folder):
    (folder / "luck").touch()
    here("run", "flow.py", "--id", "one")
    ended = here("resume", "one")
    assert ended == (1, "", "Error: execution 'one' cannot be resumed: it has completed\n")


def test_code_that_is_gone_is_named_and_nothing_is_changed(here, flow, folder):
    here("run", "flow.py", "--id", "one")
    (folder / "flow.py").unlink()
    from wflo.runtime.home import FILES

    FILES.clear()
    ended = here("resume", "one", "--run")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        f"Error: there is no file {folder}/flow.py",
        f"The code of execution 'one' is {folder}/flow.py, as it was submitted.",
    ]
    assert "failed" in here("show", "one").out
