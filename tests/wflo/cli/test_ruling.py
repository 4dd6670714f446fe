"""``wflo cancel`` and ``wflo resume``."""

import json

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


def test_what_has_ended_is_not_cancelled(here, flow):
    here("run", "flow.py", "--id", "one")
    ended = here("cancel", "one")
    assert ended == (1, "", "Error: execution 'one' had ended already: failed\n")


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
    assert (ended.code, ended.err) == (1, f"Error: there is no file {folder}/flow.py\n")
    assert "failed" in here("show", "one").out
