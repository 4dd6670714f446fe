"""A program that runs workflows, and dies where it is told to.

It imports everything once, and forks for each run, so that a run starts in milliseconds. Orders
come on stdin, one JSON object a line; how each ended goes to stdout in the same way.
"""

import asyncio
import json
import os
import signal
import sys

import psycopg  # noqa: F401 # before the forks
from sqlalchemy.dialects import postgresql, sqlite  # noqa: F401

from wflo import points
from wflo.config.settings import Settings
from wflo.db import postgres, sqlite_driver  # noqa: F401
from wflo.runtime.local.embedded import open_database, relaying, run_workflow
from wflo.runtime.local.engine import LocalEngine
from wflo.sdk.loading import load_app


class KillAt:
    """Kills this process when a point is reached for the n-th time."""

    def __init__(self, point, nth):
        self.point = point
        self.left = nth

    def __call__(self, point):
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Count:
    """Writes how often each point was reached."""

    def __init__(self, path):
        self.path = path
        self.counts = dict.fromkeys(points.POINTS, 0)

    def __call__(self, point):
        self.counts[point] += 1
        with open(self.path, "w") as file:
            json.dump(self.counts, file)


async def run(order, workflow):
    settings = Settings(**order["settings"])
    values = workflow.check_input(order["values"])
    ended = await run_workflow(workflow.code, values, execution_id=order["id"], settings=settings)
    assert ended.execution.status == "completed"


async def serve(order, workflow):
    settings = Settings(**order["settings"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await open_database(settings) as database, relaying(database, settings):
        await LocalEngine(database, [workflow.code], settings.engine).serve(stop)


def work(order, workflows):
    """In the fork. It ends as a program does, or it is killed."""
    if order.get("kill"):
        points.install(KillAt(*order["kill"]))
    if order.get("count"):
        points.install(Count(order["count"]))
    main = serve if order.get("serve") else run
    asyncio.run(main(order, workflows[order["workflow"]]))


def fork(order, workflows):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        os.dup2(2, 1)
        work(order, workflows)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def main():
    workflows = {workflow.name: workflow for workflow in load_app(sys.argv[1])}
    for workflow in workflows.values():
        workflow.code  # noqa: B018 # built before the forks
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = fork(order, workflows)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
