"""``wflo config show``: the settings, without secrets."""

from __future__ import annotations

import json
from typing import Any

import click

from wflo.cli.options import json_option
from wflo.cli.output import show_json, show_line
from wflo.cli.paint import Line, Piece
from wflo.cli.session import load_settings
from wflo.config.settings import shown, variable


@click.command("show")
@json_option
def command(*, as_json: bool) -> None:
    """Print all settings by the variables that set them, without secrets.

    Those that are not set, and have no default, are behind a #.
    """
    settings = shown(load_settings())
    if as_json:
        show_json(settings)
        return
    for section, values in settings.items():
        for name, value in values.items():
            show_line(_line(variable(section, name), value))


def _line(name: str, value: Any) -> Line:
    if value is None:
        return [Piece(f"# {name}=", "dim")]
    text = value if isinstance(value, str) else json.dumps(value)
    return [Piece(f"{name}=", "cyan"), Piece(text)]
