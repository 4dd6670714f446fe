"""What a zygote is told, and what it tells: datagrams, which keep their borders.

Their content is written by `marshal`: both ends are the same Python, and it is the one format that
needs no Python code to be read, of which each line costs a fork pages of memory.
"""

from __future__ import annotations

import marshal

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

__all__ = ["BINDING", "ENTRY_SIZE", "FORK", "MAX_SIZE", "packed", "unpacked"]

# Has the loader look up all functions of a library at once. It would do so when each is first
# called, and so in every fork those that only forks call. The value tells it from a user's own.
BINDING = {"LD_BIND_NOW": "kogine"}

MAX_SIZE = 1 << 17  # of one datagram: all that is long travels by other ways

ENTRY_SIZE = 12  # in the table of processes, see `kohakuengine_parallel.zygote.program.main`

# The kind of the message of which there are many: no text, for which a table is looked up.
FORK = ""


def packed(kind: str, *content: Any) -> bytes:
    """A message."""
    return marshal.dumps((kind, content))


def unpacked(data: bytes | bytearray) -> tuple[str, tuple[Any, ...]]:
    """A message's kind and content; `data` may go on after its end."""
    kind, content = marshal.loads(data)  # noqa: S302 - written by the other end of our own socket
    return kind, content
