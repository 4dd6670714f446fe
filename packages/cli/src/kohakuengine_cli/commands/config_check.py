"""``kogine config check``: compares what a config file sets with what a script has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.config.overrides import unknown_names
from kohakuengine.config.parameter import Parameter
from kohakuengine.engine.introspect import script_parameters
from kohakuengine.engine.script import Script
from kohakuengine_cli.config_file import load
from kohakuengine_cli.ending import BAD_INPUT, OK
from kohakuengine_cli.flags import Parser
from kohakuengine_cli.messages import show

__all__ = ["main", "make_parser"]

_MAX_SHOWN = 8


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    flags = make_parser().parse(argv)
    script = Script(flags.script)
    values = _values(load(flags.config))
    known = script_parameters(script)
    parameters = {parameter.name: parameter for parameter in known.parameters}
    unknown = dict(unknown_names(values, known.names)) if known.names is not None else {}
    for key, new in values.items():
        if key not in unknown:
            show(f"[OK]  {key}: {_default(parameters.get(key))} -> {new}")
        elif unknown[key] is not None:
            show(f"[??]  {key}: not in script (did you mean {unknown[key]!r}?)")
        else:
            show(f"[+]   {key}: new var")
    return BAD_INPUT if any(unknown.values()) else OK


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine config check",
        usage="kogine config check SCRIPT -c FILE",
        description="Compare what a config file sets with what a script has, without running the "
        "script. The exit code is 1 if a name looks like a slip.",
        examples=["kogine config check train.py -c conf.py"],
    )
    parser.add_argument("script", metavar="SCRIPT", help="a file, or an importable module")
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        required=True,
        help="a config: .py, .json, .toml or .yaml",
    )
    return parser


def _values(config: Config | ConfigGenerator | None) -> dict[str, str]:
    """Each name that is set, with its value, or with those that it takes in a sweep."""
    if config is None:  # a generator that makes none
        return {}
    if isinstance(config, Config):
        return {name: repr(value) for name, value in config.globals_dict.items()}
    if config.sweep is None:
        return _values(next(config, None))
    values = _values(config.sweep.base)
    for group in config.sweep.groups:
        values.update({name: _listed(axis) for name, axis in group.items()})
    return values


def _listed(axis: Sequence[Any]) -> str:
    listed = ", ".join(map(repr, axis[:_MAX_SHOWN]))
    more = len(axis) - _MAX_SHOWN
    return f"{listed} and {more} more" if more > 0 else listed


def _default(parameter: Parameter | None) -> str:
    if parameter is None:
        return "?"
    if parameter.has_default:
        return repr(parameter.default)
    return parameter.default_source or "?"
