"""Runs workflows in processes that are killed, stopped and started again."""

import asyncio
import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FLOW = HERE / "crash_flow.py"
KILLED = -signal.SIGKILL


async def eventually(condition, within_s=60.0):
    """Wait until a condition holds; a coroutine function may be one."""
    async with asyncio.timeout(within_s):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


class Program:
    """`crash_program.py`, which forks for each run.

    Args:
        flow: The file with the workflows.
        log: A file for what the runs say on stderr.
    """

    def __init__(self, log, flow=FLOW):
        self.log = log
        self._runs = set()
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, HERE / "crash_program.py", flow],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=log.parent,
            )

    def start(self, workflow, url, **order):
        """Begin a run, or a worker with `serve=True`; returns its process id."""
        settings = {"database": {"url": url}, **order.pop("settings", {})}
        pid = self._ask({"workflow": workflow, "settings": settings, **order})
        self._runs.add(pid)
        return pid

    def wait(self, pid):
        """Its exit code, once it has ended; negative is a signal's number."""
        code = self._ask({"wait": pid})
        self._runs.discard(pid)
        return code

    def run(self, workflow, url, **order):
        return self.wait(self.start(workflow, url, **order))

    def close(self):
        for pid in self._runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _ask(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self.log.read_text()
        return json.loads(answer)
