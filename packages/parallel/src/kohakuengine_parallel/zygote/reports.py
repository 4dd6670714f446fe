"""How reports of forks come back: all by one socket, in datagrams that say whose they are.

A socket for each run would take the supervising process half of what a run costs it.
"""

from __future__ import annotations

from os import fstat, write, writev

from kohakuengine_parallel.instead import write_instead

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from kohakuengine_parallel.supervisor import Supervisor

__all__ = ["HEAD_SIZE", "OVER", "WHOLE", "ReportsEnd", "Way", "send_report", "way"]

_KEY_SIZE = 8
_PART_SIZE = 1 << 16  # which a socket's buffer has room for, whatever the system's settings
HEAD_SIZE = _KEY_SIZE + 1

# What a datagram is: a part of a report; its last part, or all of it; or the same, if anything, and
# the fork's last word: it has nothing left to do but to be no more.
_MORE, WHOLE, OVER = b"\1", b"\0", b"\2"


# The socket of the forks, and its inode.
Way = tuple[int, int]


def way(descriptor: int) -> Way:
    """The way for reports through a socket."""
    return descriptor, fstat(descriptor).st_ino


def send_report(to: Way, key: int, report: bytes, instead: str, word: bytes) -> None:
    """Send the report of a run; in its fork, which waits until there is room.

    A script may close every file that it finds open, and open its own in their place; so a report
    goes by way of a file where the socket is not there any more.

    Args:
        to: The way for reports.
        key: The run's.
        report: What is to be told; b"" if nothing is left of it.
        instead: The file's path. What is there is whole.
        word: `WHOLE` or `OVER`.

    Raises:
        OSError: There is neither the socket nor room for the file.
    """
    descriptor, inode = to
    try:
        is_there = fstat(descriptor).st_ino == inode
    except OSError:
        is_there = False
    if not is_there:
        if report:
            write_instead(instead, report)
        return
    head = key.to_bytes(_KEY_SIZE, "big")
    # Not by a socket object, which the script could come upon and close.
    if len(report) > _PART_SIZE:
        rest = memoryview(report)
        while len(rest) > _PART_SIZE:
            writev(descriptor, [head + _MORE, rest[:_PART_SIZE]])
            rest = rest[_PART_SIZE:]
        report = bytes(rest)
    write(descriptor, head + word + report)


class ReportsEnd:
    """The end of the process that supervises, which never waits.

    Args:
        supervisor: Whose thread reads.
        told: Called with a key, a report or b"", and whether this was the fork's last word.

    Attributes:
        other: The end for the forks; to be closed here once they have it.
    """

    def __init__(
        self, supervisor: Supervisor, told: Callable[[int, bytes | bytearray, bool], object]
    ) -> None:
        self._supervisor = supervisor
        self._told = told
        import socket  # not in the zygote, for which it would be a burden

        self._socket, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._parts: dict[int, bytearray] = {}
        # One datagram at a time, so that others have their turn while a long report comes in.
        supervisor.watch(self._socket, self._take, write=False)

    def read(self) -> None:
        """Take what there is, up to now."""
        while self._take():
            pass

    def forget(self, key: int) -> None:
        """A run is over, and has not told all."""
        self._parts.pop(key, None)

    def close(self) -> None:
        """Close it."""
        if self._socket.fileno() >= 0:
            self._supervisor.unwatch(self._socket)
            self._socket.close()

    def _take(self) -> bool:
        """Take one datagram; False if there is none."""
        try:
            data = self._socket.recv(HEAD_SIZE + _PART_SIZE)
        except OSError:  # nothing there, or closed meanwhile
            return False
        if len(data) >= HEAD_SIZE:  # else some script's: none of ours is that short
            key, word, report = data[:_KEY_SIZE], data[_KEY_SIZE:HEAD_SIZE], data[HEAD_SIZE:]
            self._put_together(int.from_bytes(key, "big"), report, word)
        return bool(data)

    def _put_together(self, key: int, report: bytes, word: bytes) -> None:
        before = self._parts.pop(key, None)
        if word == _MORE:
            self._parts[key] = bytearray() if before is None else before
            self._parts[key] += report
        elif report or word == OVER:
            self._told(key, report if before is None else before + report, word == OVER)
