"""What comes by a file, because the socket that it should have come by is not there any more."""

from __future__ import annotations

import os

__all__ = ["read_instead", "write_instead"]


def write_instead(path: str, message: bytes) -> None:
    """Put a message into a file, which is there once it is whole.

    Raises:
        OSError: There is no room for it.
    """
    with open(path + ".part", "wb") as file:
        file.write(message)
    os.replace(path + ".part", path)


def read_instead(path: str) -> bytes | None:
    """What `write_instead` put into a file, which is removed; None if there is none."""
    try:
        with open(path, "rb") as file:
            message = file.read()
    except FileNotFoundError:
        return None
    os.unlink(path)
    return message
