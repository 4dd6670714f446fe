"""Lines of ours: what was asked for, on stdout; all else, on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from pydantic import BaseModel

from wflo.cli.paint import Piece, has_colours, painted


def say(text: str) -> None:
    """Print a line on stderr."""
    _print(text, sys.stderr)


def show(text: str) -> None:
    """Print a line that was asked for on stdout."""
    _print(text, sys.stdout)


def show_line(line: Iterable[Piece]) -> None:
    """Print a line with colours on stdout, if that takes them."""
    _print(painted(line, colours=has_colours(sys.stdout)), sys.stdout)


def show_json(value: Any) -> None:
    """Print a value, which may hold models, as JSON on one line of stdout."""
    _print(json.dumps(value, default=_plain), sys.stdout)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")  # as models have it
    assert isinstance(value, BaseModel), value
    return value.model_dump(mode="json")


def _print(text: str, stream: Any) -> None:
    if stream is None:  # it was closed before we started
        return
    encoding = stream.encoding or "utf-8"
    writable = text.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(writable, file=stream, color=True)  # we know better where colours belong
