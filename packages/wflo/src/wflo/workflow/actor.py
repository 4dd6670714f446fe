"""Who does something to a run from outside, as the audit has it."""

from __future__ import annotations

import getpass
import socket


def current_actor() -> str:
    """The user of this process, and the machine: ``ada@lovelace``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"[:255]
