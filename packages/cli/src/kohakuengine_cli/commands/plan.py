"""``kogine plan``: the runs that a command would start, without starting any."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from kohakuengine.flow.sequential import Sequential
from kohakuengine_cli.ending import OK, usage_error
from kohakuengine_cli.flags import (
    Parser,
    add_failure_flags,
    add_output_flags,
    add_override_flags,
    add_parallel_flags,
    add_place_flags,
    quantities,
    split_argv,
)
from kohakuengine_cli.plans import Plan
from kohakuengine_cli.selection import select_each

__all__ = ["main", "make_parser"]

_LIMIT = 100


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    words, _ = split_argv(argv)
    flags = make_parser().parse(words)
    if flags.entrypoint and len(flags.scripts) > 1:
        usage_error("--entrypoint goes with one script; of several, write SCRIPT:NAME.")
    if flags.json:
        from kohakuengine_cli.document import own_stdout
        from kohakuengine_cli.plan_document import write_plan

        with own_stdout() as stream:
            write_plan(_plan(flags), stream, None if flags.all else flags.limit)
    else:
        from kohakuengine_cli.plan_table import show_plan

        show_plan(_plan(flags), None if flags.all else flags.limit or _LIMIT)
    return OK


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine plan",
        usage="kogine plan SCRIPT... [options of run] [--limit N | --all] [-- SCRIPT'S ARGUMENTS]",
        description="List the runs that `kogine run` or `kogine workflow` would start with the "
        "same words, and count them. Nothing is run. Options that change none of the runs' values "
        "are taken, and do nothing.",
        examples=[
            "kogine plan train.py --config sweep.py --sweep seed=1,2,3",
            "kogine plan prepare.py train.py --config conf.py --all",
            "kogine plan train.py --config million.py --json > plan.json",
        ],
    )
    parser.add_argument("scripts", metavar="SCRIPT", nargs="+", help="files or importable modules")
    parser.add_argument(
        "-e", "--entrypoint", metavar="NAME", help="the function that would be called"
    )
    listed = parser.add_argument_group("what is listed").add_mutually_exclusive_group()
    listed.add_argument(
        "--limit",
        metavar="N",
        type=quantities("number"),
        help=f"the first N runs; {_LIMIT} by default, and with --json all",
    )
    listed.add_argument("--all", action="store_true", help="every run")
    add_override_flags(parser)
    add_place_flags(parser)
    add_failure_flags(parser)
    add_parallel_flags(parser, "-j", "--jobs", "-w", "--workers")
    add_output_flags(parser)
    return parser


def _plan(flags: argparse.Namespace) -> Plan:
    scripts = select_each(flags, entrypoint=flags.entrypoint)
    Sequential(scripts).validate()
    return Plan(scripts)
