"""Values at the border of a step: JSON outside, what its annotations say inside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from reprlib import Repr
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from wflo.models.base import plain_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN_PROBLEMS = 3

_short = Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2


class Misfit(ValueError):  # noqa: N818 - a value, not a fault; who catches it says whose it is
    """A value is not JSON, or not what the annotation says; the message is one line."""


class Adapter:
    """Between the JSON of a value and what an annotation says of it.

    Args:
        annotation: The type; `Any` stands for plain JSON, which is the same on both sides.

    Raises:
        Exception: Whatever pydantic has to say against the annotation.
    """

    __slots__ = ("_type", "annotation")

    def __init__(self, annotation: Any = Any) -> None:
        self.annotation = annotation
        self._type = None if annotation is Any else TypeAdapter[Any](annotation)

    def load(self, value: Any) -> Any:
        """What the JSON value stands for; nothing of it is shared with `value`.

        Raises:
            Misfit: It is not what the annotation says.
        """
        if self._type is None:
            return _copied(value)
        try:
            return self._type.validate_json(json.dumps(value))
        except ValidationError as error:
            raise Misfit(explain(error)) from None

    def dump(self, value: Any) -> Any:
        """The JSON value that stands for this one; nothing of it is shared with `value`.

        Raises:
            Misfit: It is not JSON, or not what the annotation says.
        """
        try:
            return plain_json(value if self._type is None else self._serialized(value))
        except ValidationError as error:
            raise Misfit(explain(error)) from None
        except (ValueError, PydanticSerializationError, RecursionError) as error:
            raise Misfit(str(error)) from None

    def _serialized(self, value: Any) -> Any:
        assert self._type is not None
        valid = self._type.validate_python(value)
        # By alias and without computed fields: what `load` takes.
        return self._type.dump_python(
            valid, mode="json", by_alias=True, round_trip=True, warnings="error"
        )


PLAIN = Adapter()


def json_text(value: Any) -> str:
    """The text of a value that is JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def explain(error: ValidationError) -> str:
    """What pydantic found, in one line."""
    problems = error.errors(include_url=False, include_context=False)
    shown = [_problem(problem) for problem in problems[:_SHOWN_PROBLEMS]]
    more = len(problems) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _problem(problem: ErrorDetails) -> str:
    said = problem["msg"].removeprefix("Value error, ")
    place = _place(problem["loc"])
    if problem["type"] in {"value_error", "missing", "json_invalid"}:
        return f"{place}{said}"
    given = problem["input"]
    return f"{place}{said}, got {shown(given)} ({type(given).__name__})"


def _place(location: Iterable[int | str]) -> str:
    path = ".".join(str(part) for part in location)
    return f"{path}: " if path else ""


def shown(value: Any) -> str:
    """A value in a message: its repr, cut."""
    return _short.repr(value)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
