"""Text becomes a value of the type that a default or an annotation asks for."""

from __future__ import annotations

import os
import reprlib
import typing
from collections import abc
from collections.abc import Callable, Iterable
from enum import Enum
from types import NoneType, UnionType
from typing import Any

from kohakuengine.config.annotations import read_annotation
from kohakuengine.config.literals import parse_literal, split_values, unquote
from kohakuengine.config.missing import MISSING
from kohakuengine.errors import CoercionError, nearest

__all__ = ["NONE_WORDS", "coerce_text", "describe", "type_name"]

_TRUE = frozenset({"true", "1", "yes", "y", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "off"})

#: What stands for None where None is a possible value, in any case.
NONE_WORDS = frozenset({"none", "null"})

_CONCRETE: dict[type, type] = {
    abc.Collection: list,
    abc.Iterable: list,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
    abc.MutableSequence: list,
    abc.MutableSet: set,
    abc.Sequence: list,
    abc.Set: set,
}

# What says something of the name, or of its type's bounds, but nothing of what a text may be.
_WRAPPERS = frozenset({typing.Annotated, typing.ClassVar, typing.Final})
_PLATFORM_PATHS = frozenset({"PosixPath", "WindowsPath"})
_SPECIAL = frozenset({typing.Literal, typing.Union, UnionType})

# What a conversion raises for a text that it does not take, those of the script's classes included.
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def coerce_text(
    text: str, default: Any = MISSING, *, annotation: Any = None, key: str | None = None
) -> Any:
    """Read ``text`` as a value of the type that is wanted.

    The annotation decides where there is one, else the type of the default. A default of None tells
    nothing: then literals become their values, and any other text stays as it is.

    - bool: true/1/yes/y/on and false/0/no/n/off, in any case.
    - int: also ``1_000``, ``0x10``, and ``1e3`` because it is exact; float: also ``nan``, ``inf``.
    - str: the text as it is, or the content of a quoted string. Path alike.
    - Enum: a member's name, in its own case or else in any, or a member's value.
    - list, tuple, set, frozenset: a literal of any of them, or its items joined by commas
      (``64,32``), each then read as the default's items are. dict: a literal.
    - Optional (none, null), Union (the first that takes the text), Literal, NewType, Annotated and
      containers with item types (``dict[str, int]``), where the annotation says so.
    - any other class: a literal that is an instance of it.

    The literal ``None`` also replaces a default that is no text and carries no annotation.

    Args:
        text: What was given.
        default: The value that it replaces, or `MISSING`.
        annotation: A type, or what `typing` makes of types.
        key: The name that is set, for the message.

    Raises:
        CoercionError: The text is no such value. The message lists the choices where they are few.
    """
    hint = _bare(annotation)
    try:
        return _to_default(text, default) if hint is None else _to_hinted(text, hint, default)
    except _FAILURES:
        raise CoercionError(_failure(text, default, hint, key)) from None


def describe(key: str, default: Any, hint: Any = None) -> str:
    """``lr: float = 0.1``, as far as it is known, for messages."""
    annotation = "" if hint is None else f": {type_name(hint)}"
    if default is MISSING:
        return f"{key}{annotation}"
    if isinstance(default, Enum):
        return f"{key}{annotation} = {type(default).__name__}.{default.name}"
    return f"{key}{annotation} = {reprlib.repr(default)}"


# -- by the default --------------------------------------------------------------------------------


def _to_default(text: str, default: Any) -> Any:
    if default is None or default is MISSING:
        return parse_literal(text)
    samples = default if isinstance(default, (list, tuple, set, frozenset)) else ()
    try:
        return _to_class(text, type(default), samples)
    except _FAILURES:
        if text.strip() == "None":
            return None
        raise


def _to_class(text: str, kind: type, samples: Iterable[Any] = ()) -> Any:
    kind = _CONCRETE.get(kind, kind)
    if kind is object:
        return parse_literal(text)
    if issubclass(kind, Enum):
        return _to_enum(text, kind)
    for base, convert in _SCALARS:
        if issubclass(kind, base):
            return convert(text)
    if issubclass(kind, (list, tuple, set, frozenset)):
        return _to_container(text, kind, samples)
    if issubclass(kind, os.PathLike):
        return kind(unquote(text))  # type: ignore[call-arg]  # a path's class takes a text
    value = parse_literal(text)
    if isinstance(value, kind):
        return value
    if issubclass(kind, dict) and isinstance(value, dict):
        return kind(value)
    raise ValueError(text)


def _to_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _to_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        value = parse_literal(text)
    if type(value) is int:
        return value
    if type(value) is not float or not abs(value) < float("inf"):
        raise ValueError(text)
    from decimal import Decimal  # a float of 1e23 is not 10**23

    exact = Decimal(text.strip())
    if exact != exact.to_integral_value():
        raise ValueError(text)
    return int(exact)


def _to_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        value = parse_literal(text)
    if type(value) is not int:
        raise ValueError(text)
    return float(value)


def _to_none(text: str) -> None:
    if text.strip().lower() not in NONE_WORDS:
        raise ValueError(text)


# The order matters: bool derives from int.
_SCALARS: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (bool, _to_bool),
    (int, _to_int),
    (float, _to_float),
    (str, unquote),
    (NoneType, _to_none),
)


def _to_enum(text: str, kind: type[Enum]) -> Enum:
    word = unquote(text).strip()
    name = word.removeprefix(f"{kind.__name__}.")
    members = kind.__members__
    if name in members:
        return members[name]
    for member in members:
        if member.lower() == name.lower():
            return members[member]
    value = parse_literal(text)
    try:
        return kind(value)
    except _FAILURES:
        return kind(word)


