"""``kogine workflow sequential``: scripts, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from kohakuengine_cli.flags import (
    Parser,
    add_failure_flags,
    add_output_flags,
    add_override_flags,
    add_place_flags,
    check_flags,
    split_argv,
)
from kohakuengine_cli.selection import select_each

__all__ = ["main", "make_parser"]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    from kohakuengine_cli.flows import run_flow

    words, script_argv = split_argv(argv)
    flags = make_parser().parse(words)
    check_flags(flags)
    return run_flow(lambda: select_each(flags), flags, script_argv)


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine workflow sequential",
        usage="kogine workflow sequential SCRIPT... [options] [-- SCRIPTS' ARGUMENTS]",
        description="Run scripts one after the other, each with the same config or sweep. After a "
        "failure nothing more is run, unless told to keep going.",
        examples=[
            "kogine workflow sequential prepare.py train.py report.py --config conf.py",
            "kogine workflow sequential train.py evaluate.py --sweep seed=1,2,3 --keep-going",
        ],
    )
    parser.add_argument("scripts", metavar="SCRIPT", nargs="+", help="files or importable modules")
    add_override_flags(parser)
    add_place_flags(parser)
    add_failure_flags(parser)
    add_output_flags(parser)
    parser.set_defaults(workers=None)
    return parser
