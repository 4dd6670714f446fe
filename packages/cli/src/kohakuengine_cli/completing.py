"""Answers a shell that asks, through argcomplete, what could follow on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

__all__ = ["complete"]


def complete(commands: Mapping[str, tuple[str, str]], plugins: str) -> None:
    """Print the completions and end the process; see argcomplete for the protocol.

    Args:
        commands: Command -> (module, help).
        plugins: The group of entry points that adds to them.
    """
    import argcomplete

    root = argparse.ArgumentParser(prog="kogine")
    root.add_argument("-V", "--version", action="store_true")
    levels: dict[str, Any] = {"": root.add_subparsers()}
    for name, (module, text) in commands.items():
        parser = import_module(f"kohakuengine_cli.commands.{module}").make_parser()
        added = _added(levels, name, parents=[parser], add_help=False, help=text)
        for action in added._actions:  # noqa: SLF001 - argparse has no public way to list them
            if action.dest in {"set", "sweep", "zip"}:
                setattr(action, "completer", _names_of_script)  # noqa: B010 - argcomplete's way
            elif action.dest == "mode":
                setattr(action, "completer", _modes)  # noqa: B010 - see above
    for name in {point.name.replace(".", " ") for point in entry_points(group=plugins)}:
        if name not in commands:
            _added(levels, name)
    argcomplete.autocomplete(root, exit_method=sys.exit)


def _added(levels: dict[str, Any], name: str, **options: Any) -> argparse.ArgumentParser:
    """A parser for a command, below that of its group."""
    group, _, last = name.rpartition(" ")
    if group not in levels:
        levels[group] = levels[""].add_parser(group).add_subparsers()
    parser: argparse.ArgumentParser = levels[group].add_parser(last, **options)
    return parser


def _modes(**_: Any) -> list[str]:
    """What ``--mode`` may be."""
    from kohakuengine_cli.flags import known_modes

    return known_modes()


def _names_of_script(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """``NAME=`` for each parameter of the script that is on the line already."""
    from kohakuengine.engine.introspect import read_parameters
    from kohakuengine.errors import KohakuEngineError

    scripts = [getattr(parsed_args, "script", None), *(getattr(parsed_args, "scripts", None) or ())]
    path = next(filter(None, scripts), None)
    try:
        return [f"{parameter.name}=" for parameter in read_parameters(path)] if path else []
    except (KohakuEngineError, SyntaxError, OSError):
        return []  # a line that is being typed: nothing to offer
