"""``kogine``: finds the command and hands it the rest of the line."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from kohakuengine.errors import KohakuEngineError, nearest
from kohakuengine_cli.ending import OK, USAGE, guarded, usage_error
from kohakuengine_cli.messages import flush, say, show

TYPE_CHECKING = False  # see `ending`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["COMMANDS", "main"]

# command -> (module, what `--help` says). A command's module has `main(argv) -> int`.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "run a script: once, or once for each config of a sweep"),
    "workflow sequential": ("workflow_sequential", "run scripts one after the other"),
    "workflow parallel": ("workflow_parallel", "run scripts side by side"),
    "plan": ("plan", "list the runs that a sweep or a workflow would have"),
    "config show": ("config_show", "print what a config file holds"),
    "config check": ("config_check", "compare a config file with what a script has"),
    "config validate": ("config_validate", "load a config file and say whether it is one"),
    "doctor": ("doctor", "versions, what is installed, and what is wrong with it"),
    "completion": ("completion", "print the completion script for a shell"),
}
_GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}

# A plugin's command is a function like a built-in one's `main`, under its name in this group of
# entry points. `workflow.remote` there is the command `workflow remote`.
_PLUGINS = "kohakuengine.commands"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after ``kogine``; those of this process by default.

    Returns:
        The exit code; `kohakuengine_cli.ending` lists them.
    """
    if argv is None:
        _leave_launcher_folder()
        argv = sys.argv[1:]
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could follow
        from kohakuengine_cli.completing import complete

        complete(COMMANDS, _PLUGINS)
    from kohakuengine.engine.notice import show_our_warnings

    show_our_warnings()
    return guarded(_dispatch, list(argv))


def _leave_launcher_folder() -> None:
    """Take what Python put first on ``sys.path`` off it: the folder of ``kogine`` itself.

    A script is to find its own folder there and nothing of ours.
    """
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]


def _dispatch(argv: list[str]) -> int:
    command, rest = _command(argv)
    code = command(rest)
    if argv[:1] != ["run"]:  # there, stdout is the script's, and its end is Python's affair
        flush()
    return int(code or OK)


def _command(argv: list[str]) -> tuple[Any, list[str]]:
    """What is to be called, and with which words."""
    for length in (2, 1):
        name = " ".join(argv[:length])
        if name in COMMANDS:
            return _load(COMMANDS[name][0]), argv[length:]
    if not argv or argv[0].startswith("-"):
        return _without_command, argv
    for length in (2, 1):
        plugin = _plugin(".".join(argv[:length]))
        if plugin is not None:
            return plugin, argv[length:]
    return (_group if argv[0] in _GROUPS else _unknown), argv


def _load(module: str) -> Any:
    return import_module(f"kohakuengine_cli.commands.{module}").main


def _plugin(name: str) -> Any:
    # Reading every distribution's metadata takes tens of milliseconds: only for a word that is no
    # command of ours.
    from importlib.metadata import entry_points

    for found in entry_points(group=_PLUGINS, name=name):
        try:
            return found.load()
        except Exception as error:  # whatever the plugin's module raises
            owner = found.dist.name if found.dist else "a plugin"
            message = f"the command {name!r} of {owner} cannot be loaded: {error}"
            raise KohakuEngineError(message) from error
    return None


def _without_command(argv: list[str]) -> int:
    if not argv:
        say(_help())
        return USAGE
    if argv[0] in {"-h", "--help"}:
        show(_help())
    elif argv[0] in {"-V", "--version"}:
        from kohakuengine import __version__

        show(f"kogine {__version__}")
    else:
        options = ["--help", "--version"]
        usage_error(f"unknown option {argv[0]!r}.{nearest(argv[0], options)} {_SEE_HELP}")
    return OK


def _group(argv: list[str]) -> int:
    """``kogine config`` alone, with ``--help``, or with a word that is none of its commands."""
    group, *rest = argv
    if rest and rest[0] in {"-h", "--help"}:
        show(_help(group))
        return OK
    if rest:
        names = [name.partition(" ")[2] for name in COMMANDS if name.startswith(f"{group} ")]
        message = f"unknown command {group + ' ' + rest[0]!r}; {group} has {', '.join(names)}."
        usage_error(message + nearest(rest[0], names))
    say(_help(group))
    return USAGE


def _unknown(argv: list[str]) -> NoReturn:
    word = argv[0]
    usage_error(f"unknown command {word!r}.{nearest(word, [*COMMANDS, *_GROUPS])} {_SEE_HELP}")


def _help(group: str = "") -> str:
    chosen = {name: text for name, (_, text) in COMMANDS.items() if name.startswith(group)}
    width = max(map(len, chosen)) + 2
    commands = "\n".join(f"  {name:<{width}}{text}" for name, text in chosen.items())
    if group:
        return f"usage: kogine {group} COMMAND ...\n\ncommands:\n{commands}"
    return _HELP.format(commands=commands)


_SEE_HELP = "`kogine --help` lists them all."

_HELP = """\
usage: kogine COMMAND ...

Run any Python script, unmodified, under a configuration that is plain Python.

commands:
{commands}

options:
  -h, --help     show this; `kogine COMMAND --help` shows what a command takes
  -V, --version  show the version

examples:
  kogine run train.py --set lr=0.01
  kogine run train.py --sweep lr=0.1,0.01 --sweep epochs=10,20 -j 4
  kogine run train.py --config conf.py -- --verbose

Plugins may add commands: `kogine doctor` lists them."""
