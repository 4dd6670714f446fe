"""The ids of runs."""

from __future__ import annotations

import re

from wflo.errors import InputError
from wflo.models.base import EXECUTION_ID

_VALID = re.compile(EXECUTION_ID)


def check_execution_id(text: str) -> str:
    """An id as it was given.

    Raises:
        InputError: It cannot be one.
    """
    if not _VALID.search(text) or text.endswith("\n"):
        raise InputError(
            f"{text!r} cannot be the id of an execution: that is up to 255 letters, digits and "
            "any of _ . : / -, and begins with a letter, a digit or _"
        )
    return text
