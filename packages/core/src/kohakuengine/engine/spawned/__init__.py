"""What ``multiprocessing`` imports as ``__mp_main__`` in children of a run with overrides.

Every name ``kohakuengine.engine.spawned.at_<hex>`` is importable: the hexadecimal digits are the
path of the run's payload. See `kohakuengine.engine.respawn`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

_PREFIX = __name__ + ".at_"

__path__ = []  # nothing stands here as a file; the finder below answers


class _Loader(InspectLoader):
    """Loads the module of a payload: two lines that replay it in the module's own namespace."""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_source(fullname), f"<{fullname}>", "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str:
        path = bytes.fromhex(fullname.removeprefix(_PREFIX)).decode()
        return f"from kohakuengine.engine.respawn import replay\nreplay(globals(), {path!r})\n"


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface
        target: ModuleType | None = None,  # noqa: ARG002 - the interface
    ) -> ModuleSpec | None:
        if not fullname.startswith(_PREFIX):
            return None
        return ModuleSpec(fullname, _Loader())


sys.meta_path.append(_Finder())
