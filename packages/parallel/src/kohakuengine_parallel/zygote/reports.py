"""How reports of forks come back: all by one socket, in datagrams that say whose they are.

A socket for each run would take the supervising process half of what a run costs it.
"""

from __future__ import annotations

from os import fstat, write, writev

from kohakuengine_parallel.channel import write_instead

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from kohakuengine_parallel.supervisor import Supervisor, Timer

__all__ = ["HEAD_SIZE", "ReportsEnd", "Way", "send_report", "way"]

_PATIENCE_S = 0.05

_KEY_SIZE = 8
_PART_SIZE = 1 << 16  # which a socket's buffer has room for, whatever the system's settings
_MORE, _LAST = b"\1", b"\0"
HEAD_SIZE = _KEY_SIZE + 1


# The socket of the forks, and its inode.
Way = tuple[int, int]


def way(descriptor: int) -> Way:
    """The way for reports through a socket."""
    return descriptor, fstat(descriptor).st_ino


def send_report(to: Way, key: int, report: bytes, instead: str) -> None:
    """Send the report of a run; in its fork, which waits until there is room.

    A script may close every file that it finds open, and open its own in their place; so a report
    goes by way of a file where the socket is not there any more.

    Args:
        to: The way for reports.
        key: The run's.
        report: What is to be told.
        instead: The file's path. What is there is whole.

    Raises:
        OSError: There is neither the socket nor room for the file.
    """
    descriptor, inode = to
    try:
        is_there = fstat(descriptor).st_ino == inode
    except OSError:
        is_there = False
    if not is_there:
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
    write(descriptor, head + _LAST + report)


class ReportsEnd:
    """The end of the process that supervises, which never waits.

    Most forks have ended by the time that the thread could have been woken for their reports: so
    these are left unread until then. That is not for long, because there is little room.

    Args:
        supervisor: Whose thread reads.
        told: Called with the key and the report of each.

    Attributes:
        other: The end for the forks; to be closed here once they have it.
    """

    def __init__(
        self, supervisor: Supervisor, told: Callable[[int, bytes | bytearray], object]
    ) -> None:
        self._supervisor = supervisor
        self._told = told
        import socket  # not in the zygote, for which it would be a burden

        self._socket, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._parts: dict[int, bytearray] = {}
        self._timer: Timer | None = None
        self._watched = False

    def expect(self) -> None:
        """A report is to come: have it read after a while, unless `read` is called before."""
        if self._timer is None and not self._watched:
            self._timer = self._supervisor.later(_PATIENCE_S, self._watch)

    def read(self) -> None:
        """Take what there is, up to now."""
        while self._take():
            pass

    def forget(self, key: int) -> None:
        """A run is over, and has not told all."""
        self._parts.pop(key, None)

    def close(self) -> None:
        """Close it."""
        if self._timer is not None:
            self._timer.cancel()
        self._ignore()
        self._socket.close()

    def _watch(self) -> None:
        self._timer = None
        self._watched = True
        self._supervisor.watch(self._socket, self._look, write=False)

    def _ignore(self) -> None:
        if self._watched:
            self._watched = False
            self._supervisor.unwatch(self._socket)

    def _look(self) -> None:
        # One after the other, so that others have their turn while a long report comes in.
        if self._take() and not self._parts:
            self._ignore()
            self.expect()

    def _take(self) -> bool:
        """Take one datagram; False if there is none."""
        try:
            data = self._socket.recv(HEAD_SIZE + _PART_SIZE)
        except OSError:  # nothing there, or closed meanwhile
            return False
        if len(data) >= HEAD_SIZE:  # else some script's: none of ours is that short
            key, more, report = data[:_KEY_SIZE], data[_KEY_SIZE:HEAD_SIZE], data[HEAD_SIZE:]
            self._put_together(int.from_bytes(key, "big"), report, is_last=more != _MORE)
        return bool(data)

    def _put_together(self, key: int, report: bytes, *, is_last: bool) -> None:
        before = self._parts.pop(key, None)
        if not is_last:
            self._parts[key] = bytearray() if before is None else before
            self._parts[key] += report
        elif report:
            self._told(key, report if before is None else before + report)
