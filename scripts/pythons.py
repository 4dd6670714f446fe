"""The Pythons of the test matrix, as far as this machine has them. Nothing is downloaded."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from members import ROOT

# The base interpreter, where this one is that of a virtual environment or a version manager's shim.
_PROBE = """
import sys
print(sys.implementation.name, "%d.%d" % sys.version_info[:2])
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


def matrix() -> list[str]:
    """The versions that the tests are for, as hatch.toml lists them."""
    with (ROOT / "hatch.toml").open("rb") as file:
        (variables,) = tomllib.load(file)["envs"]["hatch-test"]["matrix"]
    return list(variables["python"])


def find(version: str) -> Path | None:
    """A CPython of that version, tried by running it."""
    found = (_tried(path, version) for path in _candidates(version))
    return next((path for path in found if path), None)


def preferred() -> str | None:
    """The version to test with: that of the running Python, else the newest that is found."""
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return running if running in matrix() else next(filter(find, reversed(matrix())), None)


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    yield Path(sys.executable)
    yield from (Path(folder, name) for folder in os.get_exec_path())
    for kept in _version_managers():
        yield from (folder / "bin" / name for folder in sorted(kept.glob("*"), reverse=True))


def _version_managers() -> tuple[Path, Path]:
    """The folders where pyenv and uv keep the versions that they installed."""
    home, variables = Path.home(), os.environ
    pyenv = Path(variables.get("PYENV_ROOT") or home / ".pyenv", "versions")
    data = Path(variables.get("XDG_DATA_HOME") or home / ".local" / "share")
    return pyenv, Path(variables.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")


def _tried(path: Path, version: str) -> Path | None:
    """The interpreter behind `path` if it runs and is of that version."""
    if not path.is_file():
        return None
    command = [str(path), "-I", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    return Path(lines[1]) if lines[:1] == [f"cpython {version}"] else None
