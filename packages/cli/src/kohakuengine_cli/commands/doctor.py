"""``kogine doctor``: versions, what is installed, and what is wrong with it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import (
    PackageNotFoundError,
    entry_points,
    packages_distributions,
    version,
)

from kohakuengine.flow.executors import executor_names
from kohakuengine_cli.ending import BAD_INPUT, OK
from kohakuengine_cli.flags import Parser
from kohakuengine_cli.messages import say, show

__all__ = ["main", "make_parser"]

_SECTIONS = {
    "Members": ("kohakuengine", "kohakuengine-core", "kohakuengine-cli", "kohakuengine-parallel"),
    "Optional": ("cloudpickle", "PyYAML"),
}
_COMMANDS = "kohakuengine.commands"


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    make_parser().parse(argv)
    show(f"Python        {platform.python_version()} ({sys.executable})")
    show(f"Platform      {platform.platform()}")
    for title, names in _SECTIONS.items():
        show(title)
        for name in names:
            show(f"  {name:<24}{_version(name) or 'not installed'}")
    show(f"Executors     {', '.join(executor_names())}")
    commands = sorted({point.name.replace(".", " ") for point in entry_points(group=_COMMANDS)})
    show(f"Commands      {', '.join(commands) or 'none from plugins'}")
    problems = [*_mixed(), *_strangers()]
    for problem in problems:
        say(f"Warning: {problem}")
    return BAD_INPUT if problems else OK


def make_parser() -> Parser:
    """The command's parser."""
    return Parser(
        prog="kogine doctor",
        usage="kogine doctor",
        description="Show versions and what is installed, and find what is wrong with it. The exit "
        "code is 1 if something is.",
        examples=["kogine doctor"],
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _mixed() -> list[str]:
    """Members of the workspace are released together, and only those fit each other."""
    versions = {name: _version(name) for name in _SECTIONS["Members"]}
    found = {name: number for name, number in versions.items() if number is not None}
    if len(set(found.values())) < 2:
        return []
    listed = ", ".join(f"{name} {number}" for name, number in found.items())
    return [f"members of different releases: {listed}. Install one release of all."]


def _strangers() -> list[str]:
    """Other distributions that bring the import package `kohakuengine`, and overwrite core's."""
    owners = set(packages_distributions().get("kohakuengine", [])) - {"kohakuengine-core"}
    return [
        f"the distribution {owner} provides the import package kohakuengine too. "
        f"Run pip uninstall {owner} kohakuengine-core, and install what you need again."
        for owner in sorted(owners)
    ]
