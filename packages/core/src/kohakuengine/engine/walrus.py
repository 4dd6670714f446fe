"""Replaces the values of ``(x := ...)`` in an expression."""

from __future__ import annotations

import ast
from collections.abc import Callable
from copy import deepcopy

__all__ = ["replaced"]


def replaced(
    expression: ast.expr, names: frozenset[str], given: Callable[[str, ast.AST], ast.expr]
) -> ast.expr:
    """A copy of an expression in which these names get other values.

    Functions and comprehensions are left alone.

    Args:
        expression: The expression.
        names: The names.
        given: The value for a name that stands where a node stands.
    """
    new: ast.expr = _Walrus(names, given).visit(deepcopy(expression))
    return new


class _Walrus(ast.NodeTransformer):
    def __init__(self, names: frozenset[str], given: Callable[[str, ast.AST], ast.expr]) -> None:
        self._names = names
        self._given = given

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.generic_visit(node)
        if node.target.id in self._names:
            node.value = self._given(node.target.id, node.value)
        return node

    def _leave(self, node: ast.expr) -> ast.expr:
        return node

    visit_Lambda = _leave  # noqa: N815 - NodeTransformer's names
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _leave  # noqa: N815
