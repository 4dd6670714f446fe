"""``kogine config validate``: loads a config file and says whether it is one."""

from __future__ import annotations

from collections.abc import Sequence

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine_cli.config_file import load
from kohakuengine_cli.ending import OK
from kohakuengine_cli.flags import Parser
from kohakuengine_cli.messages import show

__all__ = ["main", "make_parser"]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    path = make_parser().parse(argv).file
    show(f"OK: {path} ({_described(load(path))})")
    return OK


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine config validate",
        usage="kogine config validate FILE",
        description="Load a config file, and the first config of a sweep, and say whether it is "
        "one. The exit code is 1 if it is not.",
        examples=["kogine config validate conf.py", "kogine config validate sweep.yaml"],
    )
    parser.add_argument("file", metavar="FILE", help="a config: .py, .json, .toml or .yaml")
    return parser


def _described(config: Config | ConfigGenerator) -> str:
    if isinstance(config, Config):
        return "one config"
    next(config, None)  # whether it makes configs at all, only making one can tell
    if config.length is None:
        return "configs, made one by one"
    return f"{config.length} config{'s' * (config.length != 1)}"
