"""``kogine run``: a script, once, or once for each config of a sweep."""

from __future__ import annotations

import argparse

from kohakuengine.engine.script import Script
from kohakuengine_cli.ending import INTERRUPTED, OK, exit_code
from kohakuengine_cli.flags import (
    Parser,
    add_failure_flags,
    add_output_flags,
    add_override_flags,
    add_parallel_flags,
    add_place_flags,
    check_flags,
    split_argv,
)

TYPE_CHECKING = False  # see `ending`
if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["main", "make_parser"]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    words, script_argv = split_argv(argv)
    flags = make_parser().parse(words)
    check_flags(flags)
    if flags.workers is not None:
        from kohakuengine_cli.parallel_flows import run_parallel_flow

        return run_parallel_flow(lambda: [_script(flags)], flags, script_argv)
    if flags.json or flags.retries:
        return _run_flow(None, flags, script_argv)
    script = _script(flags)
    if not _is_single(script):
        return _run_flow(script, flags, script_argv)
    if flags.subprocess:
        return _run_in_child(script, flags, script_argv)
    return _run_here(script, flags, script_argv)


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine run",
        usage="kogine run SCRIPT [options] [-- SCRIPT'S ARGUMENTS]",
        description="Run a script as `python SCRIPT` would, with other values in it: once, or once "
        "for each config of a sweep.",
        examples=[
            "kogine run train.py --set lr=0.01 --set model.layers=64,32",
            "kogine run train.py --config conf.py --sweep lr=0.1,0.01 -j 4 --timeout 1h",
            "kogine run package.module:evaluate --json -- --verbose",
        ],
    )
    parser.add_argument(
        "script", metavar="SCRIPT", help="a file, or an importable module; either with :FUNCTION"
    )
    parser.add_argument(
        "-e", "--entrypoint", metavar="NAME", help="the function to call, instead of the usual one"
    )
    add_override_flags(parser)
    add_place_flags(parser)
    add_failure_flags(parser)
    add_parallel_flags(parser, "-j", "--jobs")
    add_output_flags(parser)
    return parser


def _script(flags: argparse.Namespace) -> Script:
    """The script, with its config or its sweep."""
    script = Script(flags.script, entrypoint=flags.entrypoint)
    if flags.config or flags.set or flags.sweep or flags.zip:
        from kohakuengine_cli.selection import select

        script.config = select(script, flags)
    return script


def _is_single(script: Script) -> bool:
    """Whether it runs once; a config that depends on the worker slot becomes that of the first."""
    if script.config is None:
        return True
    from kohakuengine.config.base import Config

    if not isinstance(script.config, Config):
        return False
    script.config = script.config.for_worker(0)
    return True


def _run_flow(script: Script | None, flags: argparse.Namespace, script_argv: Sequence[str]) -> int:
    from kohakuengine_cli.flows import run_flow

    return run_flow(lambda: [script or _script(flags)], flags, script_argv)


# -- one run, which ends this process as it would have ended Python --------------------------------


def _run_here(script: Script, flags: argparse.Namespace, script_argv: Sequence[str]) -> int:
    from kohakuengine.engine.ending import end_as_python
    from kohakuengine.engine.executor import run_script

    try:
        outcome = run_script(script, argv=script_argv, strict=flags.strict, last=True)
    except (KeyboardInterrupt, SyntaxError) as error:
        end_as_python(error)
    if outcome.error is not None:
        end_as_python(outcome.error)
    return OK


def _run_in_child(script: Script, flags: argparse.Namespace, script_argv: Sequence[str]) -> int:
    import warnings

    from kohakuengine.engine.child import run_in_child
    from kohakuengine.errors import RunFailed
    from kohakuengine_cli.signals import stopped_by_signals

    try:
        with stopped_by_signals(), warnings.catch_warnings(action="ignore"):
            # Of this process: that the value cannot leave the child, where nobody asks for it.
            run_in_child(script, argv=script_argv, strict=flags.strict)
    except RunFailed as failed:
        return exit_code(failed)  # the child has said why
    except KeyboardInterrupt:
        return INTERRUPTED  # and this too
    return OK
