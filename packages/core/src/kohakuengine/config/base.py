"""`Config`: what one run gets; `use()`; and which module globals become config."""

from __future__ import annotations

import sys
import warnings
from copy import deepcopy  # dataclasses imports it anyway
from dataclasses import dataclass, field, replace
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from kohakuengine.errors import ConfigTypeError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Self

    from kohakuengine.config.generator import ConfigGenerator
    from kohakuengine.config.slots import Origin

#: Where a config file's namespace keeps the configs that `use_config` gave it, by path.
PARENTS = "__kogine_parents__"

_ATOMIC = frozenset({str, int, float, bool, type(None), complex, bytes})


def _unknown_origin() -> Origin | None:
    return None


@dataclass
class Config:
    """What one run of a script gets.

    Attributes:
        globals_dict: Values for the script's globals, by name. A dotted name leads into a dict, an
            object or a class of the script.
        args: Positional arguments of the entrypoint; ``sys.argv`` where the entrypoint is a main
            guard or the body of the script. A tuple becomes a list.
        kwargs: The same, by keyword.
        metadata: Notes about the run, for those who read its record. The script never sees them.

    Raises:
        ConfigTypeError: A field is of another type than its annotation says.
    """

    globals_dict: dict[str, Any] = field(default_factory=dict)
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    # Where it came from, if its values depend on the worker slot; see `kohakuengine.config.slots`.
    # It is no part of the config's value, and does not leave the process.
    origin = _unknown_origin()

    def __post_init__(self) -> None:
        check_dict("globals_dict", self.globals_dict)
        self.args = checked_args("args", self.args)
        check_dict("kwargs", self.kwargs)
        check_dict("metadata", self.metadata)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], worker_id: int | None = None
    ) -> Config | ConfigGenerator:
        """Load a config file; see `kohakuengine.config.loader.load_config_file`."""
        from kohakuengine.config.loader import load_config_file

        return load_config_file(path, worker_id)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any]) -> Config:
        """Build a config from a dict; see `kohakuengine.config.loader.load_from_dict`."""
        from kohakuengine.config.loader import load_from_dict

        return load_from_dict(config_dict)

    @classmethod
    def from_globals(cls) -> Config:
        """Take the globals of the calling module, through the filter of `capture`."""
        namespace = sys._getframe(1).f_globals  # noqa: SLF001 - the only way to the caller's globals
        values = capture(namespace, namespace["__name__"])
        # A `config_gen` that calls this is the file's way to make configs, not one of its values.
        values.pop("config_gen", None)
        return cls(globals_dict=values)

    @classmethod
    def from_context(cls, ctx: CaptureGlobals) -> Config:
        """Take what a `capture_globals` block captured."""
        return cls(globals_dict=dict(ctx.captured))

    def copy(self) -> Self:
        """Copy the config and, deeply, its values, so that no run sees what another one changed.

        Two names for one object stay two names for one object. A value that cannot be copied (one
        that holds a lock, a socket, a generator) is shared whole between the config and its copy.
        """
        memo: dict[int, Any] = {}
        copy = replace(
            self,
            globals_dict=copy_values(self.globals_dict, memo),
            args=[copy_value(value, memo) for value in self.args],
            kwargs=copy_values(self.kwargs, memo),
            metadata=copy_values(self.metadata, memo),
        )
        if self.origin is not None:
            copy.origin = self.origin.copied(memo)
        return copy

    def for_worker(self, slot: int) -> Config:
        """The config for a run in a worker slot.

        It is another one only where this one came from a file whose `config_gen` takes
        ``worker_id``: that is asked for the slot. What was put on top of this one stays on top.

        Raises:
            ConfigValueError: For this slot the file gives fewer configs.
            Exception: What the file raised.
        """
        return self if self.origin is None else self.origin.for_worker(self, slot)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "origin"}


