"""Streams that are closed, full, read no longer, or of few characters."""

import os
import sys

import pytest

full_disk = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")

BIG = "_sweep = {'a': list(range(3000))}"


@pytest.mark.parametrize(
    "line",
    [
        "kogine config show big.py --all | head -1",
        "kogine --help | head -1",
        "kogine run --help | true",
        "kogine config validate big.py | true",
    ],
)
def test_a_reader_that_goes_away_is_no_error_worth_a_word(shell, write, line):
    write(big=BIG)
    ended = shell(line)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == (0 if "true" in line else 1)


def test_a_sweep_ends_where_nobody_reads_any_more(shell, write):
    write(
        script="x = 1\nopen('count', 'a').write('x')\nprint(x)",
        big="_sweep = {'x': list(range(3000))}",
    )
    ended = shell("kogine run script.py -c big.py 2> err | head -1; wc -c < count")
    first, count = ended.out.split()
    assert first == "0"
    assert int(count) < 3000


def test_a_script_has_the_broken_pipe_that_it_would_have(shell, write):
    write(script="for n in range(100000):\n    print(n)")
    line = "{} script.py | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    python = shell(line.format(sys.executable))
    assert shell(line.format("kogine run")) == python
    assert python.code == 1


@full_disk
@pytest.mark.parametrize("command", ["--help", "run --help", "config show big.py --all", "doctor"])
def test_a_full_disk_is_an_error_of_one_line(shell, write, command):
    write(big=BIG)
    ended = shell(f"kogine {command} > /dev/full")
    assert (ended.code, ended.err) == (1, "Error: [Errno 28] No space left on device\n")


@full_disk
def test_a_full_disk_and_a_closed_stderr_leave_the_exit_code(shell):
    assert shell("kogine --help > /dev/full 2>&-") == (1, "", "")


@pytest.mark.parametrize("command", ["--help", "--version", "config show c.py", "run script.py"])
def test_a_closed_stdout_takes_nothing(shell, write, command):
    write(script="print(1)", c="a = 1")
    assert shell(f"kogine {command} >&-") == (0, "", "")


@pytest.mark.parametrize(
    ("command", "code", "out"),
    [
        ("run nope.py", 1, ""),
        ("run script.py", 0, "1\n"),
        ("run script.py --sweep x=1,2", 0, "1\n2\n"),
        ("run script.py --set y=1 --subprocess", 0, "1\n"),
    ],
)
def test_with_a_closed_stderr_nothing_of_ours_gets_to_stdout(shell, write, command, code, out):
    write(script="x = 1\nprint(x)")
    assert shell(f"kogine {command} 2>&-") == (code, out, "")


NARROW = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}


def test_a_table_of_few_characters(kogine, write):
    write(
        script="x = ''\ndef main():\n    return x * 30",
        conf=f"_sweep = {{'x': ['é', {'y' * 50!r}]}}",
    )
    ended = kogine("run", "script.py", "-c", "conf.py", env=NARROW)
    assert ended.code == 0
    assert ended.err.isascii()
    assert "\\xe9" in ended.err
    assert "y" * 37 + "..." in ended.err
    assert "\\u" not in ended.err


def test_values_that_stdout_cannot_take_are_escaped(kogine, write):
    write(conf="a = 'é→'", script="a = 'ü'")
    ended = kogine("config", "show", "conf.py", env=NARROW)
    assert (ended.code, ended.err) == (0, "")
    assert "    a = '\\xe9\\u2192' (str)\n" in ended.out
    ended = kogine("config", "check", "script.py", "-c", "conf.py", env=NARROW)
    assert ended.out == "[OK]  a: '\\xfc' -> '\\xe9\\u2192'\n"


def test_a_document_is_the_same_in_any_locale(kogine, write):
    write(script="def main():\n    return 'é'")
    assert '"value": "\\u00e9"' in kogine("run", "script.py", "--json", env=NARROW).out


def test_no_spaces_end_the_lines_of_a_table_in_a_file(kogine, write):
    write(script="x = 1\ndef main():\n    assert x == 2, 'no'\n    return 'long' * x")
    err = kogine("run", "script.py", "--sweep", "x=1,2", "--keep-going").err
    assert [line for line in err.splitlines() if line != line.rstrip()] == []
