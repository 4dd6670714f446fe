"""A workflow of one step that does nothing."""

from __future__ import annotations

from wflo import Workflow

workflow = Workflow("one_step")


@workflow.step()
def double(number: int) -> int:
    return 2 * number
