"""Every example is run through the real `kogine`, and does what it is there to show."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = EXAMPLES / "scripts"
CONFIGS = EXAMPLES / "configs"

# Tested by those who have scikit-learn: scripts/demo.
NEEDS_SKLEARN = {"train_digits.py", "digits_sweep.py"}


@pytest.fixture
def kogine(tmp_path):
    """`kogine WORD...` in an empty folder: what it prints, and how it ended."""
    command = Path(sys.executable).parent / "kogine"
    environment = {name: text for name, text in os.environ.items() if name[:6] != "KOGINE"}

    def call(*words):
        return subprocess.run(
            [command, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    call.environment = environment
    return call


@pytest.fixture
def rows(kogine):
    """The runs in the document of a parallel `kogine run`, by index; each must succeed."""

    def call(script, *words):
        done = kogine("run", SCRIPTS / script, "-j", "2", "--json", *words)
        assert done.returncode == 0, done.stderr
        return sorted(json.loads(done.stdout)["runs"], key=lambda run: run["index"])

    return call


@pytest.fixture
def output(kogine):
    """What a script prints when `kogine run` runs it, which must succeed."""

    def call(script, *words):
        done = kogine("run", SCRIPTS / script, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def document(kogine):
    """What `kogine run --json` prints for a script; each run must succeed."""

    def call(script, *words):
        done = kogine("run", SCRIPTS / script, "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def plain_python(script):
    return subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=True
    ).stdout


class TestScripts:
    @pytest.mark.parametrize("script", ["hello.py", "throw.py", "train.py", "cell.py"])
    def test_without_config_they_do_what_python_does(self, output, script):
        assert output(script) == plain_python(SCRIPTS / script)

    def test_only_the_decorated_one_imports_the_engine(self):
        importing = {
            path.name for path in SCRIPTS.glob("*.py") if "kohakuengine" in path.read_text()
        }
        assert importing == {"decorated.py"}

    def test_hello_greets_by_a_derived_value(self, output):
        assert output("hello.py", "--set", "name=Ada") == "Hello, Ada!\n"

    def test_a_throw_without_air_is_the_one_of_the_textbook(self, document):
        run = document("throw.py", "--set", "drag=0", "--set", "gravity=10")
        assert run["value"] == pytest.approx(30**2 / 10, rel=1e-3)  # v^2 sin(90 degrees) / g

    def test_training_longer_lowers_the_loss(self, document):
        short, long = document("train.py", "--sweep", "epochs=1,10")["runs"]
        losses = [run["value"]["loss"] for run in (long, short)]
        assert losses[0] < losses[1] < 0.69  # ln 2: guessing
        assert long["value"]["accuracy"] > 0.85

    def test_training_prints_a_row_for_each_epoch(self, output):
        printed = output("train.py", "--set", "epochs=3", "--set", "batch_size=50")
        title, header, *rows = printed.splitlines()
        assert title == "lr=0.1 batch=50: 18 updates"
        assert header.split() == ["epoch", "train", "loss", "test", "loss", "accuracy"]
        assert [row.split()[0] for row in rows] == ["1", "2", "3"]

    def test_words_are_counted_with_arguments_of_the_command_line(self, output, tmp_path):
        (tmp_path / "text.txt").write_text("tree Tree house tree a a a a")
        assert output("count_words.py", "--", "text.txt", "--top", "2") == (
            "     2  tree\n     1  Tree\n"
        )
        words = ["--set", "minimum_length=1", "--", "text.txt", "--top", "1"]
        assert output("count_words.py", *words) == "     4  a\n"

    def test_the_decorated_function_runs_instead_of_the_guard(self, output):
        assert output("decorated.py", "--set", "samples=3") == "mean of [0, 1, 4]: 1.7\n"
        assert output("decorated.py", "-e", "clean") == "nothing to clean\n"

    def test_the_wait_at_one_checkout_is_the_one_of_the_textbook(self, document):
        words = ["--set", "checkouts=1", "--set", "arrivals_per_min=0.5", "--set", "service_min=1"]
        run = document("checkout.py", *words, "--set", "customers=200_000")
        assert run["value"]["load"] == 0.5
        assert run["value"]["wait_min"] == pytest.approx(1.0, rel=0.05)  # M/M/1: 0.5 / (1 - 0.5)

    def test_a_line_that_grows_for_ever_is_refused(self, kogine):
        done = kogine("run", SCRIPTS / "checkout.py", "--set", "checkouts=3")
        assert done.returncode == 1
        assert "ValueError: the line grows for ever at a load of 1.20" in done.stderr

    def test_without_a_gpu_the_texts_are_embedded_by_the_cpu(self, output):
        assert output("embed.py") == "cpu is GPU none, batches of 32, cache in runs/cache\n"

    def test_what_the_cell_derives_follows(self, output):
        printed = output("cell.py", "--set", "rate_percent=12", "--set", "years=1")
        assert printed == "1000.00 at 12 % for 1 years: 1126.83\n"

    def test_a_name_below_the_cell_is_no_parameter(self, kogine):
        done = kogine("run", SCRIPTS / "cell.py", "--set", "balance=1", "--strict")
        assert done.returncode == 1
        assert "unknown key 'balance'" in done.stderr


class TestConfigs:
    @pytest.mark.parametrize(
        "name",
        sorted(path.name for path in CONFIGS.iterdir() if path.is_file()),
    )
    def test_each_is_valid(self, kogine, name):
        done = kogine("config", "validate", CONFIGS / name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("OK: ")

    @pytest.mark.parametrize(
        ("script", "config"),
        [
            ("train.py", "train_base.py"),
            ("train.py", "train_careful.py"),
            ("train.py", "train_sweep.py"),
            ("train.py", "train.json"),
            ("train.py", "train.toml"),
            ("train.py", "train.yaml"),
            ("throw.py", "throw_zip.py"),
            ("throw.py", "throw_search.py"),
            ("prepare.py", "scratch_per_worker.py"),
            ("checkout.py", "checkout_sweep.py"),
            ("embed.py", "embed_on_gpus.py"),
            ("train_digits.py", "digits_sweep.py"),
        ],
    )
    def test_each_sets_what_its_script_has(self, kogine, script, config):
        done = kogine("config", "check", SCRIPTS / script, "-c", CONFIGS / config)
        assert done.returncode == 0
        assert {line[:4] for line in done.stdout.splitlines()} == {"[OK]"}

    def test_the_bare_file(self, output):
        last = output("train.py", "-c", CONFIGS / "train_base.py").splitlines()[-1]
        assert last.split()[0] == "8"

    def test_the_composed_file_changes_some_and_keeps_the_others(self, document):
        run = document("train.py", "-c", CONFIGS / "train_careful.py")
        assert run["globals"] == {
            "samples": 600,
            "epochs": 32,
            "learning_rate": 0.01,
            "l2": 0.001,
        }

    def test_the_grid_runs_every_combination(self, document):
        document = document("train.py", "-c", CONFIGS / "train_sweep.py")
        pairs = [
            (run["globals"]["learning_rate"], run["globals"]["batch_size"])
            for run in document["runs"]
        ]
        assert pairs == [(rate, size) for rate in (0.01, 0.1, 1.0) for size in (8, 32)]
        assert document["counts"] == {"success": 6}

    def test_the_zip_pairs_its_axes_and_the_ball_flies_farthest_on_the_moon(self, document):
        runs = document("throw.py", "-c", CONFIGS / "throw_zip.py")["runs"]
        assert [run["globals"]["gravity"] for run in runs] == [9.81, 1.62, 3.72, 8.87]
        assert max(runs, key=lambda run: run["value"])["globals"]["gravity"] == 1.62

    @pytest.mark.parametrize("suffix", ["json", "yaml"])
    def test_the_formats_say_the_same(self, document, suffix):
        run = document("train.py", "-c", CONFIGS / f"train.{suffix}")
        assert run["globals"] == {"learning_rate": 0.2, "epochs": 2}

    def test_the_toml_file_is_a_sweep(self, document):
        runs = document("train.py", "-c", CONFIGS / "train.toml")["runs"]
        assert [run["globals"]["learning_rate"] for run in runs] == [0.05, 0.2]
        assert {run["globals"]["l2"] for run in runs} == {0.001}

    def test_the_search_finds_the_angle_that_a_scan_finds(self, document):
        search = document("throw.py", "-c", CONFIGS / "throw_search.py")["runs"]
        angles = ",".join(str(angle) for angle in range(30, 60))
        scan = document("throw.py", "--sweep", f"angle_deg={angles}")["runs"]
        best = max(scan, key=lambda run: run["value"])
        assert search[-1]["globals"]["angle_deg"] == pytest.approx(
            best["globals"]["angle_deg"], abs=1
        )
        assert search[-1]["value"] == pytest.approx(best["value"], abs=0.02)
        assert len(search) < len(scan)

    def test_arguments_reach_argparse_and_later_ones_win(self, output):
        config = ["-c", CONFIGS / "count_license.py"]
        assert len(output("count_words.py", *config).splitlines()) == 3
        assert output("count_words.py", *config, "--", "--top", "1") == "    35  license\n"

    def test_each_worker_gets_its_own_folder(self, output, tmp_path):
        from kohakuengine import load_config_file

        output("prepare.py", "-c", CONFIGS / "scratch_per_worker.py")
        assert (tmp_path / "runs/worker-0/points.csv").exists()
        config = load_config_file(CONFIGS / "scratch_per_worker.py", worker_id=3)
        assert config.globals_dict == {"folder": Path("runs/worker-3")}


class TestInParallel:
    @pytest.mark.parametrize("mode", ["auto", "fork", "subprocess", "pool"])
    def test_the_grid_comes_to_the_same_in_every_mode(self, rows, document, mode):
        config = ["-c", CONFIGS / "checkout_sweep.py"]
        parallel = rows("checkout.py", *config, "--mode", mode)
        one_by_one = document("checkout.py", *config)["runs"]
        assert [run["value"] for run in parallel] == [run["value"] for run in one_by_one]
        assert len(parallel) == 8

    def test_what_runs_print_is_in_their_logs(self, rows):
        runs = rows("checkout.py", "-c", CONFIGS / "checkout_sweep.py")
        logs = {Path(run["log_path"]).read_text() for run in runs}
        assert len(logs) == 8
        assert "7 checkouts, seed 2: 0.022 min\n" in logs

    @pytest.mark.parametrize("mode", ["fork", "subprocess", "pool"])
    def test_each_worker_has_a_gpu_and_a_cache_for_itself(self, rows, tmp_path, mode):
        words = ["-c", CONFIGS / "embed_on_gpus.py", "--gpus", "3,7", "--mode", mode]
        values = [run["value"] for run in rows("embed.py", *words)]
        assert len(values) == 4
        pairs = {(value["gpu"], value["folder"]) for value in values}
        assert pairs <= {("3", "cache-0"), ("7", "cache-1")}
        sizes = [
            line
            for name in {value["folder"] for value in values}
            for line in (tmp_path / "runs" / name / "batches.txt").read_text().split()
        ]
        assert sorted(sizes, key=int) == ["16", "32", "64", "128"]

    def test_gpus_are_those_that_the_variable_names(self, rows, kogine):
        config = ["-c", CONFIGS / "embed_on_gpus.py"]
        kogine.environment["CUDA_VISIBLE_DEVICES"] = "4,5"
        gpus = {run["value"]["gpu"] for run in rows("embed.py", *config, "--gpus", "auto")}
        assert gpus <= {"4", "5"}

    def test_two_workers_share_a_gpu(self, rows):
        words = ["--gpus", "6", "--gpus-per-run", "0.5"]
        runs = rows("embed.py", "-c", CONFIGS / "embed_on_gpus.py", *words)
        assert {run["value"]["gpu"] for run in runs} == {"6"}


class TestWorkflows:
    def test_three_scripts_in_one_command(self, kogine, tmp_path):
        steps = [SCRIPTS / name for name in ("prepare.py", "fit.py", "report.py")]
        done = kogine("workflow", "sequential", *steps, "--set", "folder=here")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("best of 1: degree 1, error ")
        assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
            "fits.jsonl",
            "points.csv",
        ]

    def test_in_python_and_configured_like_any_script(self, kogine):
        words = ["--set", "degrees=1,3", "--set", "folder=here", "--set", "noise=0.01", "--json"]
        done = kogine("run", EXAMPLES / "workflows/experiment.py", *words)
        run = json.loads(done.stdout)
        assert run["status"] == "success"
        assert run["value"] == 3  # the degree of the curve that was measured
        assert re.search(r"^degree 3: error 0\.01", done.stderr, re.MULTILINE)

    def test_again_into_the_same_folder(self, kogine):
        for _ in range(2):
            done = kogine("run", EXAMPLES / "workflows/experiment.py", "--set", "degrees=2,3")
            assert done.stdout.splitlines()[-1].startswith("best of 2: degree 3")

    def test_a_program_takes_results_as_they_end_and_survives_failures(self, tmp_path):
        program = EXAMPLES / "workflows/checkouts.py"
        done = subprocess.run(
            [sys.executable, program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        *shops, failed, verdict = done.stdout.splitlines()
        assert sorted(line[:12] for line in shops) == [f"{n} checkouts:"[:12] for n in range(4, 8)]
        assert re.fullmatch(r"3 runs failed: 3 ValueError at checkout.py:\d+", failed)
        assert verdict == "6 are enough"

    def test_a_parallel_program_is_configured_like_any_script(self, kogine):
        words = ["--set", "goal_min=0.5", "--set", "days=1", "--json"]
        done = kogine("run", EXAMPLES / "workflows/checkouts.py", *words)
        assert json.loads(done.stdout)["value"] == 5


def test_nothing_is_written_beside_the_examples(output):
    before = sorted(EXAMPLES.rglob("*"))
    output("hello.py")
    output("train.py", "-c", CONFIGS / "train_careful.py")
    assert sorted(EXAMPLES.rglob("*")) == before


def test_every_script_and_config_is_tested_here():
    source = Path(__file__).read_text()
    names = {path.name for path in (*SCRIPTS.iterdir(), *CONFIGS.iterdir()) if path.is_file()}
    assert not {name for name in names - NEEDS_SKLEARN if name not in source}
