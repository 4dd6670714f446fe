"""A script that is imported while it runs, by a helper of its own, has the overridden values too.

Python executes the file of ``from train import Model`` a second time, beside the ``__main__`` that
it is already. Without this, that second module would have the file's own values.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from kohakuengine.engine.hook import RunHook
from kohakuengine.engine.rewrite import rewrite
from kohakuengine.engine.source import read_source

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Reimport"]


class Reimport:
    """Finds one script, by whatever name it is imported, and has it loaded with its overrides.

    A finder for ``sys.meta_path``.

    Args:
        filename: The script's file.
        overrides: What is overridden in it.
    """

    def __init__(self, filename: str, overrides: Mapping[str, Any]) -> None:
        self._filename = filename
        self._overrides = overrides
        self._stem = os.path.splitext(os.path.basename(filename))[0]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.rpartition(".")[2] != self._stem:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or not self._is_script(spec.origin):
            return None
        spec.loader = _Loader(fullname, spec.origin, self._overrides)
        return spec

    def _is_script(self, origin: str) -> bool:
        try:
            return os.path.samefile(origin, self._filename)
        except OSError:
            return False  # "built-in", "frozen"


class _Loader(SourceFileLoader):
    """Loads the rewritten source, and all else as for any module: tracebacks do not differ."""

    def __init__(self, fullname: str, path: str, overrides: Mapping[str, Any]) -> None:
        super().__init__(fullname, path)
        self._overrides = overrides

    def get_code(self, fullname: str) -> CodeType:
        namespace = vars(sys.modules[fullname])
        hook = RunHook(namespace, self._overrides)
        # Names that the script never assigns: there is no place after its last line to set them at.
        hook.foretell()
        return rewrite(read_source(self.path), self._overrides, with_arguments=False).bind(hook)
