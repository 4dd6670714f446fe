"""``kogine config show``: prints what a config file holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine_cli.config_file import load
from kohakuengine_cli.ending import OK
from kohakuengine_cli.flags import Parser
from kohakuengine_cli.messages import show

__all__ = ["main", "make_parser"]

_LIMIT = 100
_DECISIVE = ("config_gen", "CONFIG", "_sweep")  # in the order in which they decide


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    flags = make_parser().parse(argv)
    config = load(flags.file)
    show(f"Config: {flags.file}")
    show(f"Source style: {_style(flags.file)}")
    if isinstance(config, ConfigGenerator):
        _show_all(config, None if flags.all else _LIMIT)
    else:
        _show(config)
    return OK


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine config show",
        usage="kogine config show FILE [--all]",
        description="Print what a config file holds: its values with their types, or each config "
        "of a sweep.",
        examples=["kogine config show conf.py", "kogine config show sweep.py --all"],
    )
    parser.add_argument("file", metavar="FILE", help="a config: .py, .json, .toml or .yaml")
    parser.add_argument(
        "--all", action="store_true", help=f"every config of a sweep, not the first {_LIMIT} only"
    )
    return parser


def _style(path: str) -> str:
    """Which of the forms of a config file it has: the first that decides, or its format."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix != ".py":
        return suffix.removeprefix(".")
    from kohakuengine.engine.names import script_names
    from kohakuengine.engine.source import read_source

    names, _ = script_names(read_source(path).tree)
    return next((name for name in _DECISIVE if name in names), "bare")


def _show_all(generator: ConfigGenerator, limit: int | None) -> None:
    """The first configs, and how many there are: of unknown length, no more are made than shown."""
    shown = list(islice(generator, limit))
    total = len(shown) if generator.length is None else generator.length
    more = total > len(shown)
    counted = str(total)
    if generator.length is None and limit is not None and len(shown) == limit:
        more = next(generator, None) is not None
        counted = f"more than {limit}" if more else counted
    show(f"Total configs: {counted}")
    for number, config in enumerate(shown, 1):
        show(f"[{number}]")
        _show(config)
    if more:
        show(f"... these are the first {limit}; --all shows every one")


def _show(config: Config) -> None:
    parts: list[tuple[str, dict[str, Any]]] = [
        ("globals", config.globals_dict),
        ("kwargs", config.kwargs),
        ("metadata", config.metadata),
    ]
    if config.args:
        show(f"  args: {config.args!r}")
    for title, values in parts:
        if values:
            show(f"  {title}:")
            for name, value in values.items():
                show(f"    {name} = {value!r} ({type(value).__name__})")
