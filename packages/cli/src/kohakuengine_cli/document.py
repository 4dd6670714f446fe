"""The JSON document that ``--json`` prints, written as the runs end."""

from __future__ import annotations

import json
import math
import numbers
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from types import TracebackType
from typing import IO, Any, Self

from kohakuengine.config.deferred import DeferredText
from kohakuengine.engine.ending import first_line
from kohakuengine.errors import KohakuEngineError, RunError
from kohakuengine.flow.driver import Listener
from kohakuengine.flow.failures import failure_kind
from kohakuengine.flow.runs import RunResult, RunSpec
from kohakuengine_cli.ending import usage_error
from kohakuengine_cli.texts import plain

__all__ = ["Document", "as_json", "document_on_stdout", "own_stdout"]


class Document(Listener):
    """Writes results as JSON: the one run's object, or ``{"runs": [...], "counts": {...}}``.

    Runs are written as they end. However a flow ends, its document is complete JSON; what ended it,
    where that was no failed run, is its ``error``.

    Args:
        stream: Where it is written.

    Attributes:
        single: Whether there is but one run, and no list.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.single = True
        self._stream = stream
        self._given: dict[int, dict[str, Any]] = {}
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        ending = {} if error is None else {"error": _said(error)}
        if not self.single:
            counts = json.dumps({"counts": self._counts, **ending})
            runs = "\n], " if self._counts else '{"runs": [], '
            self._stream.write(f"{runs}{counts[1:]}\n")
        elif not self._counts:
            self._stream.write(json.dumps(ending) + "\n")

    def run_started(self, spec: RunSpec) -> None:
        """Note what the run is given now: the script may change lists and the like."""
        if spec.index in self._given:
            return
        config = spec.config
        self._given[spec.index] = {
            "globals": as_json(config.globals_dict) if config else {},
            "args": as_json(config.args) if config else [],
            "kwargs": as_json(config.kwargs) if config else {},
        }

    def run_finished(self, result: RunResult) -> None:
        """Write one run."""
        text = json.dumps({**_run(result), **self._given.pop(result.index), **_failure(result)})
        if self.single:
            text += "\n"
        else:
            text = (",\n" if self._counts else '{"runs": [\n') + text
        self._counts[str(result.status)] += 1
        self._stream.write(text)
        self._stream.flush()


def _run(result: RunResult) -> dict[str, Any]:
    told = {
        "index": result.index,
        "script": result.script.location,
        "status": str(result.status),
        "value": as_json(result.value),
        "duration_s": round(result.duration_s, 6),
        "attempt": result.attempt,
    }
    return told if result.log_path is None else {**told, "log_path": result.log_path}


def _failure(result: RunResult) -> dict[str, Any]:
    error = result.error
    if error is None:
        return {}
    told: dict[str, Any] = {"error": str(error), "kind": failure_kind(result).kind}
    if isinstance(error, RunError):
        told.update(kinds=error.kinds, where=error.where)
        told["exit_code"] = error.exit_code
    return {**told, "traceback": result.traceback}


def _said(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) if isinstance(error, KohakuEngineError) else first_line(error)


def as_json(value: Any) -> Any:
    """`value` as JSON has it; what JSON lacks (any object, nan) becomes the text of its repr.

    Tuples and sets become lists, keys become texts, and a number of another library's type
    (numpy's scalars) becomes the number.
    """
    try:
        return _as_json(value)
    except RecursionError:  # a list that holds itself
        return _repr(value)


def _as_json(value: Any) -> Any:
    value = plain(value)
    if value is None or type(value) in {str, bool, int}:
        return value
    if isinstance(value, DeferredText):
        return value.text
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_json(item) for item in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return _repr(value)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # whatever the class's own __repr__ raises
        return f"<{type(value).__qualname__}, whose repr raises {type(error).__name__}>"


@contextmanager
def document_on_stdout() -> Iterator[Document]:
    """A document there; all that others print goes to stderr meanwhile."""
    with own_stdout() as stream, Document(stream) as document:
        yield document


@contextmanager
def own_stdout() -> Iterator[IO[str]]:
    """Our stdout, while all that scripts and their children write to theirs goes to stderr."""
    if sys.stdout is None:
        usage_error("--json prints on stdout, and that is closed")
    sys.stdout.flush()
    with ExitStack() as stack:
        stdout = stack.enter_context(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
        stack.enter_context(_line_by_line(sys.stdout))
        for number in {sys.stdout.fileno(), 1}:  # 1 is what children and libraries in C write to
            stack.enter_context(_led_to_stderr(number))
        stack.callback(sys.stdout.flush)
        yield stdout


@contextmanager
def _led_to_stderr(number: int) -> Iterator[None]:
    """Make a file descriptor lead where stderr does; nowhere, if that is closed."""
    before = os.dup(number)
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
    else:
        os.dup2(sys.stderr.fileno(), number)
    try:
        yield
    finally:
        os.dup2(before, number)
        os.close(before)


@contextmanager
def _line_by_line(stream: Any) -> Iterator[None]:
    """A stream that was meant for a file, and shares stderr now, keeps to the order of things."""
    if not isinstance(stream, TextIOWrapper):
        yield
        return
    before = stream.line_buffering
    stream.reconfigure(line_buffering=True)
    try:
        yield
    finally:
        stream.reconfigure(line_buffering=before)
