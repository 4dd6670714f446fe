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
import sys
from _signal import (  # type: ignore[import-not-found]  # `signal` imports enum, a burden to forks
    SIG_BLOCK,
    SIG_DFL,
    SIGCHLD,
    SIGKILL,
    pthread_sigmask,
)
from _signal import signal as set_handler
from contextlib import suppress
from functools import partial
from marshal import dumps as marshalled
from marshal import loads as unmarshalled
from os import (
    WIFSIGNALED,
    WNOHANG,
    fork,
    getppid,
    pwrite,
    read,
    readv,
    waitpid,
    write,
)

from kohakuengine_parallel.zygote import family
from kohakuengine_parallel.zygote.command import become_command
from kohakuengine_parallel.zygote.datagrams import (
    BINDING,
    ENTRY_SIZE,
    FORK,
    MAX_SIZE,
    packed,
    unpacked,
)
from kohakuengine_parallel.zygote.gaps import fill_gaps
from kohakuengine_parallel.zygote.heap import call_gathered, enlarge_pages
from kohakuengine_parallel.zygote.reports import way
from kohakuengine_parallel.zygote.watch import Watch

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from kohakuengine.engine.executor import Standby
    from kohakuengine_parallel.zygote.child import become_run
    from kohakuengine_parallel.zygote.held import prepare
    from kohakuengine_parallel.zygote.order import Kind, Start

__all__ = ["main"]

_SIGNAL_SIZE = 128  # what is read of one: signalfd(2)
_ORPHAN = (0, -1)  # neither a key nor a slot


def main(control: str, reports: str, table: str, parent: str, folder: str) -> None:
    """Serve until the other end is closed.

    Args:
        control: The number of the socket to the process that wants things started.
        reports: That of the socket to which forks write their reports.
        table: That of the file in which is noted, for each slot, the key of the last process that
            was started there (eight bytes) and its id (four); that process maps it too.
        parent: That process's id.
        folder: The private folder that it would remove, were it not killed.
    """
    for name, value in BINDING.items():
        if os.environ.get(name) == value:
            del os.environ[name]  # not for scripts
    descriptors = [int(control), int(reports), int(table)]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    family.die_with_parent()  # imports may take long, and there is nobody to be ended yet
    if getppid() == int(parent):
        _Zygote(descriptors, int(parent), folder).serve()


