"""What starts commands: a zygote on Linux, this process itself elsewhere."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from kohakuengine_parallel.runs import KILL

if TYPE_CHECKING:
    from kohakuengine_parallel.supervisor import Supervisor
    from kohakuengine_parallel.zygote.client import Tenant
    from kohakuengine_parallel.zygote.order import Setting, Start

__all__ = ["Launcher", "PopenLauncher", "can_fork", "make_launcher"]


class Launcher(Protocol):
    """Starts processes for tenants; see `kohakuengine_parallel.zygote.client.Zygote`."""

    @property
    def has_ended(self) -> bool: ...
    def new_key(self) -> int: ...
    def start(self, order: Start, channel: socket.socket | None, tenant: Tenant) -> None: ...
    def signal(self, key: int, number: int) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


def can_fork() -> bool:
    """Whether this system lets a fork be supervised as closely as runs need it."""
    return sys.platform == "linux"


def make_launcher(supervisor: Supervisor, output: str, setting: Setting) -> Launcher:
    """The launcher for this system.

    Args:
        supervisor: Whose thread listens to it.
        output: The file for what a zygote itself prints.
        setting: What all that it starts is given.
    """
    if can_fork():
        from kohakuengine_parallel.zygote.client import Zygote

        return Zygote(supervisor, output, setting)
    return PopenLauncher(supervisor, setting)


class PopenLauncher:
    """Starts processes as this process's own children, with a thread to wait for each.

    Should this process die, they see it by a pipe that closes: `kohakuengine_parallel.fresh`.
    """

    def __init__(self, supervisor: Supervisor, setting: Setting) -> None:
        self._supervisor = supervisor
        self._setting = setting
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._keys = count()

    @property
    def has_ended(self) -> bool:
        return False

    def new_key(self) -> int:
        """A number for an order."""
        return next(self._keys)

    def start(self, order: Start, channel: socket.socket | None, tenant: Tenant) -> None:
        """Start a command; see `Zygote.start`."""
        try:
            process = self._popen(order, channel)
        except OSError as error:
            reason = f"a process could not be started: {error.strerror}"
            self._supervisor.call(tenant.ended, None, reason)
            return
        finally:
            if channel is not None:
                channel.close()
        self._processes[order.key] = process

        def wait() -> None:
            self._supervisor.call(self._ended, order.key, process.wait(), tenant)

        threading.Thread(target=wait, name="kogine-wait", daemon=True).start()

    def signal(self, key: int, number: int) -> None:
        """Signal a process and all that it has started."""
        process = self._processes.get(key)
        if process is None:
            return
        import psutil

        members: list[Any] = [process]
        with suppress(psutil.Error):
            members += psutil.Process(process.pid).children(recursive=True)
        for member in members:
            with suppress(psutil.Error, OSError):
                # Windows has one way for a process to be ended from outside.
                member.kill() if number != signal.SIGTERM else member.terminate()

    def close(self) -> None:
        """Nothing to end: its processes have."""

    def abandon(self) -> None:
        """End all that it started."""
        for key in list(self._processes):
            self.signal(key, KILL)

    def _popen(self, order: Start, channel: socket.socket | None) -> subprocess.Popen[bytes]:
        descriptors = [] if channel is None else [channel.fileno()]
        given = {os.fsdecode(name): os.fsdecode(value) for name, value in order.environment}
        with open(order.log, "ab") as output:
            return subprocess.Popen(  # noqa: S603 - a list, no shell
                [*order.command, *map(str, descriptors)],
                env={**os.environ, **self._setting.environment, **given},
                cwd=self._setting.folder,
                stdin=subprocess.PIPE,  # never written to: it closes when this process dies
                stdout=output,
                stderr=output,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def _ended(self, key: int, status: int, tenant: Tenant) -> None:
        process = self._processes.pop(key)
        assert process.stdin is not None
        process.stdin.close()
        tenant.ended(status)
