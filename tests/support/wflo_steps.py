"""Running single steps in tests, without an engine."""

import asyncio
import sys
import textwrap

from wflo import Workflow
from wflo.runtime.call import StepCall
from wflo.runtime.home import FILES
from wflo.runtime.run_step import run_step


def code_of(function, **options):
    """The code of a workflow's only step."""
    wf = Workflow("w")
    wf.step(**options)(function)
    return wf.code.steps[options.get("id") or function.__name__]


async def attempt(code, **given):
    """One attempt at a step: `given` are the fields of its `StepCall`."""
    given = {"execution_id": "run-1", "step": code.definition.id} | given
    return await run_step(code, StepCall(**given))


async def until(condition):
    """Wait for what other threads and processes do."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - they set no event of this loop
            await asyncio.sleep(0.001)


class Importing:
    """Writes files of users; what they import is gone again with `forget`."""

    def __init__(self, folder):
        self.folder = folder
        self._path = list(sys.path)
        self._modules = set(sys.modules)

    def write(self, source, name="flow.py"):
        """The path of a new file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return str(path)

    def forget(self):
        """Put back what imports have changed."""
        sys.path[:] = self._path
        FILES.clear()
        for name in set(sys.modules) - self._modules:
            file = getattr(sys.modules[name], "__file__", None)
            if file and file.startswith(str(self.folder)):
                del sys.modules[name]
