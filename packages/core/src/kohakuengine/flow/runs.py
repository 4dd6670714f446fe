"""One run of a flow: what is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kohakuengine.config.base import Config
    from kohakuengine.engine.script import Script
    from kohakuengine.errors import KohakuEngineError

__all__ = ["RunResult", "RunSpec", "RunStatus"]


class RunStatus(StrEnum):
    """How a run ended.

    Members:
        SUCCESS: The script ran to its end, or exited with status 0.
        FAILED: The script raised, exited with another status, or could not be started as asked.
        LOST: The run's process died without reporting how the run went.
        TIMEOUT: It took longer than it was given, and was stopped.
        CANCELLED: It was started, and stopped before its end.
    """

    SUCCESS = "success"
    FAILED = "failed"
    LOST = "lost"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run that is to happen.

    Attributes:
        index: Its place in the flow, from 0; values come back in this order.
        script: What runs.
        config: What it runs with; None where the script has no config at all.
        attempt: 1 for the first try, 2 for the first retry, and so on.
        slot: The worker slot that it occupies, 0 to the executor's capacity - 1.
        argv: Command-line arguments of the script, after those that its config gives.
        strict: Whether arguments that the entrypoint does not take are an error.
    """

    index: int
    script: Script
    config: Config | None = None
    attempt: int = 1
    slot: int = 0
    argv: tuple[str, ...] = ()
    strict: bool = False

    def in_slot(self, slot: int) -> RunSpec:
        """The run as it is to happen in a worker slot, with its config for that slot.

        Raises:
            Exception: What the file raised that the config came from; see `Config.for_worker`.
        """
        config = None if self.config is None else self.config.for_worker(slot)
        if config is self.config and slot == self.slot:
            return self
        # Not by `replace`, which takes several times as long: most runs come through here.
        return RunSpec(self.index, self.script, config, self.attempt, slot, self.argv, self.strict)

    def again(self) -> RunSpec:
        """The next attempt at it."""
        return replace(self, attempt=self.attempt + 1)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the run's own finds in its environment."""
        return {
            "KOGINE_WORKER_ID": str(self.slot),
            "KOGINE_RUN_INDEX": str(self.index),
            "KOGINE_ATTEMPT": str(self.attempt),
        }


@dataclass(slots=True)
class RunResult:
    """What came of a run.

    Attributes:
        index: As in its `RunSpec`; so are script, config, attempt and slot.
        script: See above.
        config: See above.
        status: How it ended.
        value: What the entrypoint returned; None unless it got that far.
        error: Why it did not succeed: a `RunFailed`, `RunLost` or `RunTimeout`, which carry the
            traceback's text (``.traceback``) and, where it could be kept, the script's own
            exception (``__cause__``); or the error by which the engine refused the run.
        attempt: See above.
        slot: See above.
        started: When it started, in seconds since the epoch.
        duration_s: How long it took, in seconds.
        log_path: The file with its output, where the executor keeps one.
    """

    index: int
    script: Script
    config: Config | None
    status: RunStatus
    value: Any = None
    error: KohakuEngineError | None = field(default=None, compare=False)
    attempt: int = 1
    slot: int = 0
    started: float = 0.0
    duration_s: float = 0.0
    log_path: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is RunStatus.SUCCESS

    @property
    def traceback(self) -> str:
        """The traceback's text, cut to the user's frames; empty for what raised nothing."""
        return str(getattr(self.error, "traceback", ""))