# -- containers ------------------------------------------------------------------------------------


def _to_container(text: str, kind: type, samples: Iterable[Any]) -> Any:
    value = parse_literal(text)
    if not isinstance(value, (list, tuple, set, frozenset)):
        kinds = {type(sample) for sample in samples}
        item = kinds.pop() if len(kinds) == 1 else object
        value = [_to_class(piece, item) for piece in _pieces(text)]
    return _filled(kind, value)


def _filled(kind: type, items: Iterable[Any]) -> Any:
    """A container of the class; a named tuple takes its fields one by one."""
    return getattr(kind, "_make", kind)(items)


def _pieces(text: str) -> list[str]:
    """The items of ``64,32``, ``64,`` or ``[a, b]``. One word is no container."""
    inner = text.strip().removesuffix(",")
    pieces = split_values(inner)
    if len(pieces) > 1 or inner != text.strip():
        return pieces
    if inner[0] + inner[-1] not in {"[]", "()", "{}"}:
        raise ValueError(text)
    return split_values(inner[1:-1].rstrip().removesuffix(","))


def _item_texts(text: str) -> list[str]:
    value = parse_literal(text)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [repr(item) for item in value]
    return _pieces(text)


# -- by the annotation -----------------------------------------------------------------------------


def _bare(annotation: Any) -> Any | None:
    """The annotation without what says nothing of the value; None where nothing is left."""
    if isinstance(annotation, str):
        annotation = read_annotation(annotation)
    origin = typing.get_origin(annotation)
    if origin in _WRAPPERS:
        return _bare(typing.get_args(annotation)[0])
    if annotation is Any:
        return object
    if isinstance(annotation, type) or isinstance(origin, type) or origin in _SPECIAL:
        return annotation
    for alias in ("__supertype__", "__value__"):  # NewType; `type X = ...`
        if hasattr(annotation, alias):
            return _bare(getattr(annotation, alias))
    return None


def _to_hinted(text: str, hint: Any, default: Any) -> Any:
    try:
        return _to_type(text, hint)
    except _FAILURES:
        if default is None:  # `limit: int = None` is an Optional in all but its spelling
            return _to_none(text)
        if default is MISSING or not isinstance(hint, type) or isinstance(default, hint):
            raise
        return _to_default(text, default)  # the script itself does not keep to its annotation


def _to_type(text: str, annotation: Any) -> Any:
    hint = _bare(annotation)
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is None:
        return parse_literal(text) if hint is None else _to_class(text, hint)
    if origin is typing.Literal:
        return _to_choice(text, arguments)
    if origin in _SPECIAL:
        return _to_union(text, arguments)
    kind = _CONCRETE.get(origin, origin)
    if issubclass(kind, tuple) and arguments:
        return _to_tuple(text, kind, arguments)
    if issubclass(kind, dict) and len(arguments) == 2:
        return _to_dict(text, kind, *arguments)
    if issubclass(kind, abc.Iterable) and len(arguments) == 1:
        return _filled(kind, [_to_type(item, arguments[0]) for item in _item_texts(text)])
    return _to_class(text, kind)


def _to_choice(text: str, choices: Iterable[Any]) -> Any:
    for choice in choices:
        try:
            if _to_class(text, type(choice)) == choice:
                return choice
        except _FAILURES:
            continue
    raise ValueError(text)


def _to_union(text: str, members: tuple[Any, ...]) -> Any:
    # None first: a str beside it would take the word as it is.
    for member in sorted(members, key=lambda member: member is not NoneType):
        try:
            return _to_type(text, member)
        except _FAILURES:
            continue
    raise ValueError(text)


def _to_tuple(text: str, kind: type, types: tuple[Any, ...]) -> Any:
    items = _item_texts(text)
    if len(types) == 2 and types[1] is ...:
        types = types[:1] * len(items)
    return _filled(kind, [_to_type(i, t) for i, t in zip(items, types, strict=True)])


def _to_dict(text: str, kind: type, keys: Any, values: Any) -> Any:
    value = parse_literal(text)
    if not isinstance(value, dict):
        raise TypeError(text)
    return kind({_to_type(repr(k), keys): _to_type(repr(v), values) for k, v in value.items()})


# -- messages --------------------------------------------------------------------------------------


def _failure(text: str, default: Any, hint: Any, key: str | None) -> str:
    wanted = type(default) if hint is None else hint
    choices = _choices(wanted)
    listed = f" ({', '.join(choices)})" if isinstance(wanted, type) and choices else ""
    where = "" if key is None else f" ({describe(key, default, hint)} in the script)"
    message = f"cannot coerce {reprlib.repr(text)} to {type_name(wanted)}{listed}{where}"
    suggestion = nearest(text, choices)
    return f"{message}.{suggestion}" if suggestion else message


def _choices(wanted: Any) -> list[str]:
    if isinstance(wanted, type):
        return list(wanted.__members__) if issubclass(wanted, Enum) else []
    if typing.get_origin(wanted) is typing.Literal:
        return [str(choice) for choice in typing.get_args(wanted)]
    return []


def type_name(hint: Any) -> str:
    """A type as one writes it in an annotation."""
    if not isinstance(hint, type):
        return str(hint).replace("typing.", "")
    return "Path" if hint.__name__ in _PLATFORM_PATHS else hint.__name__
