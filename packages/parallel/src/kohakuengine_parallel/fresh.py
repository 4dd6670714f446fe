"""The child of `PopenLauncher`, where there is no zygote to see that a parent has died."""

from __future__ import annotations

import os
import signal
import sys
import threading

from kohakuengine_parallel.memory import limit_memory

__all__ = ["main", "serve", "watch_parent"]


def main(folder: str, memory_limit_mb: str = "") -> None:
    """Do the run that `folder` holds the request for; see `kohakuengine.engine.child_main`."""
    from kohakuengine.engine import child_main

    watch_parent()
    if memory_limit_mb:
        limit_memory(float(memory_limit_mb))
    child_main.main(folder)


def serve(instead: str, descriptor: str) -> None:
    """Be a worker; see `kohakuengine_parallel.worker.main`."""
    from kohakuengine_parallel import worker

    watch_parent()
    worker.main(instead, descriptor)


def watch_parent() -> None:
    """End this process, and its group, when the one that started it is gone.

    That holds the other end of standard input, which the script gets an empty one for.
    """
    pipe = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def wait() -> None:
        os.read(pipe, 1)
        if sys.platform == "win32":
            os._exit(1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="kogine-parent", daemon=True).start()