def check_dict(name: str, value: object) -> None:
    """Refuse what is no dict, under the name that the user knows it by."""
    if not isinstance(value, dict):
        raise ConfigTypeError(f"{name} must be a dict, got {type(value).__name__}")


def checked_args(name: str, value: object) -> list[Any]:
    """Make a list of a tuple, and refuse what is neither."""
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    raise ConfigTypeError(f"{name} must be a list or tuple, got {type(value).__name__}")


def copy_values(values: Mapping[str, Any], memo: dict[int, Any]) -> dict[str, Any]:
    """`copy_value` for each value of a dict."""
    return {name: copy_value(value, memo) for name, value in values.items()}


def copy_value(value: Any, memo: dict[int, Any]) -> Any:
    """Copy a value deeply, or return it as it is if it cannot be copied.

    Args:
        value: Anything.
        memo: What `copy.deepcopy` has copied before; shared by the values of one config.
    """
    if type(value) in _ATOMIC:
        return value
    known = len(memo)
    try:
        return deepcopy(value, memo)
    except Exception:  # whatever the value's own __deepcopy__ or __reduce_ex__ raises
        # Half-made copies must not turn up where a later value refers to the same objects.
        while len(memo) > known:
            memo.popitem()
        return value


def is_atomic(value: Any) -> bool:
    """Whether a copy of the value could not be told from the value itself."""
    kind = type(value)
    return kind in _ATOMIC or (kind is tuple and all(map(is_atomic, value)))


class Use:
    """A value that the capture filter takes although it would skip it; made by `use`."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"use({self.value!r})"


def use(value: Any) -> Use:
    """Mark a value as config that would be taken for an import of the config file.

    ``activation = use(torch.relu)`` reaches the script; ``activation = torch.relu`` does not, since
    it cannot be told from ``from torch import relu``.
    """
    return Use(value)


def unwrap(value: Any) -> Any:
    """The value that a `Use` holds; any other value as it is."""
    return value.value if isinstance(value, Use) else value


def capture(namespace: Mapping[str, Any], module_name: str) -> dict[str, Any]:
    """Tell a module's config values from its imports and its private names.

    Skipped are names that start with ``_``, modules, classes and functions of other modules, what
    ``from typing import ...`` and ``from __future__ import ...`` bind, and the configs that
    `use_config` returned. `Use` values are unwrapped. All else is config.

    Args:
        namespace: The globals of a module.
        module_name: Its ``__name__``, by which its own classes and functions are known.
    """
    parents = tuple(namespace.get(PARENTS, {}).values())
    return {
        name: unwrap(value)
        for name, value in namespace.items()
        if not name.startswith("_")
        and _is_config(value, module_name)
        and not any(value is parent for parent in parents)
    }


def _is_config(value: Any, module_name: str) -> bool:
    if isinstance(value, ModuleType):
        return False
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return value.__module__ == module_name
    return type(value).__module__ not in {"typing", "__future__"}


class CaptureGlobals:
    """Context manager that captures the module globals which are new in its block.

    Deprecated: a config file needs no block, and `Config.from_globals` takes a whole module.

    Attributes:
        captured: The new globals, through the filter of `capture`; empty until the block ends.
    """

    def __init__(self) -> None:
        warnings.warn(
            "capture_globals() is deprecated: assign at the top level of the config file, or use "
            "Config.from_globals()",
            DeprecationWarning,
            stacklevel=2,
        )
        self.captured: dict[str, Any] = {}
        self._known: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        self._known = frozenset(sys._getframe(1).f_globals)  # noqa: SLF001 - the caller's globals
        return self

    def __exit__(self, *exc_info: object) -> None:
        namespace = sys._getframe(1).f_globals  # noqa: SLF001 - the caller's globals
        self.captured = {
            name: value
            for name, value in capture(namespace, namespace["__name__"]).items()
            if name not in self._known and value is not self
        }


capture_globals = CaptureGlobals
