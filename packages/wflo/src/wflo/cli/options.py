"""The options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from wflo.workflow.ids import check_known_id

F = TypeVar("F", bound=Callable[..., Any])


def id_argument(command: F) -> F:
    """Which run: the function's ``execution_id``."""
    return click.argument(
        "execution_id",
        metavar="ID",
        callback=lambda _ctx, _parameter, value: check_known_id(value),
    )(command)


def json_option(command: F) -> F:
    """``--json``: whether to answer as JSON; the function's ``as_json``."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
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
    if json_file and json_file != "-" and not json_file.endswith(".json"):
        return json_file, ""
    raise click.UsageError("TARGET is missing: a file, FILE.py[:WORKFLOW], or MODULE:WORKFLOW")
