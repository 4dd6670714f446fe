"""Steps that do nothing, by wflo: in a chain, or side by side.

``python wflo_steps.py SHAPE KIND STEPS URL`` prints the milliseconds that a step took, in a run
that opens the database and closes it again. In the shape ``chain`` a step gets what the one before
returned; in ``parallel`` it waits for nothing. KIND is ``plain`` or ``async``, which is what the
functions are. The workflows are written into the current folder: code is imported from files.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WARM_UP = 20  # as in dbos_chain.py


def main(shape: str, kind: str, steps: int, url: str) -> None:
    os.environ["WFLO_DATABASE_URL"] = url
    sys.path.insert(0, os.getcwd())
    lines = {"chain": chain, "parallel": parallel}[shape]
    define = "async def" if kind == "async" else "def"
    ms_a_step("warm_up", lines(define, WARM_UP))
    print(ms_a_step(shape, lines(define, steps)))


def chain(define: str, steps: int) -> Iterator[str]:
    for number in range(steps):
        before = f"step_{number - 1}"
        takes, returns = (f"{before}: int", f"{before} + 1") if number else ("", "1")
        yield f"@workflow.step()\n{define} step_{number}({takes}) -> int:\n    return {returns}\n"


def parallel(define: str, steps: int) -> Iterator[str]:
    for number in range(steps):
        yield f"@workflow.step()\n{define} step_{number}() -> int:\n    return {number + 1}\n"


def ms_a_step(name: str, steps: Iterator[str]) -> float:
    parts = [f"from wflo import Workflow\n\nworkflow = Workflow({name!r})\n", *steps]
    Path(f"{name}.py").write_text("\n".join(parts), encoding="utf-8")
    importlib.invalidate_caches()
    workflow = importlib.import_module(name).workflow
    assert len(workflow.definition.steps) == len(parts) - 1
    before = time.perf_counter()
    done = workflow.run_sync()
    taken_s = time.perf_counter() - before
    results = [done.results[step.id] for step in workflow.definition.steps]
    assert results == list(range(1, len(parts)))
    return taken_s * 1000 / len(results)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
