"""What the scripts do, as functions: for tools that call functions.

numpy is imported once, where this module is.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("numpy"):
    import numpy as np


def trivial(step: int) -> int:
    return step


def uses_numpy(step: int) -> int:
    return int(np.full(3, step).max())
