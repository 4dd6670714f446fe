"""The imports of one script, as a zygote holds them."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module

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
    from kohakuengine_parallel.zygote.order import Kind

__all__ = ["hold", "prepare"]

# What the engine itself imports in the course of a run: else each fork would do so anew.
_FOR_EVERY_RUN = (
    "atexit",
    "kohakuengine.engine.exchange",
    "kohakuengine.engine.executor",
    "kohakuengine.engine.reimport",
    "kohakuengine.engine.respawn",
)


def hold(script: dict[str, str]) -> str | None:
    """Import what a script begins with.

    Args:
        script: Its ``filename``, ``folder`` and ``package``.

    Returns:
        Why the process must not be forked with it; None if it may.
    """
    for name in _FOR_EVERY_RUN:
        import_module(name)
    unsafe = why_unsafe()
    for wanted in leading_imports(script["filename"], script["folder"], script["package"]):
        if unsafe is not None:
            return unsafe
        _load(wanted)
        reason = why_unsafe()
        if reason is not None:
            unsafe = f"after the import of {wanted.module}, {reason}"
    if unsafe is None:
        _rehearse()
    return unsafe


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


def prepare(kind: Kind, before: Standby | None) -> Standby | None:
    """Prepare runs of a kind as far as that can be done; None if it cannot.

    The runs of a sweep differ in nothing but their values, so it is the same for all of them.

    Args:
        kind: See there.
        before: What was prepared for runs of another kind, and is not wanted any more.
    """
    if before is not None:
        before.stand_down()
    standby = None
    with suppress(Exception):  # the run itself will say what is wrong with the script
        (location, argv0, entrypoint, argv, strict), names, _, _ = kind
        script = Script(location, entrypoint=entrypoint)
        script.argv0 = argv0
        standby = Standby(script, names, argv=argv, strict=strict)
    gc.freeze()  # it too is nothing that a fork's collector has to look at
    return standby


def _load(wanted: Import) -> None:
    """Import a module, and the submodules that are taken from it.

    What cannot be imported here, cannot be in the run either: that says so, or does without.
    """
    with suppress(Exception, SystemExit):
        module = import_module(wanted.module)
        for name in wanted.names:
            if not hasattr(module, name):
                import_module(f"{wanted.module}.{name}")
