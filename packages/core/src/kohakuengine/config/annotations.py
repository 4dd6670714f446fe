"""The source of an annotation as the type it stands for, where no script has to run for that."""

from __future__ import annotations

import ast
from types import NoneType
from typing import Any

__all__ = ["read_annotation"]

_BUILTINS = {
    kind.__name__: kind
    for kind in (bool, bytes, dict, float, frozenset, int, list, object, set, str, tuple)
}
_TYPING = frozenset(
    {
        "Annotated",
        "Any",
        "ClassVar",
        "Collection",
        "Dict",
        "Final",
        "FrozenSet",
        "Iterable",
        "List",
        "Literal",
        "Mapping",
        "MutableMapping",
        "MutableSequence",
        "Optional",
        "Sequence",
        "Set",
        "Tuple",
        "Union",
    }
)
_PATHS = frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"})


def read_annotation(source: str) -> Any | None:
    """The type that an annotation's source names, or None where only the script can tell.

    Known are the builtin types, `Path` and what of `typing` has to do with values; a class of the
    script, or of a library, is not.
    """
    try:
        return _type(ast.parse(source.strip(), mode="eval").body)
    except (LookupError, RecursionError, SyntaxError, TypeError, ValueError):
        return None


def _type(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None):
            return NoneType
        case ast.Constant(value=str(source)):  # a forward reference
            return _type(ast.parse(source.strip(), mode="eval").body)
        case ast.Name(id=name) if name in _BUILTINS:
            return _BUILTINS[name]
        case ast.Name(id=name):
            return _imported(name)
        case ast.Attribute(value=ast.Name(), attr=name):
            return _imported(name)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _type(left) | _type(right)
        case ast.Subscript(value=generic, slice=arguments):
            return _subscripted(_type(generic), arguments)
    raise LookupError(node)


def _imported(name: str) -> Any:
    if name in _PATHS:
        import pathlib

        return getattr(pathlib, name)
    if name in _TYPING:
        import typing

        return getattr(typing, name)
    raise LookupError(name)


def _subscripted(generic: Any, arguments: ast.expr) -> Any:
    import typing

    nodes = arguments.elts if isinstance(arguments, ast.Tuple) else [arguments]
    if generic is typing.Literal:
        return typing.Literal[tuple(ast.literal_eval(node) for node in nodes)]
    if generic is typing.Annotated:
        return _type(nodes[0])
    types = tuple(... if _is_ellipsis(node) else _type(node) for node in nodes)
    return generic[types if isinstance(arguments, ast.Tuple) else types[0]]


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
