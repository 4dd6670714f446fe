"""Config cells: the part of a script that says, by two comments, what its parameters are.

    # %% kogine:config
    learning_rate = 0.1
    decay = learning_rate / 10
    # %% kogine:script

The cell is the run of assignments after the first marker; the second marker may be left out. To
Python, and to a run, it is code like any other. What it changes is what counts as a parameter:
exactly the cell's names, and looking at them runs nothing below it.
"""

from __future__ import annotations

import ast
import os
import re
import tokenize
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from kohakuengine.engine.hook import RunHook
from kohakuengine.engine.rewrite import rewrite
from kohakuengine.engine.source import Source, read_source

__all__ = [
    "CellInfo",
    "cell_names",
    "cell_of",
    "evaluate_cell",
    "execute_with_cell",
    "has_cell",
    "parse_cell",
]

_MARKER = re.compile(r"#\s*%%\s*kogine:(config|script)\s*$")
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


class CellInfo(NamedTuple):
    """Where a script's config cell is.

    Attributes:
        config_line: Line of the marker that opens it, from 1.
        script_line: Line where what follows it begins: that of the second marker, of the first
            statement that is no assignment, or None where the cell goes on to the file's end.
    """

    config_line: int
    script_line: int | None


def parse_cell(path: str | os.PathLike[str]) -> CellInfo | None:
    """Find a script's config cell; None if it has none.

    Warns:
        UserWarning: A statement that is no assignment ends the cell before its marker does.
    """
    return cell_of(read_source(path))


def has_cell(path: str | os.PathLike[str]) -> bool:
    """Whether a script has a config cell."""
    return _markers(read_source(path))[0] is not None


def cell_of(source: Source) -> CellInfo | None:
    """`parse_cell` for a source that has been read already."""
    opening, closing = _markers(source)
    if opening is None:
        return None
    for statement in source.tree.body:
        if statement.lineno < opening or (closing and statement.lineno > closing):
            continue
        if not isinstance(statement, _ASSIGNMENTS):
            warnings.warn(
                f"{source.filename}:{statement.lineno}: a config cell holds assignments only; "
                "the cell ends here.",
                UserWarning,
                stacklevel=3,
            )
            return CellInfo(opening, statement.lineno)
    return CellInfo(opening, closing)


def cell_names(source: Source, cell: CellInfo) -> frozenset[str]:
    """The names that a cell assigns."""
    return frozenset(
        node.id
        for statement in _body(source, cell)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )


def evaluate_cell(path: str | os.PathLike[str], cell: CellInfo) -> dict[str, Any]:
    """Run what stands above a cell's end, and nothing below it.

    Returns:
        The cell's names and their values, in the order in which they are assigned.
    """
    namespace: dict[str, Any] = {}
    return _execute_cell(read_source(path), cell, {}, namespace)


def execute_with_cell(
    path: str | os.PathLike[str], overrides: Mapping[str, Any], module_dict: dict[str, Any]
) -> tuple[ast.Module, dict[str, Any], frozenset[str]]:
    """Run a script down to the end of its cell, in `module_dict`, under `overrides`.

    Returns:
        The tree of the rest of the script, the cell's values, and the names that are frozen from
        here on: those that the cell assigns.

    Raises:
        RuntimeError: It is a script without a cell.
    """
    source = read_source(path)
    cell = cell_of(source)
    if cell is None:
        raise RuntimeError(f"execute_with_cell() for a script without a cell: {os.fspath(path)}")
    values = _execute_cell(source, cell, overrides, module_dict)
    rest = [node for node in source.tree.body if _is_below(node, cell)]
    return ast.Module(body=rest, type_ignores=[]), values, cell_names(source, cell)


def _execute_cell(
    source: Source, cell: CellInfo, overrides: Mapping[str, Any], namespace: dict[str, Any]
) -> dict[str, Any]:
    namespace.setdefault("__file__", source.filename)
    namespace.setdefault("__name__", f"kogine_cell_{os.path.basename(source.filename)[:-3]}")
    hook = RunHook(namespace, overrides)
    above = _Above(source, cell)
    code = rewrite(above, overrides, with_arguments=False).bind(hook)
    exec(code, namespace)  # noqa: S102 - the script's own parameters
    names = cell_names(source, cell)
    for name in overrides:
        if name in names:
            namespace[name] = hook.value(name)
    return {name: value for name, value in namespace.items() if name in names}


class _Above(Source):
    """The part of a source down to the end of its cell."""

    def __init__(self, source: Source, cell: CellInfo) -> None:
        self.filename = source.filename
        self.data = source.data
        body = [node for node in source.tree.body if not _is_below(node, cell)]
        self.tree = ast.Module(body=body, type_ignores=[])
        self.compiled = {}


def _body(source: Source, cell: CellInfo) -> list[ast.stmt]:
    return [
        node
        for node in source.tree.body
        if node.lineno > cell.config_line and not _is_below(node, cell)
    ]


def _is_below(node: ast.stmt, cell: CellInfo) -> bool:
    return cell.script_line is not None and node.lineno >= cell.script_line


def _markers(source: Source) -> tuple[int | None, int | None]:
    """Lines of the first opening marker and of the first closing one after it."""
    if b"kogine:config" not in source.data:
        return None, None
    opening: int | None = None
    for line, text in _comments(source.text):
        match = _MARKER.match(text)
        if match is None:
            continue
        if match[1] == "config" and opening is None:
            opening = line
        elif match[1] == "script" and opening is not None:
            return opening, line
    return opening, None


def _comments(text: str) -> list[tuple[int, str]]:
    """Comments that have a line to themselves; a marker inside a string is none."""
    lines = iter(text.splitlines(keepends=True))
    return [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(lambda: next(lines, ""))
        if token.type == tokenize.COMMENT and token.start[1] == 0
    ]
