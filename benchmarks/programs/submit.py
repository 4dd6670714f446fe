"""``python submit.py URL COUNT``: submit so many runs of one_step.py, and wait for their end.

A worker is to run them.
"""

from __future__ import annotations

import asyncio
import os
import sys

from one_step import workflow

from wflo import ExecutionStatus, WorkflowManager

UNFINISHED = [status for status in ExecutionStatus if not status.ended]


async def main(count: int) -> None:
    async with WorkflowManager(workflows=[workflow]) as manager:
        for number in range(count):
            await manager.execute_workflow("one_step", {"number": number}, wait=False)
        while (await manager.list_executions(status=UNFINISHED, limit=1)).executions:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the event is in another process
        done = await manager.list_executions(status=ExecutionStatus.COMPLETED, limit=1)
        others = [status for status in ExecutionStatus if status is not ExecutionStatus.COMPLETED]
        assert done.executions
        assert not (await manager.list_executions(status=others, limit=1)).executions


if __name__ == "__main__":
    os.environ["WFLO_DATABASE_URL"] = sys.argv[1]
    asyncio.run(main(int(sys.argv[2])))
