"""Where the code of a module is to be had from, in another process too."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import NamedTuple

#: Modules that `wflo.runtime.importing` has imported by the paths of their files, by those.
FILES: dict[str, ModuleType] = {}


class Home(NamedTuple):
    """Where a module is to be had from, in another process too.

    Attributes:
        module: Its name; of a file, the stem.
        file: The absolute path, of a file that is no importable module.
    """

    module: str
    file: str | None

    @property
    def importable(self) -> bool:
        """Whether there is a way to it: what was typed at a prompt has none."""
        return self.file is not None or self.module != "__main__"


def home(module_name: str) -> Home:
    """Where the module of this name in `sys.modules` is to be had from.

    A program is the file that was given to Python, or the module that was given with ``-m``.
    """
    module = sys.modules.get(module_name)
    path = getattr(module, "__file__", None)
    if module_name == "__main__":
        spec = getattr(module, "__spec__", None)
        if spec is not None:
            return Home(spec.name, None)
        if not path or path.startswith("<"):  # "<stdin>": it was typed, or came by a pipe
            return Home(module_name, None)
        return Home(stem(path), os.path.abspath(path))
    if path and FILES.get(os.path.realpath(path)) is module:
        return Home(stem(path), path)
    return Home(module_name, None)


def stem(path: str) -> str:
    """``flow`` for ``/some/where/flow.py``."""
    return os.path.splitext(os.path.basename(path))[0]
