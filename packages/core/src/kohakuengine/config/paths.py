"""Dotted paths into the objects of a script: dicts, lists, classes, dataclasses, any object."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, Sequence
from types import MemberDescriptorType, SimpleNamespace

from kohakuengine.config.deferred import DeferredText
from kohakuengine.config.missing import MISSING
from kohakuengine.errors import OverrideError, nearest

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

__all__ = ["get_path", "set_path", "split_path"]

_MAX_LISTED = 8


def split_path(path: str) -> tuple[str, ...]:
    """The parts of ``a.b.c``.

    Raises:
        OverrideError: A part is empty.
    """
    parts = tuple(path.split("."))
    if not all(parts):
        raise OverrideError(f"{path!r} is no path: names are joined by single dots")
    return parts


def get_path(obj: Any, path: str | Sequence[str], *, root: str = "") -> Any:
    """What `path` leads to in `obj`: keys of dicts, positions in lists and tuples, attributes.

    Args:
        obj: Where to start.
        path: ``a.b.c``, or its parts.
        root: What `obj` is called, for messages.

    Raises:
        OverrideError: A part is not there; the message lists what is.
    """
    for part in _parts(path):
        obj = _read(obj, part, root)
        root = _joined(root, part)
    return obj


def set_path(obj: Any, path: str | Sequence[str], value: Any, *, root: str = "") -> Any:
    """Set what `path` leads to in `obj`, and return the object that takes its place.

    That is `obj` itself, changed, wherever it can be changed. A frozen dataclass and a tuple
    cannot: there it is a copy with the new value (`dataclasses.replace`, so ``__post_init__``
    runs), and whatever holds the old one gets it.

    The last part may be new in a dict, a `SimpleNamespace` and an ``argparse.Namespace``; anywhere
    else it must be there, or be declared (an annotation, ``__slots__``).

    Args:
        obj: Where to start.
        path: ``a.b.c``, or its parts.
        value: What to set; a `DeferredText` is read as the value is that it replaces.
        root: What `obj` is called, for messages.

    Raises:
        OverrideError: The path leads to nothing, to a dunder attribute, or to what cannot be set.
    """
    part, *rest = _parts(path)
    if rest:
        old = _read(obj, part, root)
        new = set_path(old, rest, value, root=_joined(root, part))
        return obj if new is old else _write(obj, part, new, root)
    _refuse_unknown(obj, part, root)
    if isinstance(value, DeferredText):
        value = value.resolve(_current(obj, part), annotation=_annotation(obj, part))
    return _write(obj, part, value, root)


def _parts(path: str | Sequence[str]) -> Sequence[str]:
    return split_path(path) if isinstance(path, str) else path


def _joined(root: str, part: str) -> str:
    return f"{root}.{part}" if root else part


# -- one step --------------------------------------------------------------------------------------


def _read(obj: Any, part: str, root: str) -> Any:
    if isinstance(obj, Mapping):
        key = _key(obj, part)
        if key in obj:
            return obj[key]
    elif (index := _index(obj, part)) is not None:
        return obj[index]
    elif not _is_dunder(part) and hasattr(obj, part):
        return getattr(obj, part)
    raise OverrideError(_not_there(obj, part, root))


def _current(obj: Any, part: str) -> Any:
    try:
        return _read(obj, part, "")
    except OverrideError:
        return MISSING


def _write(obj: Any, part: str, value: Any, root: str) -> Any:
    try:
        if isinstance(obj, MutableMapping):
            obj[_key(obj, part)] = value
            return obj
        if isinstance(obj, tuple):
            return _replaced_item(obj, part, value)
        if isinstance(obj, list):
            obj[int(part)] = value
            return obj
        return _write_attribute(obj, part, value)
    except (AttributeError, TypeError, ValueError) as error:
        raise OverrideError(f"cannot set {_joined(root, part)!r}: {error}") from error


def _key(obj: Mapping[Any, Any], part: str) -> Any:
    """The key that `part` stands for: itself, or its number where only that is a key."""
    if part not in obj and part.removeprefix("-").isdecimal() and int(part) in obj:
        return int(part)
    return part


def _index(obj: Any, part: str) -> int | None:
    """The position in a list or tuple that `part` names, by number or as a named tuple's field."""
    fields: tuple[str, ...] = getattr(obj, "_fields", ())
    if isinstance(obj, tuple) and part in fields:
        return fields.index(part)
    if not isinstance(obj, (list, tuple)) or not part.removeprefix("-").isdecimal():
        return None
    index = int(part)
    return index if -len(obj) <= index < len(obj) else None


