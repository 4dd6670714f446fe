"""That the benchmarks work, at a size at which their figures mean nothing. Nothing here is timed."""

import dataclasses
import importlib
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = [
    "import",
    "first-config",
    "first-run",
    "kogine-run",
    "kogine-help",
    "sweep",
    "memory",
    "fork-numpy",
    "fork-numpy-xargs",
    "fork-trivial",
    "fork-trivial-xargs",
    "subprocess-numpy",
    "subprocess-trivial",
    "pool",
    "pool-memory",
    "pool-driver",
    "pool-wall",
    "first-result",
    "wflo-import",
    "wflo-chain-sqlite",
    "wflo-chain-async",
    "wflo-chain-wal",
    "wflo-chain-postgres",
    "wflo-parallel",
    "wflo-memory",
    "wflo-list",
]
LACKING = {"numpy": "numpy not found", "wflo-chain": "dbos not found"}  # by part of a name
TOOLS = [
    "bare fork loop",
    "KohakuEngine, fork",
    "KohakuEngine, subprocess",
    "KohakuEngine, pool",
    "xargs -P2 python",
    "GNU parallel -j2 python",
    "Pool(maxtasksperchild=1)",
    "multiprocessing.Pool",
    "ProcessPoolExecutor.map",
    "joblib (loky)",
    "Hydra, joblib launcher",
]
needs_numpy = pytest.mark.skipif(find_spec("numpy") is None, reason="numpy is not installed")


