"""The imports of one script, as a zygote holds them."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from time import monotonic

from kohakuengine.engine.executor import Standby
from kohakuengine.engine.script import Script
from kohakuengine_parallel.zygote.child import do, is_flushed, is_plain
from kohakuengine_parallel.zygote.imports import Import, leading_imports
from kohakuengine_parallel.zygote.reports import HEAD_SIZE, OVER, send_report, way
from kohakuengine_parallel.zygote.safety import why_unsafe
from kohakuengine_parallel.zygote.values import bare_config

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kohakuengine_parallel.zygote.order import Kind

__all__ = ["Held"]

# What the engine itself imports in the course of a run: else each fork would do so anew.
_FOR_EVERY_RUN = (
    "atexit",
    "kohakuengine.engine.exchange",
    "kohakuengine.engine.executor",
    "kohakuengine.engine.reimport",
    "kohakuengine.engine.respawn",
)


class Held:
    """Imports what a script begins with.

    Args:
        script: Its ``filename``, ``folder`` and ``package``.

    Attributes:
        unsafe: Why the process must not be forked with it; None if it may.
    """

    def __init__(self, script: dict[str, str]) -> None:
        for name in _FOR_EVERY_RUN:
            import_module(name)
        self._filename = script["filename"]
        self.unsafe = why_unsafe()
        for wanted in leading_imports(self._filename, script["folder"], script["package"]):
            if self.unsafe is not None:
                break
            _load(wanted)
            reason = why_unsafe()
            if reason is not None:
                self.unsafe = f"after the import of {wanted.module}, {reason}"
        if self.unsafe is None:
            _rehearse()
        self._standby: Standby | None = None
        self._prepared_for: tuple[object, ...] = ()
        self._files = dict(_files())
        self._looked_in = int(monotonic())
        self._changed = False

    def has_changed(self, second: int) -> bool:
        """Whether a module that is held is not what its file holds any more.

        Args:
            second: See `Kind`. Often enough for people, seldom enough for a thousand files.
        """
        if not self._changed and second != self._looked_in:
            self._looked_in = second
            self._changed = any(_signature(path) != known for path, known in self._files.items())
        return self._changed

    def standby(self, kind: Kind) -> Standby | None:
        """A run of a kind, as far as it can be prepared; None if it cannot.

        The runs of a sweep differ in nothing but their values, so it is the same one each time.
        """
        if kind[:-1] != self._prepared_for:
            if self._standby is not None:
                self._standby.stand_down()
            self._standby = _prepared(kind)
            self._prepared_for = kind[:-1]
            gc.freeze()  # it too is nothing that a fork's collector has to look at
        return self._standby


def _rehearse() -> None:
    """Do some runs of a script that does nothing.

    Python adapts code to what it meets, in place, while it is first executed: in each fork anew,
    and each time at the price of the pages that it writes to, had it not been done here. It also
    keeps where it found attributes, until what is imported takes their places.
    """
    near, far = os.pipe()
    gc.freeze()
    script = Script(os.path.join(os.path.dirname(__file__), "rehearsal.py"))
    for number in range(_REHEARSALS):
        standby = Standby(script, ["value"], argv=(), strict=False)
        report, _ = do(b"", bare_config({"value": number}), standby)
        send_report(way(far), number, report, "", OVER)
        os.read(near, HEAD_SIZE + len(report))
        standby.stand_down()
        is_plain({})
        is_flushed(sys.stdout)
        is_flushed(sys.stderr)
    gc.unfreeze()
    os.close(near)
    os.close(far)


# Python 3.11 to 3.13 adapt what has been executed some eight times.
_REHEARSALS = 12


def _prepared(kind: Kind) -> Standby | None:
    (location, argv0, entrypoint, argv, strict), names, _, _ = kind
    with suppress(Exception):  # the run itself will say what is wrong with the script
        script = Script(location, entrypoint=entrypoint)
        script.argv0 = argv0
        return Standby(script, names, argv=argv, strict=strict)
    return None


def _load(wanted: Import) -> None:
    """Import a module, and the submodules that are taken from it.

    What cannot be imported here, cannot be in the run either: that says so, or does without.
    """
    with suppress(Exception, SystemExit):
        module = import_module(wanted.module)
        for name in wanted.names:
            if not hasattr(module, name):
                import_module(f"{wanted.module}.{name}")


_Signature = tuple[int, int]


def _files() -> Iterator[tuple[str, _Signature | None]]:
    """The files of the modules that are held, but for Python's own and ours."""
    standard = os.path.dirname(os.__file__) + os.sep
    for name, module in list(sys.modules.items()):
        path: Any = getattr(module, "__file__", None)
        if not isinstance(path, str) or name.partition(".")[0] in _OURS:
            continue
        if not path.startswith(standard) or "-packages" + os.sep in path:
            yield path, _signature(path)


def _signature(path: str) -> _Signature | None:
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size
    return None


_OURS = {"kohakuengine", "kohakuengine_parallel"}
