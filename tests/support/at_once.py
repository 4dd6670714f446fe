"""The same program in several processes, that begin at once."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["run_at_once"]

# One process imports what all of them need; they begin when the pipe is closed.
_FORK = """
import os, sys
count = int(sys.argv.pop(1))
wait, go = os.pipe()
children = []
while len(children) < count:
    if (child := os.fork()) == 0:
        break
    children.append(child)
os.close(go)
if child:
    sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
os.read(wait, 1)
"""


def run_at_once(count: int, imports: str, program: str, *arguments: str) -> None:
    """Run a program `count` times. Each must end well, and without a word."""
    command = [sys.executable, "-c", imports + _FORK + program, str(count), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
