"""Building distributions and installing them into environments of their own, by uv."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


def call(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return what it printed on stdout.

    Raises:
        SystemExit: It failed; all that it printed is in the message.
    """
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        line = " ".join(map(str, command))
        raise SystemExit(f"exit code {done.returncode} of: {line}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(source: Path, target: Path, kind: str) -> Path:
    """Build a folder or an sdist into `target`.

    Args:
        source: A member's folder, or an sdist.
        target: Where the file is put.
        kind: ``wheel`` or ``sdist``.
    """
    before = set(target.glob("*"))
    call("uv", "build", "--quiet", f"--{kind}", "--out-dir", target, source)
    (built,) = (path for path in set(target.glob("*")) - before if path.suffix in {".whl", ".gz"})
    return built


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds only what is installed into it.

    Attributes:
        path: Its folder.
    """

    path: Path

    @classmethod
    def create(cls, path: Path, *options: str) -> Environment:
        """Make one, for the Python that runs this."""
        call("uv", "venv", "--quiet", "--python", sys.executable, *options, path)
        return cls(path)

    def run(self, program: str, *args: str | Path) -> str:
        """Run a program that is installed in it, in its folder."""
        return call(self._program(program), *args, cwd=self.path)

    def python(self, code: str, *args: str) -> str:
        """Run code in it, apart from folder and environment variables, warnings being errors."""
        return self.run("python", "-I", "-W", "error", "-c", code, *args)

    def install(self, *args: str | Path) -> None:
        """Install by ``uv pip install``."""
        call("uv", "pip", "install", "--quiet", "--python", self._program("python"), *args)

    def _program(self, name: str) -> Path:
        return self.path / ("Scripts" if os.name == "nt" else "bin") / name
