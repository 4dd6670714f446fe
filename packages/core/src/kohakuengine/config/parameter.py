"""What is known of one name that a script lets be overridden."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Parameter"]


class Parameter(NamedTuple):
    """One top-level name of a script, or a part of one, as its source tells without being run.

    Attributes:
        name: The name; a dotted path for a key of a dict (``cfg.lr``), an attribute of a class
            (``Cfg.lr``) or of an instance of one (``cfg.lr``).
        line: The line of the first assignment, counted from 1.
        default: Its value, where the source alone tells it.
        has_default: Whether it does; None is a default too.
        default_source: The assigned expression on one line, shortened; None without one.
        annotation: Source of the annotation; None without one.
        type_name: The annotation, else the type of the default, else the class or builtin that the
            assigned call names (``int(...)``); None where nothing tells.
        evaluable: Whether the assigned expression is a name, or attributes of one (``Mode.SLOW``),
            so that a run may read it for its type alone.
    """

    name: str
    line: int = 0
    default: Any = None
    has_default: bool = False
    default_source: str | None = None
    annotation: str | None = None
    type_name: str | None = None
    evaluable: bool = False

    @property
    def is_nested(self) -> bool:
        """Whether it is a part of another parameter, or of a class."""
        return "." in self.name
