"""What is printed about one run, besides its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wflo.cli.paint import Line, Piece
from wflo.cli.texts import harmless, one_line, short_value_text, time_text
from wflo.journal.queries import Act
from wflo.models import CostSummary, WorkflowExecution

_MOST_CELLS = 2_000  # of an input or an output; --json has all of it


def detail_lines(
    execution: WorkflowExecution, source: str, state: Mapping[str, Any], acts: Iterable[Act]
) -> Iterator[Line]:
    """What there is to say about a run, one fact a line."""
    facts = {
        "created": time_text(execution.created_at),
        "started": time_text(execution.started_at),
        "ended": time_text(execution.ended_at),
        "source": source,
        "parent": execution.parent or "",
        "cost": _cost(execution.cost),
        "input": short_value_text(execution.input, _MOST_CELLS) if execution.input else "",
        "state": short_value_text(dict(state), _MOST_CELLS) if state else "",
        "output": short_value_text(execution.output, _MOST_CELLS),
    }
    if execution.output is None:
        del facts["output"]
    for name, text in facts.items():
        if text:
            yield [Piece(f"{name:<9}", "dim"), Piece(text)]
    yield from map(_act, acts)
    yield from _failure(execution)


def _act(act: Act) -> Line:
    reason = act.detail.get("reason")
    why = f": {one_line(reason)}" if reason else ""
    text = f"{act.action} by {one_line(act.actor)}, {time_text(act.created_at)}{why}"
    return [Piece(f"{'audit':<9}", "dim"), Piece(text)]


def _cost(cost: CostSummary) -> str:
    if not cost.lines:
        return ""
    tokens = f", {cost.input_tokens:,} tokens in, {cost.output_tokens:,} out"
    return f"{cost}{tokens if cost.input_tokens or cost.output_tokens else ''}"


def _failure(execution: WorkflowExecution) -> Iterator[Line]:
    if execution.error:
        yield [Piece(f"{'error':<9}", "dim"), Piece(execution.error, "red")]
    failure = execution.failure
    if failure is None:
        return
    if failure.traceback:
        yield from ([Piece(line)] for line in harmless(failure.traceback).rstrip().splitlines())
    else:
        yield [Piece(harmless(f"{failure.kind}: {failure.message}"), "red")]
