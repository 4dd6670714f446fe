"""Several runs: what is printed where, what a failure does, and the exit code."""

import re

import pytest

FAILS_AT_2 = """
    x = 1
    def main():
        print("run", x)
        if x == 2:
            raise ValueError("two is bad")
        return x * 10
"""


def table(err):
    """The cells of a table's rows, its title first."""
    lines = err.splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"─"})
    end = lines.index("", rule)
    return [re.split(r"\s{2,}", line.strip()) for line in [lines[rule - 1], *lines[rule + 1 : end]]]


def summary(ended):
    return re.sub(r"in \S+ (ms|s):", "in T:", ended.err.splitlines()[-1])


def test_what_a_script_prints_is_all_there_is_on_stdout(kogine, write):
    write(
        script="""
            import os, subprocess, sys
            n = 0
            print("a", n, flush=True)
            sys.stdout.buffer.write(b"\\xff\\x00")
            sys.stdout.flush()
            os.write(1, b"raw\\n")
            subprocess.run([sys.executable, "-c", "print('child')"])
            print("no newline", end="")
        """
    )
    once = b"a %d\n\xff\x00raw\nchild\nno newline"
    ended = kogine("run", "script.py", "--sweep", "n=1,2")
    expected = (once % 1) + (once % 2)
    assert ended.out.encode() == expected.decode("utf-8", "backslashreplace").encode()
    assert "child" not in ended.err


def test_a_sweep_ends_in_a_table_of_what_varies(here, write):
    write(script="a = 1\nb = 2\ndef main():\n    return a * b")
    ended = here("run", "script.py", "--sweep", "a=1,20", "--set", "b=3")
    titles, *rows = table(ended.err)
    assert titles == ["run", "a", "status", "duration", "value"]
    assert [row[:3] + row[-1:] for row in rows] == [
        ["1", "1", "success", "3"],
        ["2", "20", "success", "60"],
    ]
    assert (ended.code, ended.out, summary(ended)) == (0, "", "2 runs in T: 2 succeeded")


def test_a_flat_dict_as_value_has_columns_of_its_own(here, write):
    write(script="a = 1\ndef main():\n    return {'loss': a / 3, 'name': 'x' * a}")
    titles, *rows = table(here("run", "script.py", "--sweep", "a=1,2").err)
    assert titles[-2:] == ["loss", "name"]
    assert [row[-2:] for row in rows] == [["0.333333", "x"], ["0.666667", "xx"]]


def test_a_dict_of_many_values_stands_in_one_column(here, write):
    write(script="a = 1\ndef main():\n    return {name: a for name in 'bcdefgh'}")
    titles, *rows = table(here("run", "script.py", "--sweep", "a=1,2").err)
    assert titles[-1] == "value"
    assert rows[0][-7:] == [f"{name}=1" for name in "bcdefgh"]


def test_a_value_that_some_runs_have_not_got_varies(here, write):
    write(
        script="a = b = c = 0\nprint(a, b, c)",
        conf="""
            from kohakuengine import Config
            def config_gen():
                yield Config({"a": 1, "b": 2})
                yield Config({"a": 1, "c": 3})
        """,
    )
    assert table(here("run", "script.py", "-c", "conf.py").err)[0][:3] == ["run", "b", "c"]


def test_a_failure_stops_a_sweep(here, write):
    write(script=FAILS_AT_2)
    ended = here("run", "script.py", "--sweep", "x=1,2,3")
    assert (ended.code, ended.out) == (1, "run 1\nrun 2\n")
    assert "Error: run 2 with x=2 failed: ValueError: two is bad\n" in ended.err
    titles, *rows = table(ended.err)
    assert titles[-1] == "error"
    assert rows[1][-1] == "ValueError: two is bad"
    assert summary(ended) == "2 of 3 runs in T: 1 succeeded, 1 failed"


def test_the_traceback_of_a_failed_run_is_that_of_the_script(here, write, folder):
    write(script=FAILS_AT_2)
    ended = here("run", "script.py", "--sweep", "x=2")
    assert ended.err.startswith(
        f'Traceback (most recent call last):\n  File "{folder}/script.py", line 5, in main\n'
    )


def test_keep_going_runs_the_others(here, write):
    write(script=FAILS_AT_2)
    ended = here("run", "script.py", "--sweep", "x=1,2,3", "--keep-going")
    assert (ended.code, ended.out) == (1, "run 1\nrun 2\nrun 3\n")
    assert summary(ended) == "3 runs in T: 2 succeeded, 1 failed"


def test_each_run_may_be_a_process_of_its_own(kogine, write):
    write(
        script="import os\n"
        + FAILS_AT_2.replace("\n    ", "\n").replace('"run", x', "os.getppid()")
    )
    ended = kogine("run", "script.py", "--sweep", "x=1,2,3", "--subprocess", "--keep-going")
    assert len(set(ended.out.split())) == 1
    assert ended.err.count("Traceback") == 1  # which the child printed
    assert "Error: run 2 with x=2 failed: ValueError: two is bad\n" in ended.err
    assert summary(ended) == "3 runs in T: 2 succeeded, 1 failed"


def test_a_lost_child_is_a_failure(kogine, write):
    write(script="import os\nx = 1\ndef main():\n    if x == 1: os._exit(3)\n    return x")
    ended = kogine("run", "script.py", "--sweep", "x=1,2", "--subprocess", "--keep-going")
    assert ended.code == 1
    assert "Error: run 1 with x=1 lost: its process ended with exit code 3" in ended.err
    assert summary(ended) == "2 runs in T: 1 lost, 1 succeeded"


