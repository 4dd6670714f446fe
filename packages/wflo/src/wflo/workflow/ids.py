"""The ids of runs."""

from __future__ import annotations

import re

from wflo.errors import ExecutionNotFound, InputError
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


def check_known_id(text: str) -> str:
    """An id that is looked for: databases refuse some texts that can be none.

    Raises:
        ExecutionNotFound: There can be no run of it.
    """
    if not _VALID.fullmatch(text):
        raise ExecutionNotFound(f"there is no execution {text!r}")
    return text
