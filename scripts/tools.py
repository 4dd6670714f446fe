"""The tools that everything else is run by, in an environment of their own inside the repository.

``.tools/`` holds hatch and uv, ``.hatch/`` the environments that hatch makes from hatch.toml. Both
can be removed at any time.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

from members import ROOT

REQUIREMENTS = (
    "hatch>=1.18,<2",  # 1.18: workspaces with features, `hatch check types` with another checker
    "uv>=0.9",  # 0.9: the oldest that was tried
)

_TOOLS = ROOT / ".tools"
_DATA = ROOT / ".hatch"
_BIN = _TOOLS / ("Scripts" if os.name == "nt" else "bin")

# Set by a shell's own environment, they would lead hatch or its environments elsewhere.
_FOREIGN = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "HATCH_ENV", "HATCH_PYTHON")


def prepare() -> None:
    """Make what is missing or out of date of ``.tools/`` and ``.hatch/``.

    Raises:
        SystemExit: This Python cannot make environments.
    """
    tools = _digest(*REQUIREMENTS, sys.version, sys.base_prefix)
    _refresh(_TOOLS, tools, _install_tools)
    # hatch sees changed dependencies itself, but not changed versions and entry points.
    described = [ROOT / "hatch.toml", ROOT / "VERSION", *ROOT.glob("packages/*/pyproject.toml")]
    texts = (path.read_text(encoding="utf-8") for path in sorted(described))
    _refresh(_DATA, _digest(tools, *texts), _configure_hatch)


def hatch(*args: str, pythons: Iterable[Path] = ()) -> int:
    """Run hatch at the root and return its exit code.

    Args:
        args: Its arguments.
        pythons: Interpreters that it shall find before any other.
    """
    path = os.pathsep.join([*(str(python.parent) for python in pythons), *os.get_exec_path()])
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    environment |= {
        "PATH": path,
        "HATCH_CONFIG": str(_DATA / "config.toml"),
        "HATCH_DATA_DIR": str(_DATA / "data"),
        "HATCH_CACHE_DIR": str(_DATA / "cache"),
        "HATCH_ENV_TYPE_VIRTUAL_UV_PATH": str(_BIN / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return subprocess.call([_BIN / "hatch", *args], cwd=ROOT, env=environment)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _refresh(folder: Path, digest: str, make: Callable[[], None]) -> None:
    """Make the folder anew unless it was made completely, from the same things."""
    stamp = folder / "made-from"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    make()
    stamp.write_text(digest, encoding="utf-8")


def _install_tools() -> None:
    print("Making .tools/ with", " and ".join(REQUIREMENTS), flush=True)
    with_pip = importlib.util.find_spec("ensurepip") is not None
    if not with_pip and importlib.util.find_spec("pip") is None:
        raise SystemExit(
            f"{sys.executable} has neither ensurepip nor pip, so it cannot make environments.\n"
            "Install them (Debian, Ubuntu: apt install python3-venv), or use another Python."
        )
    venv.create(_TOOLS, with_pip=with_pip)
    python = str(_BIN / "python")
    pip = [python, "-m", "pip"] if with_pip else [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "--quiet", *REQUIREMENTS], check=True)


def _configure_hatch() -> None:
    (_DATA / "config.toml").touch()  # none of the user's settings: everyone's runs are the same
