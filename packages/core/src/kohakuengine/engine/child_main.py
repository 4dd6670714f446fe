"""The other side of `kohakuengine.engine.child`: a fresh interpreter does a run, and ends by it."""

from __future__ import annotations

import gc
import os

__all__ = ["main", "put_down"]


def main(folder: str) -> None:
    """Do the run that `folder` holds the request for, and end the process as Python would.

    Raises:
        SystemExit: The run failed, or ended by ``sys.exit``.
    """
    # Nothing of the engine's will ever be garbage. To have the collector look at it, while it is
    # imported and again at the interpreter's exit, takes longer than most imports.
    is_collecting = gc.isenabled()
    gc.disable()
    from kohakuengine.config.transport import dumps, loads
    from kohakuengine.engine import executor, respawn  # noqa: F401 - for `do`
    from kohakuengine.engine.ending import end_as_python
    from kohakuengine.engine.exchange import do
    from kohakuengine.engine.notice import show_our_warnings

    gc.freeze()
    if is_collecting:
        gc.enable()
    show_our_warnings()
    with open(os.path.join(folder, "request"), "rb") as file:
        request = loads(file.read())
    report, error = do(request, last=True)
    put_down(os.path.join(folder, "outcome"), dumps(report, what="the report of a run"))
    if report.refused is not None:
        raise SystemExit(1)
    if error is not None:
        end_as_python(error)


def put_down(path: str, data: bytes) -> None:
    """Write a file for the other side, which finds the whole of it or nothing."""
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)
