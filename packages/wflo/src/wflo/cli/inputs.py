"""From ``--input`` and ``--json`` to what a run is given."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from wflo.errors import InputError
from wflo.runtime.inputs import Inputs


def read_inputs(
    inputs: Inputs, pairs: Sequence[str], json_file: str | None
) -> dict[str, Any] | None:
    """The input, not yet checked, or None where none was given.

    Args:
        inputs: What the workflow takes.
        pairs: What ``--input`` was given.
        json_file: A file with a JSON object; ``-``: stdin; "" or None: none.

    Raises:
        InputError: It cannot be read; the message names the file, or the pair.
    """
    if not pairs and not json_file:
        return None
    values = _read_file(json_file) if json_file else {}
    return values | inputs.parse(pairs)


def _read_file(name: str) -> dict[str, Any]:
    where = "stdin" if name == "-" else name
    try:
        values = json.loads(_text(name), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"the input {where} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise InputError(f"the input {where} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(
            f"the input {where} must be a JSON object, of names and values; it is {_kind(values)}"
        )
    return values


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    with open(name, encoding="utf-8-sig") as file:
        return file.read()


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
