"""Where ``kogine run`` cannot be ``python`` to the byte: what is promised instead."""

import re

import pytest
from conformance import KOGINE, PYTHON, assert_same, run

INTERRUPTED = """\
import signal, os

def main():
    try:
        {interruption}
    finally:
        print("cleaned up")

if __name__ == "__main__":
    main()
"""


def both(place, source):
    """How Python and how we end a script."""
    (place / "here").mkdir(exist_ok=True)
    script = place / "here" / "script.py"
    script.write_bytes(source if isinstance(source, bytes) else source.encode())
    return run([*PYTHON, "script.py"], place), run([*KOGINE, "script.py"], place)


@pytest.mark.parametrize(
    "interruption", ["raise KeyboardInterrupt('by hand')", "os.kill(os.getpid(), signal.SIGINT)"]
)
def test_an_interrupt_shows_pythons_traceback_but_exits_130_instead_of_dying_by_the_signal(
    tmp_path, interruption
):
    python, kogine = both(tmp_path, INTERRUPTED.format(interruption=interruption))

    assert python.status == -2
    assert_same(python._replace(status=130), kogine)


def test_a_recursion_error_differs_only_in_how_often_the_frame_is_repeated(tmp_path):
    python, kogine = both(tmp_path, "def f(n):\n    return f(n + 1)\n\n\nf(0)\n")

    def fixed(ended):
        return ended._replace(stderr=re.sub(rb"repeated \d+ more", b"repeated", ended.stderr))

    assert b"RecursionError" in python.stderr
    assert_same(fixed(python), fixed(kogine))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"x = 1\nprint('caf\xe9')\n", b"utf-8"),
        (b"# -*- coding: no-such-coding -*-\n", b"no-such-coding"),
        (b"print(1)\nx = '\0'\n", b"null bytes"),
    ],
)
def test_undecodable_sources_are_syntax_errors_in_words_of_the_parser(tmp_path, source, message):
    python, kogine = both(tmp_path, source)

    last = kogine.stderr.splitlines()[-1]
    assert last.startswith(b"SyntaxError: ")
    assert message in last
    assert b"kohakuengine" not in kogine.stderr
    assert (kogine.status, kogine.stdout) == (python.status, python.stdout)


def test_a_module_that_its_package_imported_runs_again_without_runpys_warning(tmp_path):
    package = tmp_path / "here" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from pkg import mod\n")
    (package / "mod.py").write_text("print('running', __name__)\n")

    python = run([*PYTHON, "-m", "pkg.mod"], tmp_path)
    kogine = run([*KOGINE, "pkg.mod"], tmp_path)

    assert b"RuntimeWarning: 'pkg.mod' found in sys.modules" in python.stderr
    assert_same(python._replace(stderr=b""), kogine)


def test_a_broken_package_fails_in_its_own_frames(tmp_path):
    package = tmp_path / "here" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def f():\n    raise OSError('no data')\n\n\nf()\n")
    (package / "mod.py").touch()

    kogine = run([*KOGINE, "pkg.mod"], tmp_path)

    frames = [line for line in kogine.stderr.splitlines() if line.startswith(b"  File")]
    assert [line.rpartition(b", in ")[2] for line in frames] == [b"<module>", b"f"]


def test_below_the_script_the_stack_is_ours_and_ends_with_the_scripts_frames(tmp_path):
    source = "import traceback\n\n\ndef f():\n    traceback.print_stack()\n\n\nf()\n"
    python, kogine = both(tmp_path, source)

    assert kogine.stderr.endswith(python.stderr)


def test_a_long_file_runs_and_fails_on_its_own_line(tmp_path):
    lines = [f"name_{n} = {n} if {n} else name_{n - 1}" for n in range(20_000)]
    lines[0] = "name_0 = 0"
    (tmp_path / "here").mkdir()
    script = tmp_path / "here" / "script.py"

    def text(value):
        return "\n".join([*lines, f"base = {value}", "print(base)", "raise ValueError(base)\n"])

    script.write_text(text(5))
    python = run([*PYTHON, "script.py"], tmp_path)
    script.write_text(text(1))
    kogine = run([*KOGINE, "script.py", "--set", "base=5"], tmp_path)

    assert b"line 20003" in python.stderr
    assert_same(python, kogine)
