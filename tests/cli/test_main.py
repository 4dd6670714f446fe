"""Which command a line is: built-in ones, plugins, help, and mistakes."""

import re
import sys
from importlib import import_module

import pytest

import kohakuengine
from kohakuengine.cli import launch
from kohakuengine.cli import main as door
from kohakuengine.errors import MissingDistribution
from kohakuengine_cli.main import COMMANDS, main

PLUGIN = """
    def main(argv):
        print("plugin", argv)
        return 3

    def quiet(argv):
        pass
"""


@pytest.fixture
def installed(folder, write):
    """Install a distribution with a plugin's commands, as far as Python can tell."""
    info = folder / "plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[kohakuengine.commands]\n"
        "greet = plugin:main\n"
        "quiet = plugin:quiet\n"
        "workflow.remote = plugin:main\n"
        "workflow.parallel = plugin:main\n"
        "run = plugin:main\n"
        "broken = plugin:nothing\n"
    )
    write(plugin=PLUGIN)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_that_of_core(here, flag):
    assert here(flag) == (0, f"kogine {kohakuengine.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_each_command(here, flag):
    ended = here(flag)
    assert (ended.code, ended.err) == (0, "")
    for name, (_, text) in COMMANDS.items():
        assert f"  {name} " in ended.out
        assert text in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_a_command_is_needed(here):
    ended = here()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("usage: kogine COMMAND ...\n")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_each_command_explains_itself_with_examples(here, name, flag):
    ended = here(*name.split(), flag)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: kogine {name}")
    examples = ended.out.partition("\nexamples:\n")[2].splitlines()
    assert 1 <= len(examples) <= 3
    assert all("kogine " in line for line in examples)
    assert max(map(len, ended.out.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_keeps_to_a_narrow_terminal(here, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    described = here(*name.split(), "--help").out.partition("\nexamples:\n")[0].split("\n\n", 1)[1]
    assert max(map(len, described.splitlines())) <= 60


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_lines_that_it_takes(name, monkeypatch):
    parser = import_module(f"kohakuengine_cli.commands.{COMMANDS[name][0]}").make_parser()
    for line in parser.epilog.splitlines()[1:]:
        words = line.partition("kogine ")[2].partition('"')[0].partition(" > ")[0].partition(")")[0]
        words = words.partition(" -- ")[0].split()
        assert words[: len(name.split())] == name.split()
        parser.parse(words[len(name.split()) :])


@pytest.mark.parametrize("group", ["config", "workflow"])
def test_a_group_lists_its_commands(here, group):
    ended = here(group, "--help")
    assert (ended.code, ended.err) == (0, "")
    commands = [line.split("  ")[1] for line in ended.out.splitlines() if line.startswith("  ")]
    assert commands == [name for name in COMMANDS if name.startswith(group)]
    assert here(group) == (2, "", ended.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'. Did you mean 'run'? `kogine --help` lists them all."),
        (["zzz"], "unknown command 'zzz'. `kogine --help` lists them all."),
        (
            ["config", "shwo"],
            "unknown command 'config shwo'; config has show, check, validate. Did you mean 'show'?",
        ),
        (["workflow", "x"], "unknown command 'workflow x'; workflow has sequential, parallel."),
        (["--versoin"], "unknown option '--versoin'. Did you mean '--version'?"),
        (["run"], "the following arguments are required: SCRIPT. `kogine run --help` shows"),
        (["run", "s.py", "--confg", "x"], "unknown option '--confg'. Did you mean '--config'?"),
        (["run", "s.py", "--conf=x"], "unknown option '--conf=x'. Did you mean '--config'?"),
        (["run", "s.py", "-v"], "The script's own arguments go after `--`. `kogine run --help`"),
        (["run", "s.py", "x"], "one argument too many: 'x'. The script's own arguments go after"),
        (["doctor", "x"], "one argument too many: 'x'. `kogine doctor --help` shows"),
        (["run", "s.py", "--retries", "-1"], "argument --retries: "),
        (["run", "s.py", "--retries=x"], "'x' is no number of times, such as 0 or 3."),
        (["run", "s.py", "--set"], "argument --set: expected one argument."),
        (["config", "check", "s.py"], "the following arguments are required: -c/--config."),
        (["completion", "tcsh"], "argument shell: invalid choice: 'tcsh'"),
    ],
)
def test_wrong_usage_is_a_line_and_exit_code_2(here, words, message):
    ended = here(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    assert message in ended.err


# -- plugins -------------------------------------------------------------------------------------


def test_an_entry_point_is_a_command(kogine, installed):
    assert kogine("greet", "a", "--b", env=installed) == (3, "plugin ['a', '--b']\n", "")
    assert kogine("quiet", env=installed) == (0, "", "")


def test_a_dot_in_its_name_puts_it_into_a_group(kogine, installed):
    ended = kogine("workflow", "remote", "a.py", env=installed)
    assert ended == (3, "plugin ['a.py']\n", "")


def test_a_plugin_that_cannot_be_loaded_is_named(kogine, installed):
    ended = kogine("broken", env=installed)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: the command 'broken' of plugins cannot be loaded: "
        "module 'plugin' has no attribute 'nothing'\n"
    )


def test_no_plugin_takes_the_place_of_a_command(kogine, installed, write):
    write(script="print('script')")
    assert kogine("run", "script.py", env=installed) == (0, "script\n", "")
    assert kogine("workflow", "parallel", "--help", env=installed).out.startswith("usage: ")


# -- other doors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["kohakuengine", "kohakuengine.cli"])
def test_python_m_is_the_same(kogine, write, module):
    write(script="import sys\nprint(sys.path[0] != '', sys.argv)\nsys.exit(3)")
    command = (sys.executable, "-m", module)
    assert kogine("run", "script.py", command=command) == (3, "True ['script.py']\n", "")


def test_main_takes_the_words_of_this_process_by_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kogine", "--version"])
    monkeypatch.setattr(sys, "path", ["/launcher", *sys.path])
    assert door() == main() == 0
    assert capsys.readouterr().out.count("kogine ") == 2
    assert "/launcher" not in sys.path


def test_with_the_safe_path_there_is_no_launcher_on_it(kogine, write, folder):
    write(script="import sys\nprint(sys.path[0])")
    command = (sys.executable, "-P", "-m", "kohakuengine")
    ended = kogine("run", "script.py", command=command)
    python = kogine("script.py", command=(sys.executable, "-P"))
    assert ended == python


def test_without_the_cli_the_door_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kohakuengine_cli.main", None)
    line = 'The command line is not installed. Install it: pip install "kohakuengine[cli]"'
    with pytest.raises(MissingDistribution, match=re.escape(line)):
        door([])
    assert launch() == 1
    assert capsys.readouterr().err == f"Error: {line}\n"


def test_a_cli_that_lacks_something_itself_is_no_missing_cli(monkeypatch):
    monkeypatch.delitem(sys.modules, "kohakuengine_cli.main")
    monkeypatch.setitem(sys.modules, "kohakuengine_cli.ending", None)
    with pytest.raises(ModuleNotFoundError, match=r"kohakuengine_cli\.ending"):
        door([])


# -- what is loaded ------------------------------------------------------------------------------

SLOW = {
    "concurrent.futures",
    "copy",
    "dataclasses",
    "importlib.metadata",
    "inspect",
    "json",
    "pathlib",
    "pickle",
    "rich",
    "shutil",
    "subprocess",
    "tempfile",
    "threading",
}


def test_one_run_loads_nothing_that_is_slow_to_load(kogine, write):
    write(script="import sys\nprint(*sys.modules)")
    python = kogine("script.py", command=(sys.executable,), env={"COVERAGE_PROCESS_CONFIG": ""})
    ended = kogine("run", "script.py", env={"COVERAGE_PROCESS_CONFIG": ""})
    assert set(ended.out.split()) & SLOW <= set(python.out.split())


def test_help_loads_no_command(kogine):
    code = "import sys; from kohakuengine.cli import main; main(['--help']); print(*sys.modules)"
    ended = kogine("-c", code, command=(sys.executable,), env={"COVERAGE_PROCESS_CONFIG": ""})
    assert not {"argparse", "kohakuengine_cli.commands", *SLOW} & set(ended.out.split())
