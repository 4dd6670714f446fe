"""Text that is a Python literal becomes its value; any other text stays text."""

from __future__ import annotations

import ast
import re
import reprlib
import warnings
from itertools import pairwise
from typing import Any

from kohakuengine.errors import OverrideError

__all__ = ["parse_literal", "split_values", "unquote"]

# What a literal can begin with: most texts are words, and need not be parsed to know it.
_START = re.compile(r"""[-+.\d\[({'"]|[bBrRuU]{1,2}['"]|(?:None|True|False)\Z|set\(""")

# The parser warns of unknown escapes and of numbers that run into a keyword (``1or 2``). Only texts
# with a trace of either pay for silencing it, which is a process-wide switch.
_MAY_WARN = re.compile(r"\\|and|else|for|if|in|is|not|or")

_QUOTED = re.compile(r"""(['"])(?:\\.|(?!\1)[^\\\n])*\1""")

# What a comma may hide in: a string, whose quote is no apostrophe (``don't``), or brackets.
_MARKS = re.compile(
    r"""(?<!\w)[bBrRuU]{0,2}(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|[\[({\])},]""", re.DOTALL
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}

# The parser gives up on texts that nest too deep in one of these ways, and the interpreter's
# own limits are hit in the others.
_REFUSALS = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)


def parse_literal(text: str) -> Any:
    """The value of a Python literal, or ``text`` itself, unchanged, where it is none.

    Literals are numbers (but complex ones), quoted strings, bytes, None, True, False, and tuples,
    lists, sets and dicts of literals, in brackets. A word is no literal, neither alone nor in a
    container: ``[a, b]`` is text. Never raises, whatever the text.
    """
    stripped = text.strip()
    if not _START.match(stripped):
        return text
    try:
        value = _evaluate(stripped)
    except _REFUSALS:
        return text
    return text if isinstance(value, complex) or value is ... else value


def unquote(text: str) -> str:
    """The content of ``text`` where all of it is one quoted string; else ``text`` as it is."""
    stripped = text.strip()
    if not _QUOTED.fullmatch(stripped):
        return text
    value = parse_literal(stripped)
    return value if isinstance(value, str) else text


def _evaluate(text: str) -> Any:
    # As the first of two items of a list, a text must be one whole expression: a tuple without
    # brackets, a comment or an unbalanced bracket all give something else than two items.
    source = f"[{text},0]"
    if _MAY_WARN.search(text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, mode="eval")
    else:
        tree = ast.parse(source, mode="eval")
    if not isinstance(tree.body, ast.List) or len(tree.body.elts) != 2:
        raise ValueError(text)
    return ast.literal_eval(tree.body.elts[0])


def split_values(text: str) -> list[str]:
    """Split at the commas that stand in no bracket and in no quotes, as the values of a sweep.

    Raises:
        OverrideError: A value is empty, or brackets do not pair up.
    """
    places = pairwise([-1, *_commas(text), len(text)])
    pieces = [text[start + 1 : end].strip() for start, end in places]
    if not all(pieces):
        message = f"an empty value in {reprlib.repr(text)}: values are separated by single commas"
        raise OverrideError(f"{message}, and an empty text is written as ''")
    return pieces


def _commas(text: str) -> list[int]:
    """Where the commas at top level are."""
    places = []
    expected: list[str] = []
    for match in _MARKS.finditer(text):
        mark = match.group()
        if mark in _CLOSING:
            expected.append(_CLOSING[mark])
        elif mark in _CLOSING.values():
            if not expected or expected.pop() != mark:
                raise OverrideError(f"unexpected {mark!r} in {reprlib.repr(text)}: quote it")
        elif mark == "," and not expected:
            places.append(match.start())
    if expected:
        raise OverrideError(f"{expected[-1]!r} is missing in {reprlib.repr(text)}")
    return places
