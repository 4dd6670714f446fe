"""Runs in forks of a process that holds what the script imports: isolated, and almost free."""

from __future__ import annotations

import marshal
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kohakuengine_parallel.channel import Channel
from kohakuengine_parallel.executor import ProcessExecutor
from kohakuengine_parallel.instead import read_instead
from kohakuengine_parallel.launcher import can_fork
from kohakuengine_parallel.subprocesses import FreshRun
from kohakuengine_parallel.zygote.datagrams import MAX_SIZE
from kohakuengine_parallel.zygote.order import Fork, Kind, Task
from kohakuengine_parallel.zygote.values import BARE

if TYPE_CHECKING:
    from kohakuengine.engine.script import Script
    from kohakuengine_parallel.runs import RunUnderWay
    from kohakuengine_parallel.zygote.client import Zygote

__all__ = ["ForkExecutor"]

# A flow goes from script to script; those that are done with need not be held for long.
_MAX_NURSERIES = 4

# In bytes: configs that are longer take a way of their own.
_MAX_SENT_ALONG = 1 << 15
_MAX_ORDERED = MAX_SIZE - 1000

# Values that only cloudpickle can pickle name it. It takes long to import, so it is held too from
# the first of them on, and not before: what is held makes forks slower.
_CLOUDPICKLE = b"cloudpickle.cloudpickle"


class ForkExecutor(ProcessExecutor):
    """Runs each script in a fork of a zygote, which has imported what the script imports.

    There is one zygote for each script, started with its first run. Where a fork would not be safe,
    a warning says why, and the script's runs take place in fresh interpreters instead.

    Args:
        options: See `ProcessExecutor`.
    """

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        super().__init__(max_workers, **options)
        self._nurseries: dict[str, _Nursery] = {}
        self._retired: list[_Nursery] = []  # some of whose runs are not over

    def begin(self, run: RunUnderWay) -> None:
        """Have the zygote of the run's script fork."""
        script = run.spec.script
        key = _key(script)
        nursery = self._nurseries.pop(key, None)
        if nursery is None or not nursery.is_of_use:
            self._retired = [old for old in [*self._retired, nursery] if old and not old.has_ended]
            self._make_room()
            nursery = _Nursery(self, script)
        self._nurseries[key] = nursery  # as the last one used
        nursery.begin(run)

    def begin_at_once(self, run: RunUnderWay) -> bool:
        """Have the zygote fork, if there is one."""
        nursery = self._nurseries.get(_key(run.spec.script))
        if nursery is None or not nursery.is_of_use or nursery.zygote is None:
            return False  # a launcher must not be started by a thread that may end before it
        nursery.begin(run)
        return True

    def release(self) -> None:
        """End the zygotes."""
        for nursery in self._nurseries.values():
            nursery.close()
        self._nurseries.clear()
        self.released()

    def abandon(self) -> None:
        """See `ProcessExecutor.abandon`."""
        super().abandon()
        for nursery in self._all:
            nursery.abandon()

    def is_vacant(self, slot: int, zygote: Zygote | None) -> bool:
        """Whether nothing is left in a slot of what another zygote had there."""
        for nursery in self._all:
            other = nursery.zygote
            if other is not None and other is not zygote and not other.is_vacant(slot):
                return False
        return True

    def vacated(self) -> None:
        """A slot is vacant again, for which somebody may have waited."""
        for nursery in self._all:
            nursery.begin_waiting()

    @property
    def _all(self) -> list[_Nursery]:
        return [*self._nurseries.values(), *self._retired]

    def _make_room(self) -> None:
        for key, nursery in list(self._nurseries.items()):
            if len(self._nurseries) >= _MAX_NURSERIES and nursery.is_idle:
                nursery.close()
                del self._nurseries[key]


def _key(script: Script) -> str:
    return script.module_name or script.filename


