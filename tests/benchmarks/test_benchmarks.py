"""That the benchmarks work, at a size at which their figures mean nothing. Nothing here is timed."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = ["import", "first-config", "first-run", "kogine-run", "kogine-help", "sweep", "memory"]


def run_benchmarks(*arguments):
    command = [sys.executable, str(BENCHMARKS / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def quick():
    return run_benchmarks("--quick", "--repeats", "1")


@pytest.fixture
def program(monkeypatch):
    """`benchmarks/run.py` as a module, with a benchmark whose repeats come to 1.9, 2 and 9 times."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    module = importlib.import_module("run")
    measuring = sys.modules["measuring"]
    ours = iter([19, 90, 20])
    fake = measuring.Benchmark(
        name="fake",
        ours="`ours`",
        base="`theirs`",
        unit="s",
        bound=measuring.Bound(1.95),
        repeat=lambda quick: measuring.Pair(next(ours), 10),
    )
    monkeypatch.setitem(module.BENCHMARKS, "fake", fake)
    yield module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


@pytest.mark.parametrize("name", NAMES)
def test_it_prints_its_ratio_beside_its_bound(quick, name):
    assert quick.returncode == 0, quick.stderr
    [row] = [line for line in quick.stdout.splitlines() if line.startswith(f"{name} ")]
    assert re.search(r" \d+\.\d\dx ", row)
    assert re.search(r" none +for information$| at most .* (ok|over)$", row)


def test_these_are_all_benchmarks(quick):
    assert re.findall("measuring (.*)", quick.stderr) == NAMES


def test_a_quick_run_says_that_it_measures_nothing(quick):
    assert "Not measurements" in quick.stdout


def test_the_machine_is_described_without_its_paths(quick):
    assert re.search(
        r"^\d{4}-\d\d-\d\d; Python 3\.\d+.*; .* cores; load average", quick.stdout, re.MULTILINE
    )
    assert str(BENCHMARKS) not in quick.stdout


def test_an_unknown_name_is_refused_with_the_known_ones():
    done = run_benchmarks("sweeep")
    assert done.returncode == 2
    assert f"there are {', '.join(NAMES)}. Did you mean 'sweep'?" in done.stderr


def test_no_repeats_are_refused():
    done = run_benchmarks("--repeats", "0")
    assert done.returncode == 2
    assert "'0' is no number of repeats; 1 is the least" in done.stderr


def test_a_figure_is_the_median_of_the_repeats(program, capsys):
    assert program.main(["fake", "--repeats", "3"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert re.split("  +", row)[-4:] == ["2.00x", "1.90x to 9.00x", "at most 1.95x", "over"]


def test_a_figure_over_its_bound_fails_only_a_check(program):
    assert program.main(["fake", "--repeats", "3", "--check"]) == 1


def test_a_figure_within_its_bound_passes_a_check(program):
    assert program.main(["fake", "--repeats", "1", "--check"]) == 0


def test_markdown_has_a_cell_for_each_column(program, capsys):
    program.main(["fake", "--repeats", "1", "--markdown"])
    head, rule, row = capsys.readouterr().out.splitlines()[:3]
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "| `ours`: 19 s | `theirs`: 10 s | 1.90x |" in row


def test_the_sides_take_turns_at_beginning(program):
    calls = []
    measuring = sys.modules["measuring"]
    measuring.alternated(lambda: calls.append("ours"), lambda: calls.append("base"), 3)
    assert calls == ["ours", "base", "base", "ours", "ours", "base"]


def test_a_command_that_fails_breaks_its_benchmark(program, capfd):
    measuring = sys.modules["measuring"]
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        measuring.start(measuring.python("-c", "raise SystemExit(3)"))
