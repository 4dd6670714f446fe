"""``KEY=VALUE``: what is set by text, read as the script's own values are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kohakuengine.config.annotations import read_annotation
from kohakuengine.config.coercion import NONE_WORDS, describe
from kohakuengine.config.deferred import DeferredText
from kohakuengine.config.literals import split_values
from kohakuengine.config.missing import MISSING
from kohakuengine.config.parameter import Parameter
from kohakuengine.config.paths import get_path
from kohakuengine.errors import OverrideError, UnknownKey, nearest

__all__ = [
    "DeferredText",
    "coerce_globals",
    "parse_assignment",
    "refuse_unknown",
    "resolve_axes",
    "resolve_overrides",
    "split_values",
    "unknown_names",
]

# A name of the script; then attributes, or keys of dicts, which may have dashes.
_KEY = re.compile(r"[^\W\d]\w*(?:\.[^\W\d][\w-]*)*")

# How many names of the script an error message lists.
_MAX_LISTED = 8


def parse_assignment(text: str) -> tuple[str, str]:
    """Split ``KEY=VALUE`` at its first ``=``. The value may be empty, and is kept as it is.

    Raises:
        OverrideError: There is no ``=``, or the key is no name and no names joined by dots.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals:
        raise OverrideError(f"{text!r} is not KEY=VALUE")
    if not _KEY.fullmatch(key):
        message = f"{text!r} is not KEY=VALUE: {key!r} is no name, nor names joined by dots"
        raise OverrideError(message)
    return key, value


def resolve_overrides(
    assignments: Iterable[tuple[str, str]],
    parameters: Iterable[Parameter],
    *,
    names: Collection[str] | None = (),
    strict: bool = False,
) -> dict[str, Any]:
    """Read the texts given for a script's names by what its source says of them.

    Where the source does not say enough, the value is a `DeferredText`: the default is a name of
    the script (``mode = Mode.SLOW``), the annotation is a class of the script, or a dotted key
    leads into an object that only the run makes. The last text for a key counts.

    Args:
        assignments: Keys and texts, see `parse_assignment`.
        parameters: What the script lets be overridden.
        names: Other names that the script has; None if they cannot be known (a star import).
        strict: Whether a key that the script does not have, or a text that is no value of the
            type, is an error. Otherwise the text is kept, in the second case with a warning.

    Raises:
        UnknownKey: Strict only.
        CoercionError: Strict only.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for key, text in assignments:
        if strict:
            _refuse_unknown(key, known, names)
        values.pop(key, None)  # so that it is applied in the place of its last mention
        values[key] = _resolved(key, text, known, strict=strict)
    return values


def resolve_axes(
    axes: Iterable[tuple[str, Sequence[str]]],
    parameters: Iterable[Parameter],
    *,
    names: Collection[str] | None = (),
    strict: bool = False,
) -> dict[str, list[Any]]:
    """The same for the axes of a sweep: a list of texts becomes a list of values."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, list[Any]] = {}
    for key, texts in axes:
        if strict:
            _refuse_unknown(key, known, names)
        values[key] = [_resolved(key, text, known, strict=strict) for text in texts]
    return values


def coerce_globals(
    globals_dict: Mapping[str, Any], defaults: Mapping[str, Any], *, strict: bool = False
) -> dict[str, Any]:
    """Read those values that are texts as values of the types of the defaults; see `coerce_text`.

    Args:
        globals_dict: What is to be set. Values that are no texts are taken as they are.
        defaults: The values that the script has, as from `introspect`. A dotted key is looked up
            inside them.
        strict: Whether an unknown key, or a text that does not fit, is an error. Otherwise both
            are kept as they are, and the latter warns.

    Raises:
        UnknownKey: Strict only.
        CoercionError: Strict only.
    """
    coerced = {}
    for key, value in globals_dict.items():
        default = _default(key, defaults)
        if strict and default is MISSING:
            raise UnknownKey(
                _unknown(key, [describe(*item) for item in defaults.items()], defaults)
            )
        coerced[key] = value
        if isinstance(value, str) and default is not MISSING:
            coerced[key] = DeferredText(value, strict=strict, key=key).resolve(default)
    return coerced


