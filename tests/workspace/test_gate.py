"""``scripts/test``, with a fake in the place of hatch."""

import os
import subprocess
import sys
from pathlib import Path

import gate
import pytest
import pythons
import tools
from members import ROOT


@pytest.fixture
def hatch(monkeypatch):
    """What hatch was called with; ``hatch.failing`` are the words that make a call fail."""

    class Calls(list):
        failing = ()

        def __call__(self, *args, pythons=()):
            self.append((" ".join(args), *map(str, pythons)))
            return int(any(word in args for word in self.failing))

    calls = Calls()
    monkeypatch.setattr(tools, "hatch", calls)
    monkeypatch.setattr(tools, "prepare", lambda: None)
    monkeypatch.setattr(pythons, "matrix", lambda: ["3.11", "3.12", "3.13"])
    monkeypatch.setattr(pythons, "preferred", lambda: "3.12")
    monkeypatch.setattr(pythons, "find", {"3.11": Path("/a/py"), "3.12": Path("/b/py")}.get)
    return calls


def summary(printed: str) -> list[str]:
    lines = printed.partition("=== summary ")[2].splitlines()[1:]
    return [" ".join(word for word in line.split() if word not in {"0.0", "s"}) for line in lines]


def test_everything_is_run_by_default_and_the_coverage_of_all_tests_is_gated(hatch, capsys):
    assert gate.main([]) == 0
    assert hatch == [
        ("check code",),
        ("check fmt",),
        ("check types",),
        ("run layers:check",),
        ("run alone:check",),
        ("run wheels:check",),
        ("run hatch-test.py3.12:cov-erase", "/b/py"),
        ("run hatch-test.py3.12:run-cov tests", "/b/py"),
        ("run hatch-test.py3.12:cov-gate", "/b/py"),
    ]
    assert summary(capsys.readouterr().out) == [
        "passed checks",
        "passed types",
        "passed layers",
        "passed alone",
        "passed wheels",
        "passed tests on Python 3.12",
        "passed coverage",
    ]


def test_all_runs_every_python_that_is_found_and_names_the_others(hatch, capsys):
    assert gate.main(["--all", "--step", "tests"]) == 0
    assert [call for call, *_ in hatch] == [
        "run hatch-test.py3.11:cov-erase",
        "run hatch-test.py3.11:run-cov tests",
        "run hatch-test.py3.12:run-cov tests",
        "run hatch-test.py3.11:cov-gate",
    ]
    assert summary(capsys.readouterr().out) == [
        "passed tests on Python 3.11",
        "passed tests on Python 3.12",
        "passed coverage",
        "not found Python 3.13",
    ]


@pytest.mark.parametrize(
    "argv", [["tests/core", "-k", "a or b"], ["--", "tests/core", "-k", "a or b"]]
)
def test_what_is_no_option_goes_to_pytest_without_the_coverage_gate(hatch, argv):
    assert gate.main(argv) == 0
    assert hatch == [("run hatch-test.py3.12:run tests/core -k a or b", "/b/py")]


def test_options_after_two_dashes_are_those_of_pytest(hatch):
    gate.main(["--", "--all"])
    assert hatch == [("run hatch-test.py3.12:run --all", "/b/py")]


def test_a_failing_step_fails_the_whole_and_stops_none_of_the_others(hatch, capsys):
    hatch.failing = ("code",)
    assert gate.main(["--step", "checks", "--step", "types"]) == 1
    assert [call for call, *_ in hatch] == ["check code", "check fmt", "check types"]
    assert summary(capsys.readouterr().out) == ["FAILED checks", "passed types"]


def test_without_a_python_of_the_matrix_there_is_nothing_to_test_with(hatch, monkeypatch):
    monkeypatch.setattr(pythons, "preferred", lambda: None)
    with pytest.raises(SystemExit, match="no Python for the tests is here"):
        gate.main([])


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_scripts_are_executable_and_start_by_checking_the_python(name):
    script = ROOT / "scripts" / name
    lines = [line for line in script.read_text().splitlines() if line.startswith(("import", "if"))]
    assert os.access(script, os.X_OK)
    assert lines[:2] == ["import sys", "if sys.version_info < (3, 11):"]


def test_help_works_from_any_folder(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "test"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "--step" in done.stdout