def test_an_exit_in_a_sweep_is_that_runs_end(here, write):
    write(script="import sys\nx = 1\nprint(x)\nsys.exit('none left' if x == 2 else 0)")
    ended = here("run", "script.py", "--sweep", "x=1,2,3", "--keep-going")
    assert (ended.code, ended.out) == (1, "1\n2\n3\n")
    assert "Error: run 2 with x=2 failed: exited with exit code 1: none left\n" in ended.err


def test_a_script_that_exits_with_2_is_no_wrong_usage_of_ours(here, write):
    write(script="import sys\nx = 1\nsys.exit(x)")
    assert here("run", "script.py", "--sweep", "x=2,3").code == 1


def test_a_failed_run_is_tried_again(here, write, folder):
    write(
        script="""
            from pathlib import Path
            x = 1
            tried = Path(f"tried{x}")
            first = not tried.exists()
            tried.touch()
            def main():
                assert x == 1 or not first, "not yet"
        """
    )
    ended = here("run", "script.py", "--sweep", "x=1,2", "--retries", "1")
    assert ended.code == 0
    assert ended.err.startswith(
        "Attempt 1 of 2 of run 2 failed, and the next begins: AssertionError: not yet\n"
    )
    titles, *rows = table(ended.err)
    assert titles == ["run", "x", "attempt", "status", "duration"]
    assert [row[:4] for row in rows] == [["1", "1", "1", "success"], ["2", "2", "2", "success"]]


def test_of_many_failures_less_and_less_is_said(here, write):
    write(script="x = 1\nraise ValueError(x)")
    values = ",".join(map(str, range(120)))
    ended = here("run", "script.py", "--sweep", f"x={values}", "--keep-going")
    assert ended.err.count("Traceback") == 20
    assert ended.err.count("Error: run ") == 100
    assert ended.err.count("More runs fail: they are counted, and --json has each.\n") == 1
    assert summary(ended) == "120 runs in T: 120 failed"


def test_a_sweep_without_runs_says_so(here, write):
    write(script="print(1)", conf="def config_gen():\n    return iter(())")
    assert here("run", "script.py", "-c", "conf.py") == (0, "", "No runs.\n")


def test_the_values_in_the_table_are_those_that_were_given(here, write):
    write(script="x = []\ndef main():\n    x.append(9)", conf="_sweep = {'x': [[1], [2]]}")
    rows = table(here("run", "script.py", "-c", "conf.py").err)
    assert [row[1] for row in rows] == ["x", "[1]", "[2]"]


# -- workflow sequential -------------------------------------------------------------------------


def test_scripts_run_one_after_the_other(here, write):
    write(one="print('one')", two="def main():\n    print('two')\n    return 2")
    ended = here("workflow", "sequential", "one.py", "two.py")
    assert (ended.code, ended.out) == (0, "one\ntwo\n")
    titles, *rows = table(ended.err)
    assert titles == ["run", "script", "status", "duration", "value"]
    assert [row[1] for row in rows] == ["one", "two"]


def test_options_may_stand_between_the_scripts(here, write):
    write(one="x = 1\nprint(x)", two="x = 1\nprint(-x)", conf="x = 5")
    words = ["one.py", "-c", "conf.py", "two.py", "--set", "x=6"]
    assert here("workflow", "sequential", *words).out == "6\n-6\n"


def test_a_sweep_is_run_for_each_script(here, write):
    write(one="x = 1\nprint(x)", two="x = 1\nprint(-x)", conf="_sweep = {'x': [1, 2]}")
    ended = here("workflow", "sequential", "one.py", "two.py", "-c", "conf.py")
    assert ended.out == "1\n2\n-1\n-2\n"
    assert [row[:3] for row in table(ended.err)][1:] == [
        ["1", "one", "1"],
        ["2", "one", "2"],
        ["3", "two", "1"],
        ["4", "two", "2"],
    ]


def test_a_generator_serves_each_script_anew(here, write):
    write(
        one="x = 1\nprint(x)",
        two="x = 1\nprint(-x)",
        conf="""
            from kohakuengine import Config
            def config_gen():
                yield Config({"x": 7})
        """,
    )
    assert here("workflow", "sequential", "one.py", "two.py", "-c", "conf.py").out == "7\n-7\n"


def test_a_failure_stops_a_workflow(here, write):
    write(one="1 / 0", two="print('two')")
    ended = here("workflow", "sequential", "one.py", "two.py")
    assert (ended.code, ended.out) == (1, "")
    ended = here("workflow", "sequential", "one.py", "two.py", "--keep-going")
    assert (ended.code, ended.out) == (1, "two\n")


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
def test_scripts_of_a_workflow_get_the_words_after_the_dashes(kogine, write, flags):
    write(one="import sys\nprint(sys.argv)", two="import sys\nprint(sys.argv)")
    ended = kogine("workflow", "sequential", "one.py", "two.py", *flags, "--", "-v")
    assert ended.out == "['one.py', '-v']\n['two.py', '-v']\n"


def test_one_script_is_a_workflow_too(here, write):
    write(one="import sys\nprint('one')\nsys.exit(4)")
    assert here("workflow", "sequential", "one.py") == (
        4,
        "one\n",
        "Error: one.py: exited with exit code 4\n",
    )
