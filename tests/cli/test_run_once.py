"""`kogine run` of one run: what a script gets, and how it ends."""

import pytest

TYPED = """
    from enum import Enum
    from pathlib import Path

    class Mode(Enum):
        FAST = 1
        SLOW = 2

    lr = 0.1
    steps = 3
    name = "base"
    mode = Mode.SLOW
    out = Path("runs")
    layers = [64, 32]
    limit = 5
    cfg = {"lr": 1.0, "deep": {"x": 1}}

    if __name__ == "__main__":
        print(repr((lr, steps, name, mode.name, str(out), layers, limit, cfg)))
"""


def test_a_script_runs_and_nothing_of_ours_is_printed(kogine, write):
    write(script="print('hi')")
    assert kogine("run", "script.py") == (0, "hi\n", "")


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("lr=1", 0, 1.0),
        ("steps=1e3", 1, 1000),
        ("name=5", 2, "5"),
        ("name='a b'", 2, "a b"),
        ("mode=fast", 3, "FAST"),
        ("out=a/b", 4, "a/b"),
        ("layers=8,9", 5, [8, 9]),
        ("layers=[1]", 5, [1]),
        ("limit=None", 6, None),
        ("cfg.lr=2", 7, {"lr": 2.0, "deep": {"x": 1}}),
        ("cfg.deep.x=7", 7, {"lr": 1.0, "deep": {"x": 7}}),
    ],
)
def test_set_reads_texts_as_the_script_has_its_values(here, write, text, place, value):
    write(script=TYPED)
    ended = here("run", "script.py", "--set", text)
    assert (ended.code, ended.err) == (0, "")
    values = list(eval(ended.out))
    assert values.pop(place) == value
    defaults = [0.1, 3, "base", "SLOW", "runs", [64, 32], 5, {"lr": 1.0, "deep": {"x": 1}}]
    defaults.pop(place)
    assert values == defaults


def test_the_last_of_two_values_for_a_name_counts(here, write):
    write(script=TYPED)
    ended = here("run", "script.py", "--set", "lr=1", "--set", "lr=2")
    assert eval(ended.out)[0] == 2.0


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("conf", "lr = 0.5"),
        ("conf", "from kohakuengine import Config\nCONFIG = Config({'lr': 0.5})"),
        (
            "conf",
            "from kohakuengine import Config\ndef config_gen():\n    return Config({'lr': 0.5})",
        ),
        ("conf_json", '{"lr": 0.5}'),
        ("conf_toml", "[globals]\nlr = 0.5"),
        ("conf_yaml", "globals:\n  lr: 0.5"),
    ],
)
def test_a_config_of_each_form_gives_its_values(here, write, name, source):
    write(script="lr = 0.1\nprint(lr)", **{name: source})
    file = name.replace("_", ".") if "_" in name else f"{name}.py"
    assert here("run", "script.py", "-c", file) == (0, "0.5\n", "")


def test_set_beats_the_config_and_keeps_the_rest_of_it(here, write):
    write(script="a = b = 0\nprint(a, b)", conf="a = 1\nb = 2")
    assert here("run", "script.py", "--config", "conf.py", "--set", "b=3").out == "1 3\n"


def test_args_and_kwargs_of_a_config_reach_the_function_of_the_guard(here, write):
    write(
        script="""
            def main(a, b=2):
                print(a, b)
            if __name__ == "__main__":
                main(0)
        """,
        conf_json='{"args": [5], "kwargs": {"b": 6}}',
    )
    assert here("run", "script.py", "-c", "conf.json").out == "5 6\n"


def test_the_words_after_the_dashes_are_the_scripts(kogine, write):
    write(script="import sys\nprint(sys.argv[1:])\n")
    ended = kogine("run", "script.py", "--", "--set", "x", "--", "-v")
    assert ended == (0, "['--set', 'x', '--', '-v']\n", "")


def test_a_script_sees_the_path_that_python_would_give_it(kogine, write, folder):
    write(script="import sys\nprint(sys.path[0], sys.argv, __file__)")
    where = folder / "script.py"
    assert kogine("run", "script.py").out == f"{folder} ['script.py'] {where}\n"


@pytest.mark.parametrize(
    "words",
    [["script.py", "-e", "other"], ["script.py", "--entrypoint", "other"], ["script.py:other"]],
)
def test_the_entrypoint_may_be_named(here, write, words):
    write(script="def main(): print('main')\ndef other(): print('other')")
    assert here("run", *words) == (0, "other\n", "")


