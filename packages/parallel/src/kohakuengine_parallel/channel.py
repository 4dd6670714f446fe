"""Messages over a stream socket between a run's process and the one that supervises it.

Each is eight bytes for its length, big-endian, and that many bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from kohakuengine_parallel.instead import write_instead

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from kohakuengine_parallel.supervisor import Supervisor

__all__ = ["Channel", "FarEnd"]

_LENGTH = struct.Struct(">Q")
_READ_SIZE = 1 << 16  # what one look takes: most messages whole
_MOST_AT_ONCE = 1 << 22  # of a big one, before others have their turn


class Channel:
    """The end of the process that supervises, which never waits.

    Args:
        supervisor: Whose thread reads and writes.
        received: Called with each message.

    Attributes:
        other: The end for the other process; to be closed here once that has it.
    """

    def __init__(
        self, supervisor: Supervisor, received: Callable[[bytes | bytearray], object]
    ) -> None:
        self._supervisor = supervisor
        self._received = received
        import socket  # not at the far end, for which it would be a burden

        self._socket, self.other = socket.socketpair()
        self._socket.setblocking(False)
        self._unsent: bytes | memoryview = b""
        self._buffer = bytearray()
        # A message that is bigger than the buffer, and how much of it is there.
        self._big: bytearray | None = None
        self._filled = 0
        self._watched = False

    def send(self, message: bytes) -> None:
        """Send a message, as far as it goes now; the rest follows when there is room.

        Not before the one sent before has been answered.
        """
        self._unsent = _LENGTH.pack(len(message)) + message
        self._write()
        if self._unsent or not self._watched:
            self._watch()

    def finish(self) -> None:
        """Read what is there still, and close. The other process has ended."""
        while self._socket.fileno() >= 0 and self._read():
            pass
        self.close()

    def close(self) -> None:
        """Close both ends."""
        self._ignore()
        self._socket.close()
        self.other.close()

    def _watch(self) -> None:
        self._supervisor.watch(self._socket, self._ready, write=bool(self._unsent))
        self._watched = True

    def _ignore(self) -> None:
        if self._watched:
            self._supervisor.unwatch(self._socket)
            self._watched = False

    def _ready(self) -> None:
        if self._unsent:
            self._write()
            if not self._unsent:
                self._watch()
        self._read()

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent)
                whole = sent == len(self._unsent)  # as most are
                self._unsent = b"" if whole else memoryview(self._unsent)[sent:]
        except BlockingIOError:
            return
        except OSError:  # the other end is gone; that its process ended is told elsewhere
            self._unsent = b""

    def _read(self) -> bool:
        """Take what is there; False if that was nothing, or the other end is closed."""
        try:
            count = self._read_big() if self._big is not None else self._read_small()
        except BlockingIOError:
            return False
        except OSError:
            count = 0
        if not count:
            self._ignore()
        return bool(count)

    def _read_small(self) -> int:
        data = self._socket.recv(_READ_SIZE)
        start = _LENGTH.size
        if not self._buffer and int.from_bytes(data[:start], "big") + start == len(data) > start:
            self._received(data[start:])  # a message as most are: there at once, and whole
            return len(data)
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            length = _LENGTH.unpack_from(self._buffer)[0]
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                if length > _READ_SIZE:
                    self._expect(length)
                break
            message = self._buffer[_LENGTH.size : end]
            del self._buffer[:end]
            self._received(message)
        return len(data)

    def _expect(self, length: int) -> None:
        self._filled = len(self._buffer) - _LENGTH.size
        self._big = bytearray(length)
        self._big[: self._filled] = self._buffer[_LENGTH.size :]
        self._buffer.clear()

    def _read_big(self) -> int:
        assert self._big is not None
        with memoryview(self._big) as view:
            space = view[self._filled : self._filled + _MOST_AT_ONCE]
            count = self._socket.recv_into(space)
        self._filled += count
        if self._filled == len(self._big):
            message, self._big = self._big, None
            self._received(message)
        return count


class FarEnd:
    """The end of the run's process, which waits.

    A script may close every file that it finds open, and open its own in their place; so a message
    goes by way of a file where the socket is not there any more.

    Args:
        descriptor: The socket.
        instead: The file's path. What is there is whole.
    """

    __slots__ = ("_descriptor", "_inode", "_instead")

    def __init__(self, descriptor: int, instead: str) -> None:
        self._descriptor = descriptor
        self._inode = os.fstat(descriptor).st_ino
        self._instead = instead

    def receive(self) -> bytes | None:
        """The next message; None if there will not be one."""
        data = os.read(self._descriptor, _READ_SIZE)
        size = _LENGTH.size
        while data:
            if len(data) >= size:
                size = _LENGTH.size + int.from_bytes(data[: _LENGTH.size])
                if len(data) == size:
                    return data[_LENGTH.size :]
            data = self._with_more(data, size)
        return None

    def _with_more(self, data: bytes, size: int) -> bytes:
        """`data`, and what follows it, up to `size`; nothing, if that will not come."""
        parts = [data]
        missing = size - len(data)
        while missing:
            parts.append(os.read(self._descriptor, min(missing, _MOST_AT_ONCE)))
            if not parts[-1]:
                return b""
            missing -= len(parts[-1])
        return b"".join(parts)

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: There is neither the socket nor room for the file.
        """
        if self._is_there():
            # Not by a socket object, which the script could come upon and close.
            length = _LENGTH.pack(len(message))
            if len(message) <= _READ_SIZE:  # at once: each write wakes who reads
                self._write(length + message)
            else:
                self._write(length)
                self._write(message)
            return
        write_instead(self._instead, message)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _is_there(self) -> bool:
        try:
            return os.fstat(self._descriptor).st_ino == self._inode
        except OSError:
            return False
