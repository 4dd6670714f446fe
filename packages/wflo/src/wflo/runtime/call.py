"""One attempt at a step: all that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from wflo.journal.outcome import LogLine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    OpenTx: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


@dataclass(frozen=True, kw_only=True)
class StepCall:
    """One attempt at an iteration of a step.

    Nothing in it is changed by the attempt: what the step's code gets of it are copies.

    Attributes:
        execution_id: The run.
        step: The step.
        iteration: Which iteration of it, from 0.
        attempt: Which attempt, from 1.
        inputs: The run's input, as JSON.
        results: Results, as JSON, of the steps that the step reads (`StepCode.needs`): None where
            one was skipped, a list where it is mapped.
        item: Of a map: the item of this iteration.
        previous: Of a loop: what the iteration before returned; None in the first.
        state: The state of the run, as it was committed.
        open_tx: The transaction that the step's result will be committed in; None where the engine
            lends none.
        on_log: Told each line of ``ctx.log``, on the event loop, while the step runs.
    """

    execution_id: str
    step: str
    iteration: int = 0
    attempt: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    item: Any = None
    previous: Any = None
    state: Mapping[str, Any] = field(default_factory=dict)
    open_tx: OpenTx | None = None
    on_log: Callable[[LogLine], None] | None = None

    @property
    def idempotency_key(self) -> str:
        """What other systems know this piece of work by: the same for each attempt at it."""
        return f"{self.execution_id}/{self.step}/{self.iteration}"
