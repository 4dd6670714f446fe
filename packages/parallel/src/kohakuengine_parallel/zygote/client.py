"""The end of the process that wants things started."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Protocol

from kohakuengine.engine.child import interpreter_command
from kohakuengine_parallel.zygote.datagrams import (
    BINDING,
    ENTRY_SIZE,
    FORK,
    MAX_SIZE,
    packed,
    unpacked,
)
from kohakuengine_parallel.zygote.order import Fork, Setting, Start
from kohakuengine_parallel.zygote.reports import ReportsEnd

if TYPE_CHECKING:
    from kohakuengine.engine.script import Script
    from kohakuengine_parallel.supervisor import Supervisor, Timer

__all__ = ["Tenant", "Zygote"]

# How long it may take a zygote to see that a process which was killed has ended, before it is taken
# for stuck itself: some thousand times what it takes.
_PATIENCE_S = 5.0


class Tenant(Protocol):
    """Whoever has had a process started. It is told in the supervisor's thread."""

    def ended(self, status: int | None, reason: str = "") -> None:
        """Its process is no more, or is a fork that has done all: see `Zygote.is_vacant`.

        Args:
            status: Its status, as in `subprocess`; None where there never was a process.
            reason: Why, where that is known.
        """
        ...

    def told(self, report: bytes | bytearray) -> None:
        """Its process, a fork, has sent its report."""
        ...

    def moved(self) -> None:
        """There will be no process, because the zygote holds outdated modules."""
        ...


