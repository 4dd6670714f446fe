"""``kogine run`` behaves as ``python`` does however it is called: names, links, streams, doors."""

import os
import subprocess
import sys

import pytest
from conformance import (
    KOGINE,
    PYTHON,
    SCRIPTS,
    Ended,
    assert_same,
    end,
    lay_out,
    run,
    shapes,
)

SCRIPT = """\
import sys

import helper

lr = 0.1
print(__file__, sys.argv, sys.path[0], helper.__file__, lr)


def main():
    raise ValueError(lr)


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def place(tmp_path):
    """A script beside its helper, links to both, and the current folder of what is run."""
    for folder in ("here/real", "here/two words", "here/größe ✓", "here/v1.2", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "script.py").write_text(SCRIPT)
        (tmp_path / folder / "helper.py").touch()
    here = tmp_path / "here"
    (here / "real" / "two words, 宽.py").write_text(SCRIPT)
    (here / "link.py").symlink_to("real/script.py")
    (here / "link_to_link.py").symlink_to("link.py")
    (here / "folder_link").symlink_to("real", target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize(
    "location",
    [
        "real/script.py",
        "./real/script.py",
        "real/../real/script.py",
        "real//script.py",
        "two words/script.py",
        "größe ✓/script.py",
        "v1.2/script.py",
        "real/two words, 宽.py",
        "link.py",
        "./link_to_link.py",
        "folder_link/script.py",
        "folder_link/../real/script.py",
        "{here}/real/script.py",
        "{here}/folder_link/script.py",
        "{here}/./v1.2/../link.py",
    ],
)
def test_a_script_runs_under_whatever_name_it_is_given(place, location):
    location = location.format(here=place / "here")

    python = run([*PYTHON, location], place)
    kogine = run([*KOGINE, location], place)

    assert b"ValueError: 0.1" in python.stderr
    assert_same(python, kogine)


def test_a_script_runs_from_any_folder(place):
    location = "../two words/script.py"

    assert_same(
        run([*PYTHON, location], place, cwd="folder_link"),
        run([*KOGINE, location], place, cwd="folder_link"),
    )


@pytest.mark.parametrize(
    ("closed", "what"), [("<&-", "stdin"), (">&-", "stdout"), ("2>&-", "stderr")]
)
def test_closed_streams_are_none_to_the_script(tmp_path, closed, what):
    (tmp_path / "here").mkdir()
    script = tmp_path / "here" / "script.py"
    script.write_text(
        "import sys\n"
        "text = str((sys.stdin is None, sys.stdout is None, sys.stderr is None))\n"
        "open('seen.txt', 'w').write(text)\n"
        "print('printed')\n"
        "sys.exit('and an end')\n"
    )

    seen = []
    for command in (PYTHON, KOGINE):
        line = ["sh", "-c", f'exec "$@" {closed}', "sh", *command, "script.py"]
        seen.append((run(line, tmp_path), (tmp_path / "here" / "seen.txt").read_text()))

    assert "True" in seen[0][1]
    assert_same(seen[0][0], seen[1][0])
    assert seen[0][1] == seen[1][1]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("source", ["print('lost')\n", "print('lost')\nraise SystemExit(3)\n"])
def test_output_that_cannot_be_written_ends_as_in_python(tmp_path, source):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "script.py").write_text(source)

    python, kogine = (
        run(["sh", "-c", 'exec "$@" > /dev/full', "sh", *command, "script.py"], tmp_path)
        for command in (PYTHON, KOGINE)
    )

    assert b"No space left" in python.stderr
    assert_same(python, kogine)


@pytest.mark.parametrize("flushed", ["True", "False"])
def test_a_reader_that_has_gone_ends_the_script_as_in_python(tmp_path, flushed):
    script = tmp_path / "script.py"
    script.write_text(f"for n in range(100_000):\n    print(n, flush={flushed})\n")

    def ended(command):
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.run(
            [*command, str(script)], stdout=writing, stderr=subprocess.PIPE, check=False
        )
        os.close(writing)
        return Ended(process.returncode, b"", process.stderr, ())

    python = ended(PYTHON)
    assert b"BrokenPipeError" in python.stderr
    assert_same(python, ended(KOGINE))


# -- other doors to the same run -------------------------------------------------------------------

SAMPLES = [
    "argparse/in_main",
    "errors/during_handling",
    "errors/task_group",
    "exits/text_in_main",
    "flat/module_attributes",
    "flat/stdin",
    "guards/sys_exit_main",
    "modules/dunder_main/pkg/__main__",
    "processes/spawn_pool",
    "warnings/deprecation_in_main",
]


def shape_named(name):
    return next(shape for shape in shapes() if shape.name == name)


def compare_by(command, shape, place, *flags):
    lay_out(shape, place)
    return end(command, shape, place, flags=[*shape.set_flags, *flags])


@pytest.mark.parametrize("name", SAMPLES)
def test_the_module_kohakuengine_is_kogine(name, tmp_path):
    shape = shape_named(name)
    module = compare_by([sys.executable, "-m", "kohakuengine", "run"], shape, tmp_path)

    assert_same(compare_by(KOGINE, shape, tmp_path), module)


# With -m, Python itself would import modules of those names from the current folder.
@pytest.mark.parametrize("name", [*SAMPLES, "imports/sibling_like_stdlib/main"])
def test_a_run_in_a_child_is_the_same(name, tmp_path):
    shape = shape_named(name)
    child = compare_by(KOGINE, shape, tmp_path, "--subprocess")

    assert_same(compare_by(KOGINE, shape, tmp_path), child)


def test_scripts_in_one_process_each_get_their_own_siblings(tmp_path):
    here = tmp_path / "here"
    for name in ("first", "second"):
        (here / name / "tools").mkdir(parents=True)
        (here / name / "main.py").write_text(
            "import helper, tools.deep, json\nprint(helper.name, tools.deep.name, json.__name__)\n"
        )
        (here / name / "helper.py").write_text(f"name = {name!r}\n")
        (here / name / "tools" / "__init__.py").touch()
        (here / name / "tools" / "deep.py").write_text(f"name = 'deep in {name}'\n")
    (here / "second" / "json.py").touch()

    scripts = ["first/main.py", "second/main.py", "first/main.py"]
    alone = [run([*PYTHON, script], tmp_path).stdout for script in scripts]
    together = run([KOGINE[0], "workflow", "sequential", *scripts], tmp_path)

    assert together.stdout == b"".join(alone)
    assert together.status == 0


def test_a_config_file_gives_what_no_text_can(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "script.py").write_text(
        "def activation(x):\n"
        "    return x\n"
        "\n"
        "layers = [1]\n"
        "model = {'layers': layers, 'activation': activation}\n"
        "print(model['layers'], model['activation'](-2), activation.__name__)\n"
    )
    (tmp_path / "here" / "conf.py").write_text(
        "layers = [2, 3]\ndef activation(x):\n    return max(x, 0)\n"
    )

    ended = run([*KOGINE, "script.py", "-c", "conf.py"], tmp_path)

    assert (ended.status, ended.stdout, ended.stderr) == (0, b"[2, 3] 0 activation\n", b"")


def test_every_topic_holds_shapes():
    topics = {path.name for path in SCRIPTS.iterdir() if path.is_dir()}

    assert topics == {shape.name.partition("/")[0] for shape in shapes()}