class _Zygote:
    def __init__(self, descriptors: list[int], parent: int, folder: str) -> None:
        self._descriptor, self._reports, self._table = descriptors
        self._messages = [bytearray(MAX_SIZE)]  # one, used again and again
        self._parent = parent
        self._folder = folder
        # By process id: a key, negative once that has been signalled, a slot, and whatever else.
        self._orders: dict[int, tuple[Any, ...]] = {}
        self._forks: dict[int, int] = {}  # their process ids, by slot
        # By slot: what is to be forked there once the fork before it is gone, and its socket.
        self._due: dict[int, tuple[tuple[Any, ...], int]] = {}
        self._watch: Watch | None = None
        self._kind = b""  # what is prepared
        self._prepared_for: tuple[object, ...] = ()
        self._standby: Standby | None = None
        self._serving = True

    def serve(self) -> NoReturn:
        """Do what is asked until the other end says so, or is closed."""
        kind, content = unpacked(read(self._descriptor, MAX_SIZE) or packed("quit"))
        if kind == "hold":
            self._hold(*content)
        self._settle()
        if kind == "hold":
            self._watch = Watch()
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._signals, select.POLLIN)
        while True:
            for ready, _ in poll.poll():
                if ready == self._signals:
                    self._reap()
                else:
                    self._obey()
                if not self._serving:
                    # Not by way of Python's exit: what is held takes long to be taken apart.
                    os._exit(0)

    def _end_all(self) -> None:
        self._serving = False
        family.end_descendants()
        if getppid() != self._parent:
            _remove(self._folder)

    def _hold(self, script: dict[str, str]) -> None:
        """Import what a script imports, and say whether that leaves a process to be forked."""
        gc.disable()  # imports make much to look at and little garbage, which `_freeze` collects
        self._tell("ready", call_gathered(partial(_imported, script)))

    def _settle(self) -> None:
        """From importing to serving."""
        sys.stdout.flush()
        sys.stderr.flush()
        family.flush_c_streams()
        family.adopt_orphans()
        # Not by a handler, for which more pages would be copied.
        set_handler(SIGCHLD, SIG_DFL)
        mask = pthread_sigmask(SIG_BLOCK, (SIGCHLD,))
        self._signals = family.signal_file(SIGCHLD)
        # To be woken also where a fork of the parent's keeps the socket open.
        family.wake_with_parent()
        files = (self._descriptor, self._table, self._signals)
        self._family = (os.getpid(), files, way(self._reports), mask)
        _freeze()

    # -- what it is told ---------------------------------------------------------------------------

    def _obey(self) -> None:
        try:
            size = readv(self._descriptor, self._messages)
        except ConnectionError:
            size = 0
        if not size:
            self._end_all()
            return
        kind, content = unmarshalled(self._messages[0])  # noqa: S302 - from our own parent
        channel = -1
        if kind == "file":
            kind, content, channel = self._with_file()
        if kind == FORK:
            if content[1] in self._forks:
                self._due[content[1]] = content, channel
            else:
                self._fork(content, channel)
        else:
            self._do(kind, content, channel)

    def _fork(self, order: tuple[Any, ...], channel: int) -> None:
        key, slot, kind, task = order
        try:
            if kind == self._kind or self._prepare(kind):
                pid = fork()
                if pid == 0:
                    become_run(key, kind, task, channel, self._standby, self._family)
                self._orders[pid] = order
                self._forks[slot] = pid
                # A map would hold a file of its own open.
                pwrite(self._table, (key << 32 | pid).to_bytes(ENTRY_SIZE), ENTRY_SIZE * slot)
            else:
                self._tell("stale", key)
        except OSError as error:  # too many processes, no memory
            self._tell("failed", key, f"a process cannot be started: {error.strerror}")
        finally:
            if channel >= 0:
                os.close(channel)

    def _with_file(self) -> tuple[str, tuple[Any, ...], int]:
        """The next message, which comes with a file."""
        # Few need this, and all forks would pay for the mappings of its library.
        from _socket import CMSG_LEN, MSG_CMSG_CLOEXEC, dup, socket

        control = socket(fileno=dup(self._descriptor))
        data, files, _, _ = control.recvmsg(MAX_SIZE, CMSG_LEN(4), MSG_CMSG_CLOEXEC)
        control.close()
        if not files:  # who was to send it is gone
            return "gone", (), -1
        return *unpacked(data), int.from_bytes(files[0][2][:4], sys.byteorder)

    def _do(self, kind: str, content: tuple[Any, ...], channel: int) -> None:
        if kind == "start":
            from kohakuengine_parallel.zygote.order import Start  # not for zygotes of scripts

            self._start(Start(*content), channel)
        elif kind == "signal":
            self._signal(*content)
        elif kind == "import":
            __import__(*content)
            _freeze()
        elif kind == "quit":
            self._serving = False
            for pid in self._forks.values():  # all have said their last word
                waitpid(pid, 0)
        elif kind == "gone":
            self._end_all()

    def _prepare(self, kind: bytes) -> bool:
        """Have what runs of a `Kind` are forked from; False if it is outdated."""
        assert self._watch is not None
        made: Kind = unmarshalled(kind)  # noqa: S302 - from our own parent
        if self._watch.has_changed(made[-1]):
            return False
        if made[:-1] != self._prepared_for:  # all but the second
            self._standby = prepare(made, self._standby)
            self._prepared_for = made[:-1]
        if not self._kind:  # once, for it takes longer than to prepare a run
            enlarge_pages()
            fill_gaps()  # last, for what is freed after it leaves a gap
        self._kind = kind
        return True

    def _start(self, order: Start, channel: int) -> None:
        try:
            pid = fork()
            if pid == 0:
                become_command(order, channel, self._family)
            self._orders[pid] = order
            entry = (order.key << 32 | pid).to_bytes(ENTRY_SIZE)
            pwrite(self._table, entry, ENTRY_SIZE * order.slot)
        except OSError as error:
            self._tell("failed", order.key, f"a process cannot be started: {error.strerror}")
        finally:
            if channel >= 0:
                os.close(channel)

    def _signal(self, key: int, number: int) -> None:
        for slot, (order, channel) in list(self._due.items()):
            if order[0] == key:
                del self._due[slot]
                if channel >= 0:
                    os.close(channel)
                self._tell("dropped", key)
        for pid in [pid for pid, order in self._orders.items() if abs(order[0]) == key]:
            self._orders[pid] = (-key, self._orders[pid][1])
            family.signal_group(pid, number)
            if number == SIGKILL:
                family.end_session(pid)

    # -- what it tells -----------------------------------------------------------------------------

    def _reap(self) -> None:
        read(self._signals, _SIGNAL_SIZE)
        orders, forks = self._orders, self._forks
        if not orders:
            family.reap()  # orphans: whoever ended together with a child waits for the next time
        while orders:
            pid, status = waitpid(-1, WNOHANG)
            if not pid:
                break
            order = orders.pop(pid, _ORPHAN)
            key, slot = order[0], order[1]
            if key < 0 or (status and WIFSIGNALED(status)):
                # Its number is not used again while there is somebody left in the session.
                family.end_session(pid)
                key = abs(key)
            if slot in forks:
                del forks[slot]
            if slot in self._due:  # by whose end, or failure to begin, the other end knows
                self._fork(*self._due.pop(slot))
            elif key:  # not an orphan
                try:  # as `_tell` does, of which each fork would have two pages copied
                    write(self._descriptor, marshalled(("ended", (key, status))))
                except ConnectionError:
                    return
        if getppid() != self._parent:
            self._end_all()

    def _tell(self, kind: str, *content: Any) -> None:
        try:
            write(self._descriptor, marshalled((kind, content)))
        except ConnectionError:  # that the other end is gone is seen by reading
            return


def _imported(script: dict[str, str]) -> str | None:
    # They cost what the engine costs, which is no use to those that only start commands.
    global become_run, prepare  # noqa: PLW0603 - an attribute would cost each fork ten pages
    from kohakuengine_parallel.zygote.child import become_run
    from kohakuengine_parallel.zygote.held import hold, prepare

    return hold(script)


def _remove(folder: str) -> None:
    # Not by `shutil`, which is not imported, and might be a script's by now.
    for place, _, files in os.walk(folder, topdown=False):
        with suppress(OSError):  # another zygote of the same flow does the same
            for file in files:
                os.unlink(os.path.join(place, file))
            os.rmdir(place)


def _freeze() -> None:
    """Have the collector not look again at what is here now, which forks so share for longer."""
    gc.collect()
    if "kohakuengine_parallel.zygote.child" in sys.modules:
        from kohakuengine_parallel.zygote.child import hold_files

        hold_files()
    gc.freeze()
    gc.disable()
    fill_gaps()
