"""Parallel data processing: an iteration for each file of a folder, four at a time, and a summary.

wflo run examples/wflo/file_sizes.py --input folder=examples/scripts
"""

import hashlib
from pathlib import Path

from pydantic import BaseModel

from wflo import Workflow, WorkflowContext

workflow = Workflow("file-sizes", retry=2)


class Measured(BaseModel):
    name: str
    lines: int
    digest: str


@workflow.step()
def files(folder: str, pattern: str = "*.py") -> list[str]:
    return sorted(str(path) for path in Path(folder).glob(pattern))


@workflow.step(map_over="files", item="path", max_items=10_000, concurrency=4)
def measure(ctx: WorkflowContext, path: str) -> Measured:
    data = Path(path).read_bytes()
    ctx.log.debug("measured", path=path)
    return Measured(
        name=Path(path).name,
        lines=data.count(b"\n"),
        digest=hashlib.sha256(data).hexdigest()[:8],
    )


@workflow.condition()
def found_any(measure: list[Measured]) -> bool:
    return bool(measure)


@workflow.step(depends_on=["found_any"])
def summary(ctx: WorkflowContext, measure: list[Measured]) -> dict:
    longest = max(measure, key=lambda file: file.lines)
    ctx.state["longest"] = longest.name
    return {
        "files": len(measure),
        "lines": sum(file.lines for file in measure),
        "longest": longest.name,
    }
