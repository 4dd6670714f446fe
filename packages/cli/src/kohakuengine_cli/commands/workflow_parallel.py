"""``kogine workflow parallel``: scripts, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from kohakuengine_cli.flags import (
    Parser,
    add_failure_flags,
    add_output_flags,
    add_override_flags,
    add_parallel_flags,
    check_flags,
    split_argv,
)
from kohakuengine_cli.selection import select_each

__all__ = ["main", "make_parser"]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    from kohakuengine_cli.parallel_flows import run_parallel_flow

    words, script_argv = split_argv(argv)
    flags = make_parser().parse(words)
    check_flags(flags)
    return run_parallel_flow(lambda: select_each(flags), flags, script_argv)


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine workflow parallel",
        usage="kogine workflow parallel SCRIPT... [options] [-- SCRIPTS' ARGUMENTS]",
        description="Run scripts side by side, each with the same config or sweep, and each run in "
        "a process of its own. What a run prints goes to its log. After a failure nothing new is "
        "started, unless told to keep going.",
        examples=[
            "kogine workflow parallel train.py --config sweep.py -w 8 --max-failures 10",
            "kogine workflow parallel cats.py dogs.py --sweep seed=1,2,3 --gpus 0,1 --timeout 2h",
            "kogine workflow parallel score.py --config million.py --mode pool --json > out.json",
        ],
    )
    parser.add_argument("scripts", metavar="SCRIPT", nargs="+", help="files or importable modules")
    add_override_flags(parser)
    add_parallel_flags(parser, "-w", "--workers", "-j", "--jobs", default="auto")
    add_failure_flags(parser)
    add_output_flags(parser)
    parser.set_defaults(subprocess=False)
    return parser