def run_benchmarks(*arguments):
    command = [sys.executable, str(BENCHMARKS / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def quick():
    """All but the peers."""
    return run_benchmarks("--quick", "--repeats", "1", *NAMES)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return tmp_path_factory.mktemp("plot") / "peers.svg"


@pytest.fixture(scope="module")
def peers(picture):
    return run_benchmarks("--quick", "--repeats", "1", "peers", "--plot", str(picture))


@pytest.fixture
def program(monkeypatch):
    """`benchmarks/run.py` as a module, with a benchmark whose repeats come to 1.9, 2 and 9 times."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    module = importlib.import_module("run")
    measuring, figures = sys.modules["measuring"], sys.modules["figures"]
    ours = iter([19, 90, 20])
    fake = measuring.Benchmark(
        name="fake",
        ours="`ours`",
        base="`theirs`",
        unit="s",
        bound=figures.Bound(1.95),
        repeat=lambda quick: figures.Pair(next(ours), 10),
    )
    monkeypatch.setitem(module.BENCHMARKS, "fake", fake)
    monkeypatch.setattr(module, "NAMES", [*module.NAMES, "fake"])
    yield module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def lines_of(done, beginning):
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(beginning)]


@pytest.mark.parametrize("name", NAMES)
def test_it_prints_its_ratio_beside_its_bound_or_what_it_lacks(quick, name):
    if skipped := lines_of(quick, f"skipped {name}: "):
        [reason] = [reason for part, reason in LACKING.items() if part in name]
        assert skipped == [f"skipped {name}: {reason}"]
        return
    [row] = lines_of(quick, f"{name} ")
    assert re.search(r" \d+\.\d\dx ", row)
    assert re.search(r" none +for information$| at (most|least) .* (ok|over|under)$", row)


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_has_its_figures_or_what_it_lacks(peers, tool):
    skipped = lines_of(peers, f"skipped {tool}, ")
    assert all(line.endswith(" not found") for line in skipped)
    rows = lines_of(peers, f"{tool}  ")
    if len(skipped) < 2:
        [row] = rows
        figures = re.findall(r" \d\S* \(\S+ to \S+\)", row)
        assert len(figures) == 2 - len(skipped)
        assert row.count("not measured") == len(skipped)


def test_the_plot_is_a_picture_of_what_was_measured(peers, picture):
    measured = [tool for tool in TOOLS if lines_of(peers, f"{tool}  ")]
    root = ET.fromstring(picture.read_text())
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [tool for tool in TOOLS if tool in texts] == measured
    assert "prefers-color-scheme: dark" in picture.read_text()


def test_a_plot_without_the_peers_is_refused():
    done = run_benchmarks("import", "--plot", "peers.svg")
    assert done.returncode == 2
    assert "--plot draws what peers measures: name it too" in done.stderr


def test_these_are_all_benchmarks(program):
    assert [*NAMES, "peers", "fake"] == program.NAMES


def test_they_run_in_this_order(quick):
    skipped = re.findall("^skipped (.*):", quick.stdout, re.MULTILINE)
    assert re.findall("measuring (.*)", quick.stderr) == [
        name for name in NAMES if name not in skipped
    ]


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
    assert f"there are {', '.join(NAMES)}, peers. Did you mean 'sweep'?" in done.stderr


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


def test_what_cannot_be_measured_is_skipped_with_its_reason(program, capsys):
    fake = program.BENCHMARKS["fake"]
    lacking = sys.modules["needs"].Need("a telescope", lambda: False)
    program.BENCHMARKS["fake"] = dataclasses.replace(fake, needs=[lacking])
    assert program.main(["fake", "--check"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "skipped fake: a telescope not found"


@pytest.mark.parametrize(
    ("bound", "shown", "text", "breaks"),
    [
        ("Bound(2)", "3.00x", "at most 2.00x", True),
        ("Bound(25, 'MB')", "+20.0 MB", "at most +25.0 MB", False),
        ("Itself(25, 's')", "30 s", "at most 25 s", True),
        ("Itself(None, 's')", "30 s", "none", False),
        ("Speedup(0.3)", "0.333 times faster", "at least 0.3 times faster", False),
        ("Speedup(2)", "0.333 times faster", "at least 2 times faster", True),
    ],
)
def test_a_bound_has_its_figure_its_direction_and_its_unit(program, bound, shown, text, breaks):
    figures = sys.modules["figures"]
    bound = eval(bound, vars(figures))
    figure = bound.figure(figures.Pair(ours=30, base=10))
    assert (bound.show(figure), bound.text, bound.is_broken_by(figure)) == (shown, text, breaks)


def test_a_shared_measurement_is_taken_once_for_each_repeat(program):
    figures, taken = sys.modules["figures"], iter([1, 2])
    shared = sys.modules["measuring"].Shared(lambda quick: next(taken))
    repeats = [shared.repeat(lambda number: figures.Pair(number, 1)) for _ in range(3)]
    assert [[repeat(True).ours for _ in range(2)] for repeat in repeats] == [[1, 2]] * 3


def test_the_sides_take_turns_at_beginning(program):
    calls = []
    measuring = sys.modules["measuring"]
    measuring.alternated(lambda: calls.append("ours"), lambda: calls.append("base"), 3)
    assert calls == ["ours", "base", "base", "ours", "ours", "base"]


def test_a_command_that_fails_breaks_its_benchmark(program, capfd):
    measuring = sys.modules["measuring"]
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        measuring.start(measuring.python("-c", "raise SystemExit(3)"))


@pytest.mark.parametrize("code", ["pass", "print('early'); raise SystemExit(3)"])
def test_a_command_without_a_first_line_or_a_good_end_breaks_its_benchmark(program, tmp_path, code):
    first_result, measuring = sys.modules["first_result"], sys.modules["measuring"]
    with pytest.raises(RuntimeError, match="its first line is"):
        first_result.first_line_s(measuring.python("-c", code), str(tmp_path))


def test_a_failing_run_breaks_the_bare_fork_loop(program, tmp_path, capfd):
    script = tmp_path / "fails.py"
    script.write_text("step = 0\nassert step < 2\n")
    measuring = sys.modules["measuring"]
    loop = str(BENCHMARKS / "programs" / "fork_loop.py")
    with pytest.raises(subprocess.CalledProcessError):
        measuring.start(measuring.python(loop, str(script), "4"))
    assert "a child ended with status" in capfd.readouterr().err


@needs_numpy
def test_the_functions_do_what_the_scripts_do():
    work = runpy.run_path(str(BENCHMARKS / "programs" / "work.py"))
    for name in ("trivial", "uses_numpy"):
        script = runpy.run_path(str(BENCHMARKS / "scripts" / f"{name}.py"))
        assert script["main"]() == work[name](0) == 0
