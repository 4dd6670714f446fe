"""The child's side, which coverage sees only in this process."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kohakuengine import Config
from kohakuengine.config.transport import dumps, loads, private_directory
from kohakuengine.engine import child, child_main
from kohakuengine.engine.exchange import Request
from kohakuengine.errors import EntrypointNotFound


@pytest.fixture(autouse=True)
def _nothing_stays_frozen():
    yield
    gc.unfreeze()


def ask(script, config=None):
    with private_directory() as folder:
        child.write_request(
            folder, dumps(Request.of(script, config, (), strict=False), what="a request")
        )
        status = 0
        try:
            child_main.main(folder)
        except SystemExit as error:
            status = error.code
        assert sorted(os.listdir(folder)) == ["outcome", "request"]
        return status, loads(Path(folder, "outcome").read_bytes())


def test_success(script):
    for _ in "ab":
        status, report = ask(script("def main(): return 1"))
        assert (status, report.error) == (0, "")


def test_failure(script, capsys):
    status, report = ask(script("1/0"))
    assert (status, report.error) == (1, "ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_refusal(script):
    status, report = ask(script("x = 1"), Config())
    assert (status, type(report.refused)) == (1, EntrypointNotFound)


@pytest.mark.parametrize("collects", [True, False])
def test_the_collector_is_on_as_it_was(script, collects):
    made = script("import gc\ndef main(): return gc.isenabled()")
    if not collects:
        gc.disable()
    try:
        _, report = ask(made)
        assert gc.isenabled() == collects
    finally:
        gc.enable()
    assert loads(report.value) == collects


def test_what_takes_long_to_import_is_not_imported(script, capfd):
    made = script("import sys\nlr = 1\nprint(*sys.modules)")
    child.run_in_child(made, Config({"lr": 2}, args=[3], kwargs={"k": 4}))
    ours = set(capfd.readouterr().out.split())
    subprocess.run([sys.executable, made.filename], check=True)
    more = ours - set(capfd.readouterr().out.split())
    costly = {"ast", "dataclasses", "enum", "inspect", "pickle", "re", "threading", "typing"}
    assert "kohakuengine" in more
    assert not more & costly
