"""What a run changes in the interpreter, and how all of it is put back."""

from __future__ import annotations

import builtins
import os
import sys
from _thread import get_ident
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from kohakuengine.engine.script import Script

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.engine.reimport import Reimport

__all__ = ["MainProgram", "main_module"]

# Modules that every interpreter has loaded before it looks at a script: a file of the same name
# beside the script shadows nothing there either.
_STARTUP = frozenset(sys.builtin_module_names) | {
    "__main__",
    "_collections_abc",
    "_sitebuiltins",
    "abc",
    "codecs",
    "encodings",
    "genericpath",
    "io",
    "kohakuengine",
    "kohakuengine_cli",
    "kohakuengine_parallel",
    "ntpath",
    "os",
    "posixpath",
    "site",
    "sitecustomize",
    "stat",
    "usercustomize",
    "zipimport",
}


def main_module(script: Script, module: ModuleType | None = None) -> ModuleType:
    """A new, empty ``__main__`` for `script`, with the attributes that Python gives it.

    Args:
        script: The script.
        module: What to make it of, instead of a plain module.
    """
    if module is None:
        module = ModuleType("__main__")
    namespace = vars(module)
    filename = script.filename
    namespace["__file__"] = filename
    namespace["__builtins__"] = builtins
    namespace["__cached__"] = None
    namespace["__loader__"] = SourceFileLoader("__main__", filename)
    if sys.version_info < (3, 14):  # from 3.14 on, annotations are made when they are asked for
        namespace["__annotations__"] = {}
    if script.spec is not None:
        namespace["__package__"] = script.spec.parent
        namespace["__spec__"] = script.spec
        namespace["__loader__"] = script.spec.loader
        namespace["__cached__"] = script.spec.cached
    return module


class MainProgram:
    """While it is entered, the process looks to a script like ``python script.py``.

    ``sys.modules["__main__"]`` is the script's module, ``sys.argv`` its command line and
    ``sys.path[0]`` its folder. Loaded modules that a file in that folder shadows are out of sight.

    On leaving, these are put back, and so are the current folder and the standard streams.
    Modules that were imported from the script's folder are dropped, so that the next script with a
    ``helper.py`` gets its own. Threads that Python would wait for at its exit are waited for.
    Not put back is what no list can name: the environment, logging, random states, the inside of
    modules. What must not leak at all belongs into a process of its own.

    Args:
        script: The script.
        module: Its module; see `main_module`.
        argv: Its command line, without the script's own name.
        finder: Asked before all others when a module is imported.
        last: Whether the process ends with the script. Then nothing is put back, and its threads
            are not waited for here: what Python does at its exit finds all as the script left it.
    """

    __slots__ = (
        "_cwd",
        "_finder",
        "_hidden",
        "_last",
        "_main",
        "_module",
        "_modules_before",
        "_script",
        "_sys",
        "_sys_path",
        "_threads",
        "argv",
    )

    def __init__(
        self,
        script: Script,
        module: ModuleType,
        argv: list[str],
        *,
        finder: Reimport | None = None,
        last: bool = False,
    ) -> None:
        self._finder = finder
        self._last = last
        self._script = script
        self._module = module
        self.argv = [script.argv0, *argv]

    def __enter__(self) -> None:
        self._sys = (sys.argv, sys.path, sys.stdin, sys.stdout, sys.stderr)
        self._sys_path = sys.path[:]
        self._cwd = _current_folder()
        self._main = sys.modules.get("__main__")
        self._threads = _threads()
        folder = self._script.folder
        self._hidden = _hide_shadowed(folder)
        self._modules_before = list(sys.modules)
        sys.argv = self.argv
        if not sys.flags.safe_path:  # -P, -I
            sys.path.insert(0, folder)
        sys.path_importer_cache.pop(folder, None)  # a helper may be newer than the cached listing
        sys.modules["__main__"] = self._module
        if self._finder is not None:
            sys.meta_path.insert(0, self._finder)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._last:
            return
        try:
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                _join(_threads() - self._threads)
        finally:
            self.put_back()

    def put_back(self) -> None:
        """Have the process be as it was before it was entered."""
        sys.argv, sys.path, sys.stdin, sys.stdout, sys.stderr = self._sys
        sys.path[:] = self._sys_path
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        if self._main is not None:
            sys.modules["__main__"] = self._main
        modules = list(sys.modules)
        if modules != self._modules_before:  # seldom, and told sooner than by sets
            _drop_local(self._script.folder, set(modules).difference(self._modules_before))
        sys.modules.update(self._hidden)
        _return_to(self._cwd)


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None  # it has been removed


