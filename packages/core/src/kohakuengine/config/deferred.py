"""An override whose type shows only when the script runs."""

from __future__ import annotations

import warnings

from kohakuengine.config.missing import MISSING
from kohakuengine.errors import CoercionError

__all__ = ["DeferredText"]

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any


class DeferredText:
    """The text of an override that is to be read where the script's own value, or class, is known.

    Attributes:
        text: What was given.
        strict: Whether a text that does not fit is an error; otherwise it warns and stays text.
        key: The name that is set, for the message.
    """

    __slots__ = ("key", "strict", "text")

    def __init__(self, text: str, *, strict: bool = False, key: str | None = None) -> None:
        self.text = text
        self.strict = strict
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeferredText) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"DeferredText({self.text!r}, strict={self.strict}, key={self.key!r})"

    def _fields(self) -> tuple[str, bool, str | None]:
        return (self.text, self.strict, self.key)

    def resolve(self, default: Any = MISSING, *, annotation: Any = None) -> Any:
        """Read the text as `coerce_text` does, with what the script says of the name.

        Raises:
            CoercionError: Strict only: the text does not fit.
        """
        # Every run asks whether a value is of this class; few have one that is to be resolved.
        from kohakuengine.config.coercion import coerce_text

        try:
            return coerce_text(self.text, default, annotation=annotation, key=self.key)
        except CoercionError as error:
            if self.strict:
                raise
            warnings.warn(str(error), UserWarning, stacklevel=3)
            return self.text

    def resolve_annotation(self, annotation: Any) -> Any:
        """Read the text by an annotation alone; by nothing where that is None."""
        return self.resolve(annotation=annotation)
