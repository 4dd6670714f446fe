"""The scripts by which executors are tried."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.engine.script import Script

__all__ = ["MEETING", "REVERSED", "TICKING", "with_values", "write_script"]

# Each waits until all have come, which happens only if all are there at once.
MEETING = """
    import pathlib, time
    me, count = 0, 1
    folder = pathlib.Path(__file__).parent
    def main():
        (folder / f"here-{me}").touch()
        deadline = time.monotonic() + 30
        while len(list(folder.glob("here-*"))) < count:
            assert time.monotonic() < deadline, "the others did not come"
            time.sleep(0.005)
        return me
"""

# Each waits for the next one to end.
REVERSED = """
    import pathlib, time
    me, last = 0, 0
    folder = pathlib.Path(__file__).parent
    def main():
        deadline = time.monotonic() + 30
        while me < last and not (folder / f"ended-{me + 1}").exists():
            assert time.monotonic() < deadline, "the next one did not end"
            time.sleep(0.005)
        (folder / f"ended-{me}").touch()
        return me
"""

# Writes for as long as it lives, which is not for ever even if nobody stops it.
TICKING = """
    import pathlib, time
    with open(pathlib.Path(__file__).parent / "ticks", "w") as ticks:
        for _ in range(6000):
            ticks.write(".")
            ticks.flush()
            time.sleep(0.005)
"""


def write_script(
    folder: Path, source: str, config: Config | None = None, *, name: str = "script.py"
) -> Script:
    """Write a script, and give it a config."""
    path = folder / name
    path.write_text(dedent(source), encoding="utf-8")
    return Script(path, config)


def with_values(script: Script, n: int = 0, **values: Any) -> Script:
    """The same script with these values, or with this `n`."""
    return Script(script.location, Config(values or {"n": n}))