def _return_to(folder: str | None) -> None:
    if folder is not None and _current_folder() != folder:
        with suppress(FileNotFoundError):  # the script removed it
            os.chdir(folder)


# Where the executors of the standard library keep their threads; there is no public way to them.
_POOLS = {
    "concurrent.futures.thread": "_threads_queues",
    "concurrent.futures.process": "_threads_wakeups",
}


def _threads() -> set[Any]:
    """The threads that are alive and that the interpreter waits for when it exits.

    Those of an executor of `concurrent.futures` that nobody shut down are not among them: they are
    ended by an exit handler, and would sit idle for ever before that.
    """
    threading: Any = sys.modules.get("threading")
    if not hasattr(threading, "active_count") or threading.active_count() == 1:
        return set()  # the former: not imported yet, or the script has a threading.py of its own
    threads = {thread for thread in threading.enumerate() if not thread.daemon}
    for module, register in _POOLS.items():
        threads -= set(getattr(sys.modules.get(module), register, ()))
    return threads


def _join(threads: set[Any]) -> None:
    for thread in threads:
        if thread.ident != get_ident():
            thread.join()


# -- modules of the script's own folder ------------------------------------------------------------

_listings: dict[str, tuple[int, frozenset[str]]] = {}
_MAX_LISTINGS = 128


def _importable(folder: str) -> frozenset[str]:
    """Names of the modules that stand in `folder`, read again when the folder changed."""
    try:
        changed_ns = os.stat(folder).st_mtime_ns
    except OSError:
        return frozenset()
    known = _listings.get(folder)
    if known is None or known[0] != changed_ns:
        if len(_listings) >= _MAX_LISTINGS:
            _listings.pop(next(iter(_listings)))
        known = _listings[folder] = (changed_ns, _list_modules(folder))
    return known[1]


def _list_modules(folder: str) -> frozenset[str]:
    if _is_library(folder):
        return frozenset()
    names = set()
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)
            # A folder that is no package (data, say) gives way to modules further down the path.
            package = not suffix and os.path.isfile(os.path.join(entry.path, "__init__.py"))
            if suffix == ".py" or package:
                names.add(stem)
    return frozenset(names - _STARTUP)


def _is_library(folder: str) -> bool:
    """Whether `folder` holds installed packages, or the standard library: nobody's own folder."""
    return os.path.basename(folder) in {
        "site-packages",
        "dist-packages",
    } or folder == os.path.dirname(os.__file__)


def _hide_shadowed(folder: str) -> dict[str, ModuleType]:
    """Take loaded modules that files in `folder` shadow out of ``sys.modules``, and return them."""
    hidden: dict[str, ModuleType] = {}
    shadowed = _importable(folder) & sys.modules.keys()
    for name in shadowed:
        if not _stands_in(sys.modules[name], folder):
            for key in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
                hidden[key] = sys.modules.pop(key)
    return hidden


def _drop_local(folder: str, imported: set[str]) -> None:
    if _is_library(folder):
        return
    roots = {name.partition(".")[0] for name in imported}
    local = {root for root in roots if _stands_in(sys.modules.get(root), folder)} - _STARTUP
    for name in imported:
        if name.partition(".")[0] in local:
            del sys.modules[name]


def _stands_in(module: ModuleType | None, folder: str) -> bool:
    """Whether a top-level module or package stands directly in `folder`."""
    locations = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None) or ""]
    return any(
        os.path.dirname(os.path.abspath(location)) == folder for location in locations if location
    )