def test_the_flag_beats_the_colon(here, write):
    write(script="def main(): print('main')\ndef other(): print('other')")
    assert here("run", "script.py:other", "-e", "main").out == "main\n"


def test_a_module_of_the_current_folder_runs(kogine, folder):
    package = folder / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("x = 1")
    (package / "mod.py").write_text("from .part import x\ny = 2\ndef go(): print(x, y, __name__)")
    assert kogine("run", "pkg.mod:go", "--set", "y=3") == (0, "1 3 __main__\n", "")


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(True)", 1, ""),
        ("sys.exit('no data')", 1, "no data\n"),
        ("raise SystemExit(42)", 42, ""),
    ],
)
def test_the_exit_code_is_the_scripts(kogine, write, flags, end, code, said):
    write(script=f"import sys\nprint('out')\n{end}")
    assert kogine("run", "script.py", *flags) == (code, "out\n", said)


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
def test_an_exception_shows_the_scripts_own_frames(kogine, write, flags, folder):
    write(script="def f():\n    return {}['x']\nf()")
    ended = kogine("run", "script.py", *flags)
    assert ended.code == 1
    assert ended.err.startswith("Traceback (most recent call last):\n")
    files = [line.split(",")[0] for line in ended.err.splitlines() if line.startswith("  File")]
    assert files == [f'  File "{folder / "script.py"}"'] * 2
    assert ended.err.endswith("KeyError: 'x'\n")


def test_a_subprocess_is_another_process(write, start):
    write(script="import os\nprint(os.getppid())")
    process = start("run", "script.py", "--subprocess")
    assert process.communicate(timeout=60)[0].decode() == f"{process.pid}\n"


def test_a_subprocess_gets_values_and_arguments(kogine, write):
    write(script="import sys\nx = [0]\nprint(x, sys.argv[1:])")
    ended = kogine("run", "script.py", "--subprocess", "--set", "x=[1, 2]", "--", "-v")
    assert ended == (0, "[1, 2] ['-v']\n", "")


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("os._exit(7)", 7, "ended with exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "was killed by SIGKILL"),
    ],
)
def test_a_child_that_dies_is_reported_as_shells_do(kogine, write, end, code, said):
    write(script=f"import os, signal\n{end}")
    ended = kogine("run", "script.py", "--subprocess")
    assert ended.code == code
    assert ended.err.startswith("Error: script.py: its process ")
    assert said in ended.err


def test_a_value_that_cannot_leave_the_child_is_no_news_where_nobody_asks_for_it(kogine, write):
    write(script="import threading\ndef main():\n    return threading.Lock()")
    assert kogine("run", "script.py", "--subprocess") == (0, "", "")


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
def test_a_warning_of_ours_is_one_line(kogine, write, flags):
    write(script="def main(a=1): print(a)", conf_json='{"kwargs": {"b": 2}}')
    ended = kogine("run", "script.py", "-c", "conf.json", *flags)
    assert (ended.code, ended.out) == (0, "1\n")
    assert ended.err == "Warning: main() does not take the argument b; it takes a. It is dropped.\n"


def test_a_warning_of_the_script_looks_as_ever(kogine, write, folder):
    write(script="import warnings\nwarnings.warn('careful')")
    assert kogine("run", "script.py").err == (
        f"{folder}/script.py:2: UserWarning: careful\n  warnings.warn('careful')\n"
    )


def test_retries_are_for_one_run_too(kogine, write):
    write(
        script="""
            from pathlib import Path
            tries = Path("tries")
            tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
            assert len(tries.read_text()) == 3, "not yet"
            print("done")
        """
    )
    ended = kogine("run", "script.py", "--retries", "2")
    assert (ended.code, ended.out) == (0, "done\n")
    assert ended.err == (
        "Attempt 1 of 3 failed, and the next begins: AssertionError: not yet\n"
        "Attempt 2 of 3 failed, and the next begins: AssertionError: not yet\n"
    )


def test_the_last_retry_ends_as_the_run_does(kogine, write):
    write(script="import sys\nsys.exit(4)")
    ended = kogine("run", "script.py", "--retries", "1")
    assert ended.code == 4
    assert ended.err.splitlines()[-1] == "Error: script.py: exited with exit code 4"
