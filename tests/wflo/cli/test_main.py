"""Which command it is; help; errors; exit codes."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points, version

import click
import pytest

from wflo.cli.ending import guarded
from wflo.cli.main import COMMANDS
from wflo.errors import MissingExtra


def test_help_lists_every_command(here):
    ended = here("--help")
    assert ended.code == 0
    for name, (_, text) in COMMANDS.items():
        assert f"  {name} " in ended.out
        assert text in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_describes_itself(here, name):
    ended = here(*name.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: wflo {name} ")
    assert "--json" in ended.out or name == "worker"


def test_help_imports_none_of_the_commands_and_no_database():
    code = """
import sys
from wflo.cli.main import main
assert main(["--help"]) == 0
heavy = {"sqlalchemy", "pydantic", "asyncio", "alembic", "structlog"} & set(sys.modules)
assert not heavy, heavy
assert not [name for name in sys.modules if name.startswith("wflo.cli.commands.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_version(here):
    assert here("--version") == (0, f"wflo {version('wflo')}\n", "")
    assert here("-V").code == 0


@pytest.mark.parametrize("words", [[], ["db"], ["config"]])
def test_without_a_command_help_goes_to_stderr(here, words):
    ended = here(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Usage: {' '.join(['wflo', *words])} ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'. Did you mean 'run'? `wflo --help` says more."),
        (["xyz"], "unknown command 'xyz'. `wflo --help` says more."),
        (
            ["db", "upgrad"],
            "unknown command 'db upgrad'. Did you mean 'upgrade'? `wflo db --help` says more.",
        ),
        (["--nope"], "No such option '--nope'. `wflo --help` says more."),
        (["list", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range 1<=x<=1000"),
        (["--", "-x"], "No such option '-x'. `wflo --help` says more."),
        (["show"], "Missing argument 'ID'. `wflo show --help` says more."),
        (["list", "--since", "soon"], "Invalid value for '--since': 'soon' is no time: 2026-11-22"),
        (["worker"], "Missing option '--app'. `wflo worker --help` says more."),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(here, words, message):
    ended = here(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: {message}")
    assert ended.err.count("\n") == 1


def test_an_option_without_its_value_says_whose_it_is(here):
    ended = here("run", "flow.py", "--input")
    assert (ended.code, ended.err) == (
        2,
        "Error: Option '--input' requires an argument. `wflo run --help` says more.\n",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--json", "--limit", "0"],
        ["list", "--limit", "0", "--json"],
        ["show", "--json"],
        ["list", "--json", "--nope"],
        ["run", "--json=input.json"],
        ["rnu", "--json"],
        ["worker", "--json"],
    ],
)
def test_wrong_usage_is_told_as_json_too(here, words):
    ended = here(*words)
    assert ended.code == 2
    message = json.loads(ended.out)["error"]
    assert ended.err.startswith(f"Error: {message} `wflo ")


def test_kogine_calls_the_same_program():
    [script] = entry_points(group="console_scripts", name="wflo")
    [command] = entry_points(group="kohakuengine.commands", name="wflo")
    assert script.value == command.value == "wflo.cli.main:main"


def end(capsys, error):
    def command(mode):
        mode.json = True
        raise error

    code = guarded(command)
    return code, *capsys.readouterr()


def test_a_missing_extra_is_named(capsys):
    code, out, err = end(capsys, MissingExtra("postgres", "this URL"))
    assert code == 1
    assert err == "Error: this URL needs the extra 'postgres': pip install \"wflo[postgres]\"\n"
    assert out.startswith('{"error": "this URL needs')


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted_is_130(capsys, error):
    assert end(capsys, error) == (130, "", "Interrupted.\n")


def test_notes_of_an_error_are_told(capsys):
    error = MissingExtra("postgres", "it")
    error.add_note("and more")
    assert end(capsys, error)[2].endswith("\nand more\n")


def test_a_bug_of_ours_keeps_its_traceback(capsys):
    with pytest.raises(ZeroDivisionError):
        end(capsys, ZeroDivisionError())


def gone():
    """A pipe that nobody reads any more."""
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs


def test_a_reader_that_has_gone_is_no_trouble(start):
    process = start("config", "show", stdout=gone())
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.parametrize("buffered", [True, False])
def test_a_run_goes_on_though_nobody_looks(buffered, start, write, monkeypatch):
    if buffered:
        monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    else:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    source = """
        from wflo import Workflow
        wf = Workflow("w")
        @wf.step()
        async def a() -> int:
            return 1
    """
    write(flow=source)
    process = start("run", "flow.py", stderr=gone())
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"1\n")


def test_what_is_still_to_be_printed_may_find_no_reader(start):
    code = "import sys; from wflo.cli.ending import guarded; sys.exit(guarded(print))"
    process = start("-c", code, command=(sys.executable,), stdout=gone())
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_is_said(start):
    with open("/dev/full", "w") as full:
        process = start("--help", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.decode() == "Error: [Errno 28] No space left on device\n"


def test_closed_streams_are_no_trouble(wflo):
    line = "wflo config show >&-; wflo config show --json >&-; wflo rnu 2>&-; echo $?"
    assert wflo("-c", line, command=("bash",)) == (0, "2\n", "")