class _Nursery:
    """The zygote of a script, and the runs that wait for it or for their slot.

    Attributes:
        zygote: The zygote, or None where forks are not safe.
    """

    def __init__(self, executor: ForkExecutor, script: Script) -> None:
        self._executor = executor
        self._script = script
        self._waiting: dict[RunUnderWay, None] = {}
        self._is_ready = False
        self._is_outdated = False
        self.zygote: Zygote | None = None
        if not can_fork():
            self._fall_back("only Linux can tell what it takes to end a fork and all it started")
            return
        from kohakuengine_parallel.zygote.client import Zygote  # which Linux alone can import

        self.zygote = Zygote(
            executor.supervisor,
            executor.file("zygote.log"),
            executor.setting,
            script=script,
            ready=self._ready,
            vacated=executor.vacated,
        )
        if executor.memory_limit_mb is not None:
            for module in ("kohakuengine_parallel.memory", "resource"):
                self.zygote.hold_too(module)  # by which memory is limited

    @property
    def is_of_use(self) -> bool:
        """Whether further runs are for it."""
        return self.zygote is None or not (self._is_outdated or self.zygote.has_ended)

    @property
    def has_ended(self) -> bool:
        return self.zygote is None or self.zygote.has_ended

    @property
    def is_idle(self) -> bool:
        return not self._waiting and (self.zygote is None or self.zygote.is_idle)

    def begin(self, run: RunUnderWay) -> None:
        """Give a run its process, as soon as there can be one."""
        if not (self._is_ready and self._executor.is_vacant(run.spec.slot, self.zygote)):
            self._wait(run)
        elif self.zygote is None:
            FreshRun(self._executor, run)
        else:
            _ForkedRun(self._executor, run, self.zygote, self)

    def begin_afresh(self, run: RunUnderWay) -> None:
        """Give a run that the zygote cannot be told of a process of another kind."""
        if self._executor.is_vacant(run.spec.slot, None):
            FreshRun(self._executor, run)
        else:
            self._wait(run)

    def begin_waiting(self) -> None:
        """Give those their processes that need not wait any more."""
        if self._is_ready:
            waiting, self._waiting = self._waiting, {}
            for run in waiting:
                run.restart_clock()
                self.begin(run)

    def leave(self, run: RunUnderWay) -> None:
        """A run that waits is not to begin any more."""
        if run in self._waiting:
            del self._waiting[run]
            self._executor.ended(run, None, reason="it had not begun")

    def retire(self) -> None:
        """What the zygote holds is outdated: it serves only the runs that it has."""
        self._is_outdated = True
        self.close_if_done()

    def close_if_done(self) -> None:
        """End a zygote that nobody will use again."""
        if self._is_outdated and self.is_idle:
            self.close()

    def close(self) -> None:
        if self.zygote is not None:
            self.zygote.close()

    def abandon(self) -> None:
        """Let the zygote end itself."""
        if self.zygote is not None:
            self.zygote.abandon()

    def _wait(self, run: RunUnderWay) -> None:
        self._waiting[run] = None
        self._executor.running(run, _Waiting(self, run))  # an import may take for ever

    def _ready(self, unsafe: str | None) -> None:
        self._is_ready = True
        if unsafe is not None:
            zygote, self.zygote = self.zygote, None
            if zygote is not None:
                zygote.close()
            self._fall_back(unsafe)
        self.begin_waiting()

    def _fall_back(self, reason: str) -> None:
        self._is_ready = True
        self._executor.note(
            f"{self._script.location} is run in fresh interpreters, not in forks: {reason}"
        )


class _Waiting:
    """The process of a run that has none yet."""

    def __init__(self, nursery: _Nursery, run: RunUnderWay) -> None:
        self._nursery = nursery
        self._run = run

    def signal(self, _: int) -> None:
        """See `kohakuengine_parallel.runs.Process`."""
        self._nursery.leave(self._run)


class _ForkedRun:
    """A run in a fork."""

    def __init__(
        self, executor: ForkExecutor, run: RunUnderWay, zygote: Zygote, nursery: _Nursery
    ) -> None:
        self._executor = executor
        self._run = run
        self._zygote = zygote
        self._nursery = nursery
        self._report: bytes | bytearray | None = None
        self._key = zygote.new_key()
        self._instead = executor.file(f"fork-{id(zygote)}-{self._key}")
        if run.config[0] != BARE:
            zygote.hold_too("kohakuengine.config.base")
            if _CLOUDPICKLE in run.config:
                zygote.hold_too("cloudpickle")
        self._channel: Channel | None = None
        if len(run.config) > _MAX_SENT_ALONG:
            try:
                self._channel = Channel(executor.supervisor, self.told)
            except OSError as error:
                executor.ended(run, None, reason=f"no socket for it: {error.strerror}")
                return
            self._channel.send(run.config)
            zygote.hold_too("kohakuengine_parallel.channel")  # with which it is received
        order = self._order()
        if len(order.kind) + len(order.task) > _MAX_ORDERED:  # thousands of names
            if self._channel is not None:
                self._channel.close()
            executor.supervisor.call(self._nursery.begin_afresh, run)
            return
        other = None if self._channel is None else self._channel.other
        zygote.start(order, other, self)
        executor.running(run, self)

    def signal(self, number: int) -> None:
        """See `kohakuengine_parallel.runs.Process`."""
        self._zygote.signal(self._key, number)

    def ended(self, status: int | None, reason: str = "") -> None:
        """See `kohakuengine_parallel.zygote.client.Tenant`."""
        if self._channel is not None:
            self._channel.close()
        if self._report is None and self._run.stop is None:
            self._report = read_instead(self._instead)
        if status:
            self._zygote.hold_too("traceback")  # which those that fail import to tell of it
        self._executor.ended(self._run, self._value(), status, reason)
        self._nursery.close_if_done()

    def moved(self) -> None:
        """See `kohakuengine_parallel.zygote.client.Tenant`."""
        if self._channel is not None:
            self._channel.close()
        self._run.process = None
        self._executor.begin(self._run)
        self._nursery.retire()

    def told(self, report: bytes | bytearray) -> None:
        """See `kohakuengine_parallel.zygote.client.Tenant`."""
        # What a script says of itself after it was told to end, says little of the run.
        if self._run.stop is None:
            self._report = report

    def _value(self) -> Callable[[], Any] | None:
        report = self._report
        if report is not None and report[0] != BARE and _CLOUDPICKLE in report:
            self._zygote.hold_too("cloudpickle")
        return self._executor.answered(self._run, report)

    def _order(self) -> Fork:
        run, config = self._run, self._run.spec.config
        names = None if config is None else tuple(config.globals_dict)
        task = Task(
            environment=self._executor.environment(run.spec, common=False),
            log=run.log or os.devnull,
            memory_limit_mb=self._executor.memory_limit_mb,
            config=run.config if self._channel is None else None,
            instead=self._instead,
        )
        version, second = _version(run.spec.script.filename), int(time.monotonic())
        kind: Kind = (run.request, names, version, second)
        return Fork(self._key, run.spec.slot, marshal.dumps(kind), marshal.dumps(tuple(task)))


def _version(path: str) -> tuple[int, int, int] | None:
    """What tells one version of a file from the next; None if it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
