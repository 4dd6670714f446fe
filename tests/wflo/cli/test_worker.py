"""``wflo submit`` and ``wflo worker``."""

import json
import signal

import pytest

APP = """
    import asyncio
    import os
    import time

    from wflo import Workflow

    quick = Workflow("quick")
    slow = Workflow("slow")


    @quick.step()
    async def double(n: int) -> int:
        return 2 * n


    @slow.step()
    async def waits() -> int:
        print("waiting", flush=True)
        while not os.path.exists("hurry"):
            await asyncio.sleep(0.01)
        return 1


    @slow.step()
    def after(waits: int) -> int:
        return waits + 1
"""


@pytest.fixture
def app(write):
    write(app=APP)


@pytest.fixture
def status(here):
    """The status of a run."""

    def find(execution_id):
        return json.loads(here("show", execution_id, "--json").out)["execution"]["status"]

    return find


def test_a_run_is_created_and_left_to_a_worker(here, app, status):
    ended = here("submit", "app.py:quick", "--input", "n=1")
    assert (ended.code, ended.err) == (0, "")
    assert status(ended.out.strip()) == "pending"


def test_an_id_may_be_chosen_and_submitted_again(here, app):
    for _ in range(2):
        assert here("submit", "app:quick", "--input", "n=1", "--id", "one") == (0, "one\n", "")
    ended = here("submit", "app:quick", "--input", "n=2", "--id", "one")
    assert ended.code == 1
    assert ended.err.startswith("Error: execution 'one' exists, with other input")


def test_json_has_the_run(here, app, write):
    write(input_json='{"n": 4}')
    ended = here("submit", "app.py:quick", "--id", "one", "--json", "input.json")
    found = json.loads(ended.out)
    assert (found["id"], found["workflow"], found["status"]) == ("one", "quick", "pending")


def test_a_worker_runs_all_workflows_of_its_app_until_it_is_told_to_stop(
    start, tell, reading, here, app, status, eventually
):
    worker = start("worker", "--app", "app", "--concurrency", "3")
    said = reading(worker, "Working")
    assert said == ["Working on quick 1, slow 1, 3 steps at once; sqlite:///.wflo/wflo.db"]
    here("submit", "app:quick", "--input", "n=4", "--id", "one")
    eventually(lambda: status("one") == "completed")
    ended = tell(worker, signal.SIGTERM)
    assert ended.code == 0
    assert "Stopping: waiting up to 30 s for running steps." in ended.err


def test_told_to_stop_a_worker_lets_its_steps_end(start, reading, here, app, folder):
    here("submit", "app:slow", "--id", "one")
    worker = start("worker", "--app", "app.py")
    reading(worker, "waiting", "stdout")
    worker.send_signal(signal.SIGINT)
    reading(worker, "Stopping")
    (folder / "hurry").touch()
    worker.communicate(timeout=60)
    assert worker.returncode == 0
    steps = json.loads(here("show", "one", "--json").out)["steps"]
    assert [(step["step"], step["status"]) for step in steps] == [
        ("waits", "completed"),
        ("after", "ready"),
    ]


def test_told_twice_a_worker_gives_its_steps_back_at_once(start, reading, tell, here, app, folder):
    here("submit", "app:slow", "--id", "one")
    worker = start("worker", "--app", "app.py")
    reading(worker, "waiting", "stdout")
    worker.send_signal(signal.SIGTERM)
    reading(worker, "Stopping")
    ended = tell(worker, signal.SIGTERM)
    assert ended.code == 130
    assert "Stopping: giving running steps back." in ended.err
    found = json.loads(here("show", "one", "--json").out)
    assert [step["status"] for step in found["steps"]] == ["ready"]
    assert [attempt["status"] for attempt in found["attempts"]] == ["released"]


def test_several_apps_and_what_they_lack(here, app, write):
    write(empty="x = 1")
    ended = here("worker", "--app", "app", "--app", "empty.py")
    assert ended.code == 1
    assert ended.err.startswith("Error: empty.py has no workflow")


def test_a_concurrency_that_makes_no_sense_is_wrong_usage(here, app):
    assert here("worker", "--app", "app", "--concurrency", "0").code == 2


def test_a_worker_may_keep_to_one_workflow(start, tell, reading, app):
    worker = start("worker", "--app", "app:quick")
    assert reading(worker, "Working")[0].startswith("Working on quick 1, 64 steps")
    assert tell(worker).code == 0


def test_json_says_when_a_worker_begins_and_with_what(start, tell, reading, app):
    worker = start("worker", "--app", "app", "--json")
    [line] = reading(worker, "quick", "stdout")
    assert json.loads(line) == {
        "workflows": [{"name": "quick", "version": "1"}, {"name": "slow", "version": "1"}],
        "concurrency": 64,
        "database": "sqlite:///.wflo/wflo.db",
    }
    assert tell(worker).code == 0


def test_runs_of_other_code_are_told_of_and_run_where_that_is_accepted(
    start, tell, reading, here, wflo, write, status, eventually
):
    write(app=APP)
    assert wflo("submit", "app:quick", "--input", "n=4", "--id", "one").code == 0
    write(app=APP.replace("2 * n", "n * 30"))
    worker = start("worker", "--app", "app")
    reading(worker, "Working")
    [said] = reading(worker, "Warning")
    assert said == (
        "Warning: some runs of quick 1 were submitted with other code, and are left alone; "
        "--accept-changes runs those of the version that is here"
    )
    assert tell(worker).code == 0
    assert status("one") != "completed"
    worker = start("worker", "--app", "app", "--accept-changes")
    eventually(lambda: status("one") == "completed")
    assert json.loads(here("show", "one", "--json").out)["execution"]["output"] == 120
    assert "Warning" not in tell(worker).err


def test_what_was_submitted_with_other_code_later_is_run_too(
    start, tell, reading, wflo, write, status, eventually
):
    write(app=APP.replace("2 * n", "n * 30"))
    worker = start("worker", "--app", "app", "--accept-changes")
    reading(worker, "Working")
    write(app=APP)
    assert wflo("submit", "app:quick", "--input", "n=4", "--id", "one").code == 0
    eventually(lambda: status("one") == "completed")
    assert tell(worker).code == 0


def test_other_versions_and_what_lacks_steps_are_left_alone(
    start, tell, reading, wflo, write, status
):
    write(app=APP)
    assert wflo("submit", "app:quick", "--input", "n=4", "--id", "one").code == 0
    write(app=APP.replace("double", "twice").replace('"slow"', '"slow", version="2"'))
    worker = start("worker", "--app", "app", "--accept-changes")
    assert "no longer has the step 'double'" in reading(worker, "left alone")[-1]
    assert tell(worker).err.count("left alone") == 0  # it is said once
    assert status("one") != "completed"
