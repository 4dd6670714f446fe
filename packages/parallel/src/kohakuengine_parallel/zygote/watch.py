"""Whether the modules that a zygote holds are what their files hold."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from time import monotonic

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    _Version = tuple[int, int]

__all__ = ["Watch"]

_OURS = {"kohakuengine", "kohakuengine_parallel"}


class Watch:
    """The files of the modules that are held, but for Python's own and ours.

    What is looked at once a second lies apart from what was imported (see `heap`): this is not made
    before that is over, and has copies of its own.
    """

    def __init__(self) -> None:
        self._versions = dict(_versions())
        self._looked_in = int(monotonic())
        self._changed = False

    def has_changed(self, second: int) -> bool:
        """Whether a module that is held is not what its file holds any more.

        Args:
            second: See `Kind`. Often enough for people, seldom enough for a thousand files.
        """
        if not self._changed and second != self._looked_in:
            self._looked_in = second
            self._changed = any(_version(path) != known for path, known in self._versions.items())
        return self._changed


def _versions() -> Iterator[tuple[bytes, _Version | None]]:
    standard = os.path.dirname(os.__file__) + os.sep
    for name, module in list(sys.modules.items()):
        path: Any = getattr(module, "__file__", None)
        if not isinstance(path, str) or name.partition(".")[0] in _OURS:
            continue
        if not path.startswith(standard) or "-packages" + os.sep in path:
            with suppress(UnicodeEncodeError):  # no file has such a name
                copied = os.fsencode(path)
                yield copied, _version(copied)


def _version(path: bytes) -> _Version | None:
    with suppress(OSError, ValueError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size
    return None
