"""Sets values in a module that has been executed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

from kohakuengine.errors import ConfigValueError

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

__all__ = ["PROTECTED_NAMES", "GlobalInjector", "refuse_protected"]

PROTECTED_NAMES = frozenset(
    {
        "__name__",
        "__file__",
        "__package__",
        "__loader__",
        "__spec__",
        "__cached__",
        "__builtins__",
        "__doc__",
    }
)


def refuse_protected(names: Iterable[str]) -> None:
    """Refuse names that make a module what it is.

    Raises:
        ConfigValueError: One of `names` is among `PROTECTED_NAMES`.
    """
    for name in names:
        if name in PROTECTED_NAMES:
            raise ConfigValueError(f"Cannot override protected module attribute: {name}")


class GlobalInjector:
    """Values into a module, and its own values out of it.

    A run does not need it: there, values are given where the script assigns them, so that what is
    derived from them follows. This is for modules that are at hand already.
    """

    PROTECTED_NAMES = PROTECTED_NAMES

    @staticmethod
    def inject(module: ModuleType, values: Mapping[str, Any]) -> None:
        """Set `values` in `module`; dotted names go into the objects there.

        Raises:
            ConfigValueError: A name is protected.
            OverrideError: A dotted name leads to nothing.
        """
        from kohakuengine.engine.hook import RunHook

        refuse_protected(values)
        RunHook(vars(module), values).settle()

    @staticmethod
    def get_user_globals(module: ModuleType) -> dict[str, Any]:
        """The module's own globals: no private names, no modules, no code from elsewhere."""
        from kohakuengine.config.base import capture

        return capture(vars(module), module.__name__)
