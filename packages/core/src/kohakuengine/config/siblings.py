"""What a config file changes in the interpreter while it runs, and puts back.

Its module is in `sys.modules`, where dataclasses look for it, and its folder on `sys.path`, so that
it can import what lies beside it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from collections.abc import Iterator

# As process-wide as `sys.modules`, whose entries it explains: siblings of config files stay there
# after their folder has left `sys.path`, and another process needs the folder to import them.
_folders: dict[str, None] = {}


def search_path() -> tuple[str, ...]:
    """Where modules may have come from: `sys.path`, and the folders of the config files loaded."""
    given, folders = tuple(sys.path), tuple(_folders)
    return _if_absolute(given, folders) or _absolute(given, folders)


def _absolute(given: tuple[str, ...], folders: tuple[str, ...]) -> tuple[str, ...]:
    return (*dict.fromkeys([*map(os.path.abspath, given), *folders]),)


@lru_cache(maxsize=8)
def _if_absolute(given: tuple[str, ...], folders: tuple[str, ...]) -> tuple[str, ...]:
    """Nothing where it depends on the current folder, which may change."""
    return _absolute(given, folders) if all(map(os.path.isabs, given)) else ()


@contextmanager
def registered(path: str) -> Iterator[ModuleType]:
    """Make the module of a config file, in `sys.modules` until the block ends."""
    import re

    stem = os.path.splitext(os.path.basename(path))[0]
    name = plain = "kogine_config_" + re.sub(r"\W", "_", stem)
    module = ModuleType(plain)
    attempt = 1
    while sys.modules.setdefault(name, module) is not module:
        attempt += 1
        name = f"{plain}_{attempt}"
    module.__name__ = name
    module.__file__ = path
    module.__package__ = ""
    try:
        yield module
    finally:
        sys.modules.pop(name, None)


@contextmanager
def importable(folder: str) -> Iterator[None]:
    """Let a config file import its siblings, and not those of a file in another folder.

    What it imports stays imported, since values may be of its classes; but where a module of that
    name was there before, that one is put back.
    """
    _folders[folder] = None
    hidden: dict[str, ModuleType] = {}
    for name in _strangers(folder):
        hidden.update(_taken(name))
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        for name in {name.partition(".")[0] for name in hidden}:
            _taken(name)
        sys.modules.update(hidden)


def _taken(name: str) -> dict[str, ModuleType]:
    """Remove a module and its submodules from `sys.modules`."""
    inner = name + "."
    names = [known for known in list(sys.modules) if known == name or known.startswith(inner)]
    return {known: sys.modules.pop(known) for known in names}


def _strangers(folder: str) -> list[str]:
    """The imported modules that stand for a sibling in the folder, but come from another one.

    Installed modules are left alone: a config named ``torch.py`` should not hide torch.
    """
    home = os.path.realpath(folder)
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name, _, suffix = entry.name.partition(".")
            module = sys.modules.get(name)
            if module is None or name.startswith("__") or not _is_importable(entry, suffix, module):
                continue
            place = _home(module)
            if place and place != home and not _is_installed(name, place):
                names.append(name)
    return names


def _is_importable(entry: os.DirEntry[str], suffix: str, module: ModuleType) -> bool:
    """Whether importing the module's name anew would find this entry."""
    if suffix:
        return suffix == "py" or entry.name.endswith((".so", ".pyd"))
    # A folder that is no package (data, say) gives way to any module further down the path.
    is_namespace = getattr(module, "__file__", None) is None and entry.is_dir()
    return is_namespace or os.path.isfile(os.path.join(entry.path, "__init__.py"))


def _is_installed(name: str, place: str) -> bool:
    if name in sys.stdlib_module_names or name == __name__.partition(".")[0]:
        return True
    return os.path.basename(place) in {"site-packages", "dist-packages"}


def _home(module: ModuleType) -> str | None:
    """The folder that a module was found in; None for one that has no place."""
    places = [*getattr(module, "__path__", ())] or [getattr(module, "__file__", None)]
    return os.path.realpath(os.path.dirname(places[0])) if places[0] else None
