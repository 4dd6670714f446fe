"""What every run needs of `ast`, which takes longer to import than most scripts take to start.

The classes of nodes are those of `ast` itself: `_ast` is where it has them from.
"""

from __future__ import annotations

import _ast as ast
from collections.abc import Iterator

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import TypeVar

    _Node = TypeVar("_Node", bound=ast.AST)

__all__ = ["children", "copy_location", "fields", "walk"]


def copy_location(new: _Node, old: ast.AST) -> _Node:
    """Put a node where another one stands, and return it."""
    for name in new._attributes:  # noqa: SLF001 - a public name, as `_fields` is
        if hasattr(old, name):
            setattr(new, name, getattr(old, name))
    return new


def fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """The fields that a node has, by name."""
    for name in node._fields:
        if hasattr(node, name):
            yield name, getattr(node, name)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that stand directly in a node."""
    for _, value in fields(node):
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, ast.AST):
                yield item


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all that stand in it, at any depth, in no order."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(children(node))
