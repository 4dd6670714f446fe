"""A plan as JSON, written run by run."""

from __future__ import annotations

import json
from itertools import islice
from typing import IO

from kohakuengine_cli.document import as_json
from kohakuengine_cli.plans import Plan, Planned

__all__ = ["write_plan"]


def write_plan(plan: Plan, stream: IO[str], limit: int | None) -> None:
    """Write ``{"runs": [...], "count": N}``, a run on each line.

    Args:
        plan: What is written.
        stream: Where to.
        limit: How many runs are listed; None for all. They are counted all the same.
    """
    stream.write('{"runs": [')
    between = "\n"
    for run in plan if limit is None else islice(plan, limit):
        stream.write(between + json.dumps(_run(run)))
        between = ",\n"
    stream.write(f'\n], "count": {plan.count()}}}\n')


def _run(run: Planned) -> dict[str, object]:
    config = run.config
    told = {
        "index": run.index,
        "script": run.script.location,
        "globals": as_json(config.globals_dict) if config else {},
        "args": as_json(config.args) if config else [],
        "kwargs": as_json(config.kwargs) if config else {},
    }
    return {**told, "depends_on_worker": True} if run.by_worker else told
