"""Where the code of a run is: a file, or a module that can be imported."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

from kohakuengine.engine.source import absolute
from kohakuengine.errors import (
    ScriptModuleNotFound,
    ScriptNotFound,
    ScriptValueError,
    nearest,
)

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from kohakuengine.config.base import Config
    from kohakuengine.config.generator import ConfigGenerator

__all__ = ["Script"]


class Script:
    """A Python script, and optionally the config that it is to run with.

    Args:
        path: A file (anything with a slash or backslash, or that ends in ``.py``), or the name of
            an importable module. Either may end in ``:function``, which names the entrypoint.
        config: What it runs with where nothing else is given.
        entrypoint: The function to call; it beats ``:function``.

    Raises:
        ScriptNotFound: There is no such file (a `FileNotFoundError`).
        ScriptValueError: The file is no ``.py`` file (a `ValueError`).
        ScriptModuleNotFound: There is no such module (a `ModuleNotFoundError`).

    Attributes:
        config: See above.
        entrypoint: The entrypoint's name, or None for the cascade.
        is_module: Whether the script was given as a module's name.
        module_name: That name, or None.
    """

    __slots__ = (
        "_path",
        "argv0",
        "config",
        "entrypoint",
        "filename",
        "folder",
        "module_name",
        "spec",
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        config: Config | ConfigGenerator | None = None,
        entrypoint: str | None = None,
    ) -> None:
        location, function = _split(os.fspath(path))
        self.config = config
        self.entrypoint = entrypoint or function
        self.module_name: str | None = None
        self.spec: ModuleSpec | None = None
        if _is_file_name(location):
            _check_file(location)
            self._path = location
            self.argv0 = location
            self.filename = absolute(location)
            # As Python does: a link's own name in __file__, its target's folder on sys.path.
            self.folder = os.path.dirname(os.path.realpath(location))
        else:
            self.module_name = location
            self.spec, self.folder = _find_module(location)
            self._path = self.argv0 = self.filename = os.path.abspath(self.spec.origin or "")

    @property
    def path(self) -> Path:
        """The script's file, as it was given; a module's is absolute."""
        from pathlib import Path

        return Path(self._path)

    @property
    def is_module(self) -> bool:
        return self.module_name is not None

    @property
    def name(self) -> str:
        """The file's stem, or the last part of the module's name."""
        if self.module_name is not None:
            return self.module_name.rpartition(".")[2]
        return os.path.splitext(os.path.basename(self._path))[0]

    @property
    def location(self) -> str:
        """What names the script on a command line, without the entrypoint."""
        return self.module_name or self._path

    def run(self, config: Config | None = None, use_subprocess: bool = False) -> Any:  # noqa: FBT001, FBT002 - the established signature
        """Run it once and return the entrypoint's value.

        Args:
            config: What it runs with; the script's own config by default.
            use_subprocess: Run it in a fresh interpreter. Its value then has crossed a process
                border, and an exception arrives as `RunFailed` with the script's traceback.

        Raises:
            ConfigTypeError: The config is a sweep: those are run by a `Flow`.
        """
        if use_subprocess:
            from kohakuengine.engine.child import run_in_child

            return run_in_child(self, config)
        from kohakuengine.engine.executor import ScriptExecutor

        return ScriptExecutor(self).execute(config)

    def _key(self) -> tuple[object, ...]:
        return (os.path.normpath(self.filename), self.module_name, self.entrypoint, self.config)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Script) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a config is mutable, so equal scripts may part

    def __repr__(self) -> str:
        entrypoint = f", entrypoint={self.entrypoint!r}" if self.entrypoint else ""
        config = f", config={self.config!r}" if self.config is not None else ""
        return f"Script({self.location!r}{config}{entrypoint})"


def _split(text: str) -> tuple[str, str | None]:
    """``file.py:func`` and ``pkg.mod:func`` in two; the colon after a drive's letter is none."""
    location, colon, function = text.rpartition(":")
    if colon and location and function.isidentifier() and len(location) > 1:
        return location, function
    return text, None


def _is_file_name(text: str) -> bool:
    return "/" in text or "\\" in text or text.endswith(".py") or not _is_module_name(text)


def _is_module_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _check_file(path: str) -> None:
    if not os.path.exists(path):
        raise ScriptNotFound(f"Script not found: {path}.{_nearest_script(path)}")
    if not path.endswith(".py"):
        raise ScriptValueError(f"Script must be .py file, got {path}")
    if os.path.isdir(path):
        raise ScriptValueError(f"Script must be .py file, got the folder {path}")


def _nearest_script(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        scripts = [entry for entry in os.listdir(folder or ".") if entry.endswith(".py")]
    except OSError:
        return f" There is no folder {folder}."
    return nearest(name, scripts)


def _find_module(name: str) -> tuple[ModuleSpec, str]:
    """The spec of a module, and the folder from which its top-level package is imported.

    The packages above it are located, not imported: that is part of the run. As with ``python -m``,
    the current folder comes first.
    """
    search: list[str] | None = [os.getcwd(), *sys.path]
    folder = os.getcwd()
    full = ""
    spec: ModuleSpec | None = None
    for part in name.split("."):
        full = f"{full}.{part}" if full else part
        above = search
        # By its last name: under the full one, a nested namespace package would look its parent up
        # in sys.modules, where it is not yet.
        spec = PathFinder.find_spec(part, above)
        if spec is None:
            break
        locations = spec.submodule_search_locations or []
        search = list(getattr(locations, "_path", locations))
    if spec is not None:
        is_package = spec.submodule_search_locations is not None
        found = (f"{name}.__main__", search) if is_package else (name, above)
        spec = PathFinder.find_spec(*found)
    if spec is None or not (spec.origin or "").endswith(".py"):
        raise ScriptModuleNotFound(_no_module(name, full), name=name)
    return spec, folder


def _no_module(name: str, missing: str) -> str:
    message = f"No module named {missing!r}"
    if missing != name:
        message += f" (in {name!r})"
    hint = f"; did you mean the file ./{name}?" if os.path.exists(name) else ""
    return f"{message} in the current folder or on sys.path{hint}"
