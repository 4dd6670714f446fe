"""Running something here, from a program of which that is a part."""

import asyncio

import pytest

from wflo import Settings, Workflow
from wflo.cli.running import run_here
from wflo.cli.signals import Ears
from wflo.db.engine import Database
from wflo.runtime.local.engine import LocalEngine

begun = asyncio.Event()
wf = Workflow("w")


@wf.step()
async def waits() -> None:
    begun.set()
    await asyncio.sleep(3600)


async def test_cancelled_as_a_task_it_is_cancelled_and_gives_its_steps_back(folder):
    async with await Database.open("sqlite:///w.db") as database:
        engine = LocalEngine(database, [wf.code])
        await engine.submit(wf.code, {}, execution_id="one")
        logs = Settings().logging
        words = {"ears": Ears(asyncio.current_task()), "logs": logs, "as_json": False}
        running = asyncio.create_task(
            run_here(database, engine, "one", again=[], resume=[], **words)
        )
        async with asyncio.timeout(30):
            await begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
