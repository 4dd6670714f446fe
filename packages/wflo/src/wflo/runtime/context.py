"""`WorkflowContext`: what the code of a step can ask of the engine, and tell it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wflo.journal.outcome import LogLine
from wflo.models import CostLine, StatePatch
from wflo.models.base import storable
from wflo.runtime.failures import kind_name
from wflo.runtime.values import PLAIN, Misfit, explain

if TYPE_CHECKING:
    from wflo.runtime.call import StepCall
    from wflo.runtime.record import Record
    from wflo.runtime.sql import Lender, StepSql

_LONGEST_KEY = 200


class WorkflowContext:
    """What a step's parameter ``ctx`` is; or any parameter that is annotated with this class.

    Attributes:
        execution_id: The run.
        step: The step.
        iteration: Which iteration of it, from 0.
        attempt: Which attempt, from 1.
        idempotency_key: What to give to other systems, so that they do the work of this iteration
            once however many attempts it takes: the same for each of them.
        log: Lines that are kept with the run; see `StepLog`.
        state: Values that the steps of a run share; see `StepState`.
    """

    def __init__(self, call: StepCall, record: Record, lender: Lender) -> None:
        self.execution_id = call.execution_id
        self.step = call.step
        self.iteration = call.iteration
        self.attempt = call.attempt
        self.idempotency_key = call.idempotency_key
        self.log = StepLog(record)
        self.state = StepState(call.state, record)
        self._call = call
        self._record = record
        self._lender = lender

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """The run's input, as JSON. It cannot be changed."""
        return MappingProxyType(PLAIN.load(dict(self._call.inputs)))

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was given up: its time is over, or the run was cancelled.

        A plain function in a thread cannot be stopped from outside. One that takes long asks this
        now and then, and returns: nothing of what it does is kept any more.
        """
        return self._record.ended

    def tx(self) -> StepSql:
        """SQL in the transaction that commits the step's result: both are kept, or neither.

        In an async step ``async with ctx.tx() as connection`` gives an
        `sqlalchemy.ext.asyncio.AsyncConnection`; in a plain one ``with ctx.tx() as connection``
        gives a `wflo.runtime.sql.StepConnection`.

        Raises:
            NotSupported: The step runs in a process of its own, or this engine lends none.
            RuntimeError: The attempt is over.
        """
        if self._record.ended:
            raise RuntimeError("the attempt is over, and its transaction with it")
        return self._lender()

    def add_cost(
        self, *, micro_usd: int, label: str = "", input_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        """Say that something cost money. It is kept however the attempt ends.

        Args:
            micro_usd: What it cost, in millionths of a US dollar.
            label: What it was, for people: a model's name, a service.
            input_tokens: Tokens that were sent, where that is how it is counted.
            output_tokens: Tokens that came back.

        Raises:
            ValueError: Something of it is negative, no whole number, or more than 10**15.
        """
        try:
            line = CostLine(
                micro_usd=micro_usd,
                label=label,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
            )
        except ValidationError as error:
            raise ValueError(f"ctx.add_cost: {explain(error)}") from None
        self._record.cost(line)


class StepLog:
    """Lines that are kept with the run, however the attempt ends.

    Fields that are not JSON are kept as their `repr`.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    def debug(self, message: str, /, **fields: Any) -> None:
        """For whoever looks for a fault."""
        self._add("debug", message, fields)

    def info(self, message: str, /, **fields: Any) -> None:
        """What is as it should be."""
        self._add("info", message, fields)

    def warning(self, message: str, /, **fields: Any) -> None:
        """What is not as it should be, and does no harm yet."""
        self._add("warning", message, fields)

    def error(self, message: str, /, **fields: Any) -> None:
        """What went wrong."""
        self._add("error", message, fields)

    def _add(self, level: str, message: str, fields: dict[str, Any]) -> None:
        values = {storable(name): _loggable(value) for name, value in fields.items()}
        self._record.log(LogLine(time.time_ns() // 1000, level, storable(str(message)), values))


def _loggable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    try:
        return PLAIN.dump(value)
    except Misfit:
        return storable(_represented(value))


def _represented(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # a line of the log is no reason for a step to fail
        return f"<{type(value).__name__} without a repr: {kind_name(type(error))}>"


class StepState(MutableMapping[str, Any]):
    """Values, as JSON, that the steps of a run share.

    Reading gives what was committed before the attempt began, and what the attempt itself has
    written since. What it writes is committed with its result, and is lost with a failure. To
    change a part of a value, read it, change it, and write it: what is read is a copy.
    """

    def __init__(self, committed: Mapping[str, Any], record: Record) -> None:
        self._values = dict(committed)
        self._record = record

    def __getitem__(self, key: str) -> Any:
        return PLAIN.load(self._values[key])

    def __setitem__(self, key: str, value: Any) -> None:
        """Write a value.

        Raises:
            TypeError: It is not JSON, or the key is no text of 1 to 200 characters.
        """
        _check_key(key)
        try:
            plain = PLAIN.dump(value)
        except Misfit as error:
            raise TypeError(f"ctx.state[{key!r}] must be JSON: {error}") from None
        self._record.patch(StatePatch(op="set", key=key, value=plain))
        self._values[key] = plain

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._record.patch(StatePatch(op="delete", key=key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"StepState({self._values!r})"


def _check_key(key: object) -> None:
    if not (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY):
        raise TypeError(f"a key of ctx.state is a str of 1 to {_LONGEST_KEY} characters")
    if storable(key) != key:
        raise TypeError(
            f"a key of ctx.state is a str without NUL and halves of surrogate pairs, not {key!a}"
        )
