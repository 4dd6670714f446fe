"""The options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from wflo.cli.ending import Mode

F = TypeVar("F", bound=Callable[..., Any])


def _answer_json(ctx: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    mode = ctx.find_object(Mode)
    if mode is not None and value not in (None, False):
        mode.json = True
    return value


def json_option(command: F) -> F:
    """``--json``: whether to answer as JSON; the function's ``as_json``."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_answer_json,
        help="Print JSON on stdout.",
    )(command)


def database_option(command: F) -> F:
    """``--database``: which one; the function's ``database``."""
    return click.option(
        "--database",
        metavar="URL",
        help="The database, instead of WFLO_DATABASE_URL and the file .wflo/wflo.db.",
    )(command)


def input_options(command: F) -> F:
    """``--input`` and ``--json``: the function's ``inputs`` and ``json_file``.

    ``json_file`` is None without ``--json``, and "" where no file follows it.
    """
    command = click.option(
        "--json",
        "json_file",
        metavar="[FILE]",
        is_flag=False,
        flag_value="",
        callback=_answer_json,
        help="Read the input from a JSON file ('-': stdin), if one is named, and print JSON.",
    )(command)
    return click.option(
        "--input",
        "inputs",
        metavar="NAME=VALUE",
        multiple=True,
        help="One input. VALUE is JSON, or a text. Repeatable; beats the file of --json.",
    )(command)


def target_argument(command: F) -> F:
    """The workflow: the function's ``target``; None without one, see `chosen_target`."""
    return click.argument("target", required=False, metavar="TARGET")(command)


def chosen_target(target: str | None, json_file: str | None) -> tuple[str, str | None]:
    """The target, and the file of ``--json``.

    In ``wflo run --json report.py`` the only word is the target, though it follows ``--json``.
    """
    if target is not None:
        return target, json_file
    if json_file:
        return json_file, ""
    raise click.UsageError("TARGET is missing: a file, FILE.py[:WORKFLOW], or MODULE:WORKFLOW")