class Zygote:
    """A zygote, for the thread of `supervisor`, or under its lock.

    Args:
        supervisor: Whose thread listens to it.
        output: The file that receives what it prints itself.
        setting: What it and its processes are given.
        script: Whose imports it is to hold; None for none.
        ready: Called with why it must not be forked, or None, when it has imported them.
        vacated: Called when a slot is vacant again.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        output: str,
        setting: Setting,
        *,
        script: Script | None = None,
        ready: Callable[[str | None], object] | None = None,
        vacated: Callable[[], object] | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._output = output
        self._folder = setting.folder
        self._ready = ready
        self._vacated = vacated
        self._held_too: set[str] = set()
        self._tenants: dict[int, Tenant] = {}
        self._untold: set[int] = set()  # forks without a report so far
        self._slots: dict[int, int] = {}
        self._leaving: dict[int, int] = {}  # the keys of those that leave, by slot
        self._keys = count(1)
        self._unsent: deque[tuple[bytes, socket.socket | None]] = deque()
        self._stuck: Timer | None = None
        self._reports = ReportsEnd(supervisor, self._hear_report)
        self._start(setting.environment, setting.slots)
        if script is None:
            self._send(packed("serve"))
        else:
            package = "" if script.spec is None else script.spec.parent
            held = {"filename": script.filename, "folder": script.folder, "package": package}
            self._send(packed("hold", held))

    @property
    def is_idle(self) -> bool:
        return not self._tenants

    @property
    def has_ended(self) -> bool:
        return self._socket.fileno() < 0

    def new_key(self) -> int:
        """A number for an order."""
        return next(self._keys)

    def is_vacant(self, slot: int) -> bool:
        """Whether a fork that has done all, and still has its memory, files and GPUs, is gone.

        Further orders need not wait for that: the zygote has them wait.
        """
        return slot not in self._leaving

    def start(self, order: Fork | Start, channel: socket.socket | None, tenant: Tenant) -> None:
        """Have a process started.

        Args:
            order: Which; its key is from `new_key`.
            channel: A socket for it, which is closed here once it has it.
            tenant: Who is told of its end.
        """
        self._tenants[order.key] = tenant
        self._slots[order.key] = order.slot
        if isinstance(order, Fork):
            self._untold.add(order.key)
            self._send(packed(FORK, *order), channel)
        else:
            self._send(packed("start", *order), channel)

    def hold_too(self, module: str) -> None:
        """Have it import another module, once."""
        if module not in self._held_too:
            self._held_too.add(module)
            self._send(packed("import", module))

    def signal(self, key: int, number: int) -> None:
        """Signal a process and all of its group; with SIGKILL, all of its session."""
        self._send(packed("signal", key, int(number)))
        if number == signal.SIGKILL and self._stuck is None:
            self._stuck = self._supervisor.later(_PATIENCE_S, self._suspect)

    def close(self) -> None:
        """End it, and wait for that. Processes that it started are left alone."""
        if self._ready is not None:  # it imports, which may take long
            self._ready = None
            self._process.kill()
        self._send(packed("quit"))
        # Not by waiting for the process, which would look for its end now and then.
        with suppress(OSError):  # it is over already, or hangs
            self._socket.settimeout(_PATIENCE_S)
            while self._socket.recv(MAX_SIZE):
                pass
        self._over()

    def abandon(self) -> None:
        """Have it end itself and all that it started, as when this process dies."""
        self._socket.close()
        self._reports.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)

    def _start(self, environment: Mapping[str, str], slots: int) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        table = os.memfd_create("kogine")
        os.truncate(table, ENTRY_SIZE * slots)
        self._table = mmap.mmap(table, 0)
        reports = self._reports.other
        passed = [other.fileno(), reports.fileno(), table]
        words = [*map(str, passed), str(os.getpid()), os.path.dirname(self._output)]
        with other, reports, open(table, "rb"), open(self._output, "ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - a list, no shell
                interpreter_command("kohakuengine_parallel.zygote.program:main", *words),
                env={**BINDING, **os.environ, **environment},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=passed,
                start_new_session=True,
            )
        self._supervisor.watch(self._socket, self._look, write=False)

    # -- what it is told ---------------------------------------------------------------------------

    def _send(self, message: bytes, channel: socket.socket | None = None) -> None:
        is_first = not self._unsent
        if channel is not None:
            self._unsent.append((packed("file"), None))  # which is to be received in another way
        self._unsent.append((message, channel))
        if is_first:
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            message, channel = self._unsent[0]
            try:
                if channel is None:
                    self._socket.send(message)
                else:
                    socket.send_fds(self._socket, [message], [channel.fileno()])
            except BlockingIOError:
                self._supervisor.watch(self._socket, self._look, write=True)
                return
            except OSError:  # it has ended, which is seen by reading
                pass
            self._unsent.popleft()
            if channel is not None:
                channel.close()

    # -- what it tells -----------------------------------------------------------------------------

    def _look(self) -> None:
        if self._unsent:
            self._flush()
            if not self._unsent:
                self._supervisor.watch(self._socket, self._look, write=False)
        try:
            data = self._socket.recv(MAX_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._over()
            return
        kind, content = unpacked(data)
        _HEARD[kind](self, *content)

    def _hear_ready(self, unsafe: str | None) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready(unsafe)

    def _hear_report(self, key: int, report: bytes | bytearray, is_over: bool) -> None:  # noqa: FBT001 - as `ReportsEnd` calls it
        if report and key in self._untold:
            self._untold.discard(key)
            self._tenants[key].told(report)
        if is_over and key in self._tenants:
            self._trust()
            self._leaving[self._slots[key]] = key
            self._forget(key).ended(0)

    def _hear_ended(self, key: int, status: int) -> None:
        self._trust()
        if key in self._tenants:
            self._reports.read()
        if key in self._tenants:
            self._forget_both(key).ended(os.waitstatus_to_exitcode(status))
        for slot in [slot for slot, known in self._leaving.items() if known == key]:
            del self._leaving[slot]
            if self._vacated is not None:
                self._vacated()

    def _hear_failed(self, key: int, reason: str) -> None:
        self._forget_both(key).ended(None, reason)

    def _hear_stale(self, key: int) -> None:
        self._forget_both(key).moved()

    def _hear_dropped(self, key: int) -> None:
        self._forget(key).ended(None, "it had not begun")

    def _forget_both(self, key: int) -> Tenant:
        """Forget an order and the fork before it in its slot, whose end is then not told of."""
        self._leaving.pop(self._slots[key], None)
        return self._forget(key)

    def _forget(self, key: int) -> Tenant:
        del self._slots[key]
        if key in self._untold:
            self._untold.discard(key)
            self._reports.forget(key)
        return self._tenants.pop(key)

    def _trust(self) -> None:
        """It does not hang."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _suspect(self) -> None:
        """A process was killed and nothing was heard of it: the zygote itself hangs."""
        self._stuck = None
        self._process.kill()

    # -- the end -----------------------------------------------------------------------------------

    def _over(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._supervisor.unwatch(self._socket)
        self._socket.close()
        for _, channel in self._unsent:
            if channel is not None:
                channel.close()
        self._unsent.clear()
        self._process.kill()  # so that the wait is short, also where it only closed the socket
        status = self._process.wait()
        self._reports.read()
        self._reports.close()
        pids = {key: self._pid(key) for key in self._tenants}
        for pid in filter(None, pids.values()):
            from kohakuengine_parallel.zygote import family  # which imports ctypes, for this alone

            # The kernel has killed it along with the zygote, but not what it had started.
            family.signal_group(pid, signal.SIGKILL)
            family.end_session(pid)
        self._table.close()
        self._leaving.clear()
        self._tell_all(status, pids)
        if self._vacated is not None:
            self._vacated()

    def _pid(self, key: int) -> int:
        """The process that was started by an order; 0 if none was."""
        place = ENTRY_SIZE * self._slots[key]
        noted, pid = divmod(int.from_bytes(self._table[place : place + ENTRY_SIZE]), 1 << 32)
        return pid if noted == key else 0

    def _tell_all(self, status: int, pids: Mapping[int, int]) -> None:
        how = f"ended with status {status}"
        if status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
        tenants, self._tenants = self._tenants, {}
        for key, tenant in tenants.items():
            known = -signal.SIGKILL if pids[key] else None
            tenant.ended(known, f"the process that it was forked from {how}")
        self._hear_ready(f"the process that imported what it imports {how}{self._last_words()}")

    def _last_words(self) -> str:
        with open(self._output, "rb") as file:
            lines = file.read()[-2000:].decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


_HEARD: dict[str, Callable[..., None]] = {
    "ready": Zygote._hear_ready,  # noqa: SLF001 - its own
    "ended": Zygote._hear_ended,  # noqa: SLF001
    "failed": Zygote._hear_failed,  # noqa: SLF001
    "stale": Zygote._hear_stale,  # noqa: SLF001
    "dropped": Zygote._hear_dropped,  # noqa: SLF001
}