def unknown_names(
    keys: Iterable[str], script_names: Collection[str]
) -> list[tuple[str, str | None]]:
    """The keys whose first name the script does not have, each with the nearest that it has."""
    from difflib import get_close_matches

    unknown = []
    for key in keys:
        name = key.partition(".")[0]
        if name not in script_names:
            unknown.append((key, next(iter(get_close_matches(name, script_names, n=1)), None)))
    return unknown


# -- one text --------------------------------------------------------------------------------------


def _resolved(key: str, text: str, known: Mapping[str, Parameter], *, strict: bool) -> Any:
    deferred = DeferredText(text, strict=strict, key=key)
    parameter = known.get(key)
    if parameter is None:
        # Inside an object the run knows better; a name that the script does not assign is new.
        return deferred if "." in key else deferred.resolve()
    default = parameter.default if parameter.has_default else MISSING
    annotation = _annotation(parameter)
    if annotation is not None or (default is not MISSING and default is not None):
        return deferred.resolve(default, annotation=annotation)
    if parameter.annotation or parameter.evaluable or parameter.is_nested:
        if parameter.has_default and text.strip().lower() in NONE_WORDS:
            return None  # the default is None: this is an Optional, whatever else it is
        return deferred
    return deferred.resolve()


def _annotation(parameter: Parameter) -> Any:
    if parameter.annotation:
        return read_annotation(parameter.annotation)
    if parameter.type_name and not parameter.has_default:  # int(...), whatever it returns
        return read_annotation(parameter.type_name)
    return None


def _default(key: str, defaults: Mapping[str, Any]) -> Any:
    if key in defaults:
        return defaults[key]
    name, _, rest = key.partition(".")
    if not rest or name not in defaults:
        return MISSING
    try:
        return get_path(defaults[name], rest)
    except OverrideError:
        return MISSING


# -- unknown keys ----------------------------------------------------------------------------------


def refuse_unknown(
    keys: Iterable[str], parameters: Iterable[Parameter], names: Collection[str] | None = ()
) -> None:
    """Refuse keys that the script does not have; see `resolve_overrides` for the arguments.

    Raises:
        UnknownKey: There is one; the message lists what there is, and the nearest.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for key in keys:
        _refuse_unknown(key, known, names)


def _refuse_unknown(
    key: str, known: Mapping[str, Parameter], names: Collection[str] | None
) -> None:
    """Refuse a name that the script has nowhere, and a key that its dict does not have."""
    owner, _, _ = key.rpartition(".")
    if owner in known and known[owner].default and isinstance(known[owner].default, dict):
        siblings = {n: p for n, p in known.items() if n.rpartition(".")[0] == owner}
        if key not in siblings:
            raise UnknownKey(_unknown(key, [_shown(p) for p in siblings.values()], siblings))
        return
    first = key.partition(".")[0]
    tops = {n.partition(".")[0] for n in known}
    if names is not None and first not in tops and first not in names:
        shown = [_shown(p) for p in known.values() if not p.is_nested]
        raise UnknownKey(_unknown(key, shown, [*known, *tops, *names]))


def _unknown(key: str, shown: Sequence[str], names: Iterable[str]) -> str:
    listed = ", ".join(shown[:_MAX_LISTED])
    if len(shown) > _MAX_LISTED:
        listed += f" and {len(shown) - _MAX_LISTED} more"
    message = f"unknown key {key!r}; the script has {listed or 'no parameters'}."
    return message + nearest(key, list(names))


def _shown(parameter: Parameter) -> str:
    if parameter.has_default:
        return describe(parameter.name, parameter.default)
    source = parameter.default_source
    return f"{parameter.name} = {source}" if source else parameter.name
