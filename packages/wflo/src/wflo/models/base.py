"""What all models have in common."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# A step's id is also the name of the parameter that receives its result.
STEP_ID = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
# `:` and `/` are in the ids that the engine gives to the executions of sub-workflows.
EXECUTION_ID = r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,254}$"

StepId = Annotated[str, Field(pattern=STEP_ID)]
Name = Annotated[str, Field(pattern=NAME)]
ExecutionId = Annotated[str, Field(pattern=EXECUTION_ID)]
MicroUsd = Annotated[int, Field(ge=0, le=2**63 - 1)]
Iteration = Annotated[int, Field(ge=0)]

# How deep values may be nested: what reads JSON here gives up at 200, the levels around included.
_MAX_DEPTH = 150

# Python writes integers of up to 640 digits whatever its limit is: those have 2126 bits or fewer.
_ALWAYS_WRITTEN_BITS = 2_000


def storable(text: str) -> str:
    r"""A text as every database and every JSON reader takes it.

    PostgreSQL has no NUL in texts, and UTF-8 no halves of surrogate pairs, of which file names that
    are not UTF-8 are full. They are written as escapes: ``\x00``, ``\udcff``.
    """
    text = text.replace("\x00", "\\x00")
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


class _NotJsonError(ValueError):
    """Something in a value; where it is becomes known on the way out."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.path = ""


def plain_json(value: Any) -> Any:
    """The value as it is after a way through JSON, its tuples as lists.

    Raises:
        ValueError: It is not JSON; the message says where in it, and what is there.
    """
    try:
        return _plain(value, 0)
    except _NotJsonError as error:
        raise ValueError(f"{error.path or 'it'} {error}") from None


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return _plain_int(value)
        case str():
            return _plain_text(value)
        case float():
            if not math.isfinite(value):
                raise _NotJsonError(f"is {value}, which JSON has not")
            return value
        case list() | tuple() | dict():
            if depth == _MAX_DEPTH:
                raise ValueError(
                    f"it is nested more than {_MAX_DEPTH} levels deep, or has itself in it"
                )
            items = _plain_dict if isinstance(value, dict) else _plain_list
            return items(value, depth + 1)
    raise _NotJsonError(f"is of type {type(value).__name__}, which is not JSON")


def _plain_int(number: int) -> int:
    if number.bit_length() > _ALWAYS_WRITTEN_BITS:
        try:
            int.__repr__(number)
        except ValueError:
            most = sys.get_int_max_str_digits()
            raise _NotJsonError(f"is an integer of more than {most} digits") from None
    return number


def _plain_text(text: str) -> str:
    if not text.isascii() and text.encode(errors="ignore").decode() != text:
        raise _NotJsonError("has half of a surrogate pair, which is no character")
    return text


def _plain_list(value: Any, depth: int) -> list[Any]:
    found: list[Any] = []
    try:
        for item in value:
            found.append(_plain(item, depth))  # noqa: PERF401 # how many there are is told
    except _NotJsonError as error:
        error.path = f"[{len(found)}]{error.path}"
        raise
    return found


def _plain_dict(value: Any, depth: int) -> dict[str, Any]:
    found = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _NotJsonError(f"has the key {key!r}, which is no str")
        try:
            found[_plain_text(key)] = _plain(item, depth)
        except _NotJsonError as error:
            error.path = f"[{key!r}]{error.path}"
            raise
    return found


# A text of any content, which is made storable; values that must be JSON.
Text = Annotated[str, AfterValidator(storable)]
JsonObject = Annotated[dict[str, Any], AfterValidator(plain_json)]


class Model(BaseModel):
    """Pure data: immutable, and nothing in it that its class does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