def _replaced_item(obj: tuple[Any, ...], part: str, value: Any) -> Any:
    items: list[Any] = list(obj)
    index = _index(obj, part)
    assert index is not None, "checked before"
    items[index] = value
    make = getattr(obj, "_make", type(obj))
    return make(items)


def _write_attribute(obj: Any, part: str, value: Any) -> Any:
    dataclass = getattr(obj, "__dataclass_params__", None)
    if dataclass is not None and dataclass.frozen and not isinstance(obj, type):
        from dataclasses import replace

        return replace(obj, **{part: value})
    setattr(obj, part, value)
    if dataclass is not None and isinstance(obj, type):
        _set_field_default(obj, part, value)
    return obj


def _set_field_default(cls: Any, name: str, value: Any) -> None:
    """Make new instances of a dataclass start with `value`: their ``__init__`` has its own copy."""
    from dataclasses import MISSING as NO_FACTORY

    field = cls.__dataclass_fields__.get(name)
    if field is None:
        return
    field.default, field.default_factory = value, NO_FACTORY
    code, defaults = cls.__init__.__code__, list(cls.__init__.__defaults__ or ())
    positional = code.co_varnames[: code.co_argcount]
    if name in positional[len(positional) - len(defaults) :]:
        defaults[positional.index(name) - len(positional)] = value
        cls.__init__.__defaults__ = tuple(defaults)
    elif cls.__init__.__kwdefaults__ and name in cls.__init__.__kwdefaults__:
        cls.__init__.__kwdefaults__[name] = value


# -- what may be set -------------------------------------------------------------------------------


def _refuse_unknown(obj: Any, part: str, root: str) -> None:
    if isinstance(obj, Mapping):
        return
    if isinstance(obj, (list, tuple)):
        known = _index(obj, part) is not None
    elif _is_dunder(part):
        raise OverrideError(f"cannot override protected attribute {_joined(root, part)!r}")
    else:
        known = _takes_anything(obj) or hasattr(obj, part) or part in _declared(obj)
    if not known:
        raise OverrideError(_not_there(obj, part, root))


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _takes_anything(obj: Any) -> bool:
    argparse = sys.modules.get("argparse")  # where it is not loaded, nothing is made of it
    return isinstance(obj, SimpleNamespace) or (
        argparse is not None and isinstance(obj, argparse.Namespace)
    )


def _declared(obj: Any) -> dict[str, Any]:
    """Names that the object's class, or the class that it is, declares by annotations or slots."""
    declared: dict[str, Any] = {}
    for cls in (obj if isinstance(obj, type) else type(obj)).__mro__:
        slots = [n for n, v in vars(cls).items() if isinstance(v, MemberDescriptorType)]
        declared.update(dict.fromkeys(slots))
        declared.update(_annotations(cls))
    return declared


def _annotations(cls: type) -> dict[str, Any]:
    try:
        return dict(cls.__annotations__)
    except Exception:
        # Built-in classes have none; from 3.14 on, the script's own are evaluated here, and may
        # raise anything.
        return {}


def _annotation(obj: Any, part: str) -> Any:
    """The annotation of an attribute, evaluated in its module; None where that fails."""
    from typing import get_type_hints

    if isinstance(obj, Mapping):
        return None
    try:
        return get_type_hints(obj if isinstance(obj, type) else type(obj)).get(part)
    except Exception:  # whatever the script wrote there: then the current value decides
        return None


# -- messages --------------------------------------------------------------------------------------


def _not_there(obj: Any, part: str, root: str) -> str:
    kind = "class" if isinstance(obj, type) else type(obj).__name__
    owner = f"{root!r} ({kind})" if root else f"the {kind}"
    message = f"there is no {_joined(root, part)!r}; {owner} has"
    if isinstance(obj, (list, tuple)) and not hasattr(obj, "_fields"):
        return f"{message} length {len(obj)} and counts from 0"
    names = _names(obj)
    listed = ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
    return f"{message} {listed or 'nothing in it'}.{nearest(part, names)}"


def _names(obj: Any) -> list[str]:
    if isinstance(obj, Mapping):
        return [str(key) for key in obj]
    own = [*getattr(obj, "_fields", ()), *getattr(obj, "__dict__", ()), *_declared(obj)]
    return [name for name in dict.fromkeys(own) if not name.startswith("_")]
