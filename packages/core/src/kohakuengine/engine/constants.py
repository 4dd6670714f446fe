"""Expressions whose value the source alone tells: literals, arithmetic on them, ``Path("x")``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["NotConstant", "fold", "qualified"]

# Bounds for results that are bigger than their source. Nobody measured them: a default beyond them
# is not one that a person compares with the value that overrides it.
_MAX_BITS = 4096
_MAX_ITEMS = 4096

_PATHS = frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"})
_NUMBERS = (int, float, complex)
_SEQUENCES = (str, bytes, list, tuple)

_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (bool, dict, float, frozenset, int, list, set, str, tuple)
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.Mod: operator.mod,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.RShift: operator.rshift,
    ast.Sub: operator.sub,
}


class NotConstant(Exception):  # noqa: N818 - an answer, not an error
    """Only a run can tell the value of this expression."""


def fold(node: ast.expr, imports: Mapping[str, str]) -> Any:
    """The value of a constant expression.

    Args:
        node: The expression.
        imports: What imported names stand for: ``{"P": "pathlib.Path"}``. A builtin that the script
            gives another meaning maps to "".

    Raises:
        NotConstant: It is none, or its value would be too big to be looked at.
    """
    try:
        return _fold(node, imports)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        raise NotConstant from None


def qualified(node: ast.expr, imports: Mapping[str, str]) -> str:
    """The full name of what a call calls: ``pathlib.Path``, ``int``; "" for what has none."""
    match node:
        case ast.Name(id=name):
            return imports.get(name, name)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if imports.get(name):
            return f"{imports[name]}.{attribute}"
    return ""


def _fold(node: ast.expr, imports: Mapping[str, str]) -> Any:
    match node:
        case ast.Constant(value=value) if value is not ...:
            return value
        case ast.Tuple(elts=items):
            return tuple(_fold(item, imports) for item in items)
        case ast.List(elts=items):
            return [_fold(item, imports) for item in items]
        case ast.Set(elts=items):
            return {_fold(item, imports) for item in items}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_fold_key(key, imports): _fold(value, imports) for key, value in pairs}
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_fold(operand, imports))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _fold(left, imports), _fold(right, imports))
        case ast.Call():
            return _call(node, imports)
    raise NotConstant


def _fold_key(key: ast.expr | None, imports: Mapping[str, str]) -> Any:
    if key is None:  # {**others}
        raise NotConstant
    return _fold(key, imports)


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        if isinstance(left, int) and isinstance(right, int) and _bits(op, left, right) > _MAX_BITS:
            raise NotConstant
    elif isinstance(op, ast.Mult):
        items, times = (right, left) if isinstance(left, int) else (left, right)
        if not isinstance(items, _SEQUENCES) or len(items) * times > _MAX_ITEMS:
            raise NotConstant
    elif not isinstance(op, (ast.Add, ast.Div)):  # "%" may print any number of blanks
        raise NotConstant
    return _BINARY[type(op)](left, right)


def _bits(op: ast.operator, left: int, right: int) -> int:
    if isinstance(op, ast.Pow):
        return left.bit_length() * right
    if isinstance(op, ast.LShift):
        return left.bit_length() + right
    return left.bit_length() + right.bit_length()


def _call(node: ast.Call, imports: Mapping[str, str]) -> Any:
    """``float("inf")``, ``dict(a=1)``, ``Path("x")``, with constant arguments."""
    name = qualified(node.func, imports)
    arguments = [_fold(argument, imports) for argument in node.args]
    keywords = {k.arg: _fold(k.value, imports) for k in node.keywords if k.arg}
    if len(keywords) < len(node.keywords):  # f(**others)
        raise NotConstant
    module, _, kind = name.rpartition(".")
    if module == "pathlib" and kind in _PATHS:
        import pathlib

        return getattr(pathlib, kind)(*arguments, **keywords)
    if name not in _CONSTRUCTORS:
        raise NotConstant
    return _CONSTRUCTORS[name](*arguments, **keywords)
