"""`WFLO_EVENTS__FILE` is all it takes."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from processes import until

WFLO = str(Path(sysconfig.get_path("scripts")) / "wflo")
FLOW = """
from wflo import Workflow

wf = Workflow("hello")


@wf.step()
def greet(name: str = "you") -> str:
    return f"hello {name}"


if __name__ == "__main__":
    wf.run_sync()
"""


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(FLOW)
    return {**os.environ, "WFLO_EVENTS__FILE": "events.jsonl", "WFLO_LOGGING__LEVEL": "warning"}


def types(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["type"] for line in lines]


WHOLE = ["execution.created", "execution.started", "step.completed", "execution.completed"]


@pytest.mark.parametrize("command", [[WFLO, "run", "flow.py"], [sys.executable, "flow.py"]])
def test_of_a_run(command, environment, tmp_path):
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    assert types(tmp_path / "events.jsonl") == WHOLE


def test_of_a_worker(environment, tmp_path):
    submit = [WFLO, "submit", "flow.py"]
    subprocess.run(submit, env=environment, check=True, capture_output=True, timeout=60)
    assert types(tmp_path / "events.jsonl") == []
    worker = [WFLO, "worker", "--app", "flow.py"]
    with subprocess.Popen(worker, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: len(types(tmp_path / "events.jsonl")) == len(WHOLE))
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert types(tmp_path / "events.jsonl") == WHOLE


def test_a_file_that_cannot_be_written_to_is_a_mistake_of_the_user(environment):
    environment["WFLO_EVENTS__FILE"] = "nowhere/events.jsonl"
    command = [WFLO, "run", "flow.py"]
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: WFLO_EVENTS__FILE: cannot append to nowhere/events.jsonl: "
        "No such file or directory\n"
    )
