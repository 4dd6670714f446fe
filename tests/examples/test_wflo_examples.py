"""Every example of wflo is run through the real `wflo`, and does what it is there to show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/wflo"


@pytest.fixture
def wflo(tmp_path):
    """`wflo WORD...` in an empty folder, which must succeed: its document."""
    command = Path(sys.executable).parent / "wflo"
    environment = {name: text for name, text in os.environ.items() if name[:5] != "WFLO_"}

    def call(*words):
        done = subprocess.run(
            [command, *map(str, words), "--json"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in source


def test_a_report_of_the_commonest_words(wflo, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("workflow durable workflow steps durable workflow", encoding="utf-8")
    done = wflo("run", EXAMPLES / "word_report.py", "--input", f"path={text}", "--id", "one")
    assert done["results"]["count"] == {"workflow": 3, "durable": 2}
    report = (tmp_path / "report.txt").read_text(encoding="utf-8").splitlines()
    assert report == ["     3 workflow", "     2 durable", "# one/write/0"]


def test_continuing_a_report_that_is_done_does_nothing_again(wflo, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("durable", encoding="utf-8")
    words = ("run", EXAMPLES / "word_report.py", "--input", f"path={text}", "--id", "one")
    wflo(*words)
    (tmp_path / "report.txt").unlink()
    wflo(*words)
    assert not (tmp_path / "report.txt").exists()


def test_the_sizes_of_all_files_of_a_folder(wflo, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(1, 6):
        (folder / f"{number}.txt").write_text("line\n" * number, encoding="utf-8")
    inputs = ("--input", f"folder={folder}", "--input", "pattern=*.txt")
    done = wflo("run", EXAMPLES / "file_sizes.py", *inputs)
    assert done["results"]["summary"] == {"files": 5, "lines": 15, "longest": "5.txt"}
    assert [file["lines"] for file in done["results"]["measure"]] == [1, 2, 3, 4, 5]


def test_no_files_need_no_summary(wflo, tmp_path):
    done = wflo("run", EXAMPLES / "file_sizes.py", "--input", f"folder={tmp_path}/none")
    assert done["results"] == {"files": [], "measure": [], "found_any": False}


def test_the_best_of_several_runs_of_a_script(wflo):
    done = wflo("run", EXAMPLES / "best_throw.py", "--input", "angles=[30, 40, 50]")
    assert done["execution"]["output"] == {"angle_deg": 40.0, "distance_m": 42.16}
