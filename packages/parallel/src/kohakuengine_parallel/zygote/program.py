"""The zygote's own program: one thread, which starts processes and waits for their end.

It ends when the process that started it is gone, and takes with it all that came of it: also
processes that a script started and that left the script's session.

A fork shares the zygote's memory until one of the two writes to it, which even looking at a Python
object does. What is done here between two forks, and what a fork does before its script, is kept
short for that reason: each page that is copied costs as much as a hundred lines of Python.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from marshal import dumps as marshalled
from marshal import loads as unmarshalled
from os import (
    WNOHANG,
    fork,
    getppid,
    pwrite,
    read,
    waitpid,
    waitstatus_to_exitcode,
    write,
)
from typing import TYPE_CHECKING, Any

from kohakuengine_parallel.zygote import family
from kohakuengine_parallel.zygote.child import become_command, become_run, hold_files
from kohakuengine_parallel.zygote.order import MAX_SIZE, Start, packed, unpacked
from kohakuengine_parallel.zygote.reports import way

if TYPE_CHECKING:
    from kohakuengine_parallel.zygote.held import Held

__all__ = ["main"]

_ROOM_FOR_A_FILE = socket.CMSG_LEN(4)
_WAKINGS = 256  # of which one look takes note at once


def main(control: str, reports: str, table: str, parent: str) -> None:
    """Serve until the other end is closed.

    Args:
        control: The number of the socket to the process that wants things started.
        reports: That of the socket to which forks write their reports.
        table: That of the file in which the ids of processes are noted, four bytes for each slot;
            that process maps it too.
        parent: That process's id.
    """
    descriptors = [int(control), int(reports), int(table)]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    family.die_with_parent()  # imports may take long, and there is nobody to be ended yet
    if getppid() == int(parent):
        _Zygote(descriptors, int(parent)).serve()


class _Zygote:
    def __init__(self, descriptors: list[int], parent: int) -> None:
        self._descriptor, self._reports, self._table = descriptors
        self._control = socket.socket(fileno=self._descriptor)
        self._messages = [bytearray(MAX_SIZE)]  # one, used again and again
        self._parent = parent
        self._pids: dict[int, int] = {}  # by key
        self._keys: dict[int, int] = {}  # by process id
        self._stopped: set[int] = set()
        self._held: Held | None = None
        self._serving = True

    def serve(self) -> None:
        """Do what is asked until the other end says so, or is closed."""
        kind, content = unpacked(self._control.recv(MAX_SIZE) or packed("quit"))
        if kind == "hold":
            self._hold(*content)
        self._settle()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while self._serving:
            for ready, _ in poll.poll():
                if ready == self._woken:
                    self._reap()
                elif self._serving:
                    self._obey()
        # Not by way of Python's exit: what is held takes long to be taken apart.
        os._exit(0)

    def _end_all(self) -> None:
        self._serving = False
        family.end_descendants()

    def _hold(self, script: dict[str, str]) -> None:
        """Import what a script imports, and say whether that leaves a process to be forked."""
        from kohakuengine_parallel.zygote.held import Held  # costs what the engine costs

        self._held = Held(script)
        self._tell("ready", self._held.unsafe)

    def _settle(self) -> None:
        """From importing to serving."""
        sys.stdout.flush()
        sys.stderr.flush()
        family.flush_c_streams()
        family.adopt_orphans()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _wake_up)
        # To be woken also where a fork of the parent's keeps the socket open.
        family.wake_with_parent()
        files = (self._descriptor, self._table, self._wake, self._woken)
        self._family = (os.getpid(), files, way(self._reports))
        _freeze()

    # -- what it is told ---------------------------------------------------------------------------

    def _obey(self) -> None:
        try:
            size, files, _, _ = self._control.recvmsg_into(
                self._messages, _ROOM_FOR_A_FILE, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError:
            size, files = 0, []
        if not size:
            self._end_all()
            return
        kind, content = unmarshalled(self._messages[0])  # noqa: S302 - from our own parent
        channel = int.from_bytes(files[0][2][:4], sys.byteorder) if files else -1
        try:
            if kind == "fork":
                self._fork(channel, *content)
            else:
                self._do(kind, content, channel)
        except OSError as error:  # too many processes, no memory
            self._tell("failed", content[0], f"a process cannot be started: {error.strerror}")
        finally:
            if channel >= 0:
                os.close(channel)

    def _do(self, kind: str, content: tuple[Any, ...], channel: int) -> None:
        if kind == "start":
            self._start(Start(*content), channel)
        elif kind == "signal":
            self._signal(*content)
        elif kind == "import":
            __import__(*content)
            _freeze()
        elif kind == "quit":
            self._serving = False

    def _fork(self, channel: int, key: int, slot: int, kind: bytes, task: bytes) -> None:
        assert self._held is not None
        if self._held.has_changed():
            self._tell("stale", key)
            return
        standby = self._held.standby(kind)
        pid = fork()
        if pid == 0:
            become_run(key, kind, task, channel, standby, self._family)
        self._note(key, slot, pid)

    def _start(self, order: Start, channel: int) -> None:
        pid = fork()
        if pid == 0:
            become_command(order, channel, self._family)
        self._note(order.key, order.slot, pid)

    def _note(self, key: int, slot: int, pid: int) -> None:
        self._pids[key], self._keys[pid] = pid, key
        pwrite(self._table, pid.to_bytes(4), 4 * slot)  # a map would hold a file of its own open

    def _signal(self, key: int, number: int) -> None:
        pid = self._pids.get(key)
        if pid is not None:
            self._stopped.add(pid)
            family.signal_group(pid, number)
            if number == signal.SIGKILL:
                family.end_session(pid)

    # -- what it tells -----------------------------------------------------------------------------

    def _reap(self) -> None:
        read(self._woken, _WAKINGS)
        while self._keys:
            pid, status = waitpid(-1, WNOHANG)
            if not pid:
                break
            self._ended(pid, waitstatus_to_exitcode(status))
        else:
            family.reap()  # which meets with an error where there is nobody
        if getppid() != self._parent:
            self._end_all()

    def _ended(self, pid: int, status: int) -> None:
        if status < 0 or pid in self._stopped:
            # Its number is not used again while there is somebody left in the session.
            self._stopped.discard(pid)
            family.end_session(pid)
        key = self._keys.pop(pid, None)
        if key is not None:  # not an orphan
            del self._pids[key]
            self._tell("ended", key, status)

    def _tell(self, kind: str, *content: Any) -> None:
        try:
            write(self._descriptor, marshalled((kind, content)))
        except ConnectionError:  # that the other end is gone is seen by reading
            return


def _freeze() -> None:
    """Have the collector not look again at what is here now, which forks so share for longer."""
    gc.collect()
    hold_files()
    gc.freeze()
    gc.disable()


def _wake_up(*_: object) -> None:
    """Only so that the signal is written to the pipe."""
