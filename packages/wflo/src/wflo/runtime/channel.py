"""Messages between a worker and the process of an isolated step.

A message is a JSON object, its length before it in four bytes. The worker sends one: the request.
The process sends any number of ``{"log": ...}`` and ``{"cost": ...}``, and then one answer.
"""

from __future__ import annotations

import json
from typing import Any

HEADER = 4

#: A larger request or answer is refused where it is made: 4 GB would not fit the header.
_LARGEST = 2**31


def pack(message: dict[str, Any]) -> bytes:
    """The bytes of a message.

    Raises:
        ValueError: It is too large.
    """
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) > _LARGEST:
        raise ValueError(f"a message of {len(data)} bytes is too large for a process to be given")
    return len(data).to_bytes(HEADER) + data


def length(header: bytes) -> int:
    """How many bytes come after a header."""
    return int.from_bytes(header)


def unpack(data: bytes) -> dict[str, Any]:
    """The message of the bytes that came after its header."""
    message: dict[str, Any] = json.loads(data)
    return message
