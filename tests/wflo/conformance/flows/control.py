"""Runs that are cancelled and resumed."""

import asyncio
import os
import time

from stage import stage

from wflo import RetryPolicy, Workflow

paused = Workflow("paused")


@paused.step()
async def before() -> int:
    stage.calls["before"] += 1
    return 1


@paused.step()
async def pausing(before: int) -> int:
    stage.calls["pausing"] += 1
    try:
        await stage.pause("pausing")
    except asyncio.CancelledError:
        stage.arrive("stopped")
        raise
    return before + 1


@paused.step()
async def after(pausing: int) -> int:
    stage.calls["after"] += 1
    return pausing + 1


threaded = Workflow("threaded")


@threaded.step()
def in_a_thread(ctx) -> None:
    stage.given["thread"].append("started")
    while not ctx.cancelled:
        time.sleep(0.001)
    stage.given["thread"].append("stopped")


isolated = Workflow("isolated")


@isolated.step(isolation="process")
def in_a_process(folder: str) -> None:
    with open(f"{folder}/pid", "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(60)


waiting = Workflow("waiting")
waiting.timer("for_days", seconds=86_400)


@waiting.step(depends_on=["for_days"])
async def much_later() -> None:
    pass


flaky = Workflow("mended")


@flaky.step()
async def costly(ctx) -> str:
    stage.calls["costly"] += 1
    ctx.state["costly"] = True
    return "costly"


@flaky.step(retry=RetryPolicy(max_attempts=2, initial_delay_s=0))
async def breaks(ctx, costly: str) -> str:
    stage.calls["breaks"] += 1
    if stage.calls["breaks"] < stage.given["works_from"][-1]:
        raise ValueError(f"attempt {ctx.attempt}")
    return f"{costly} at attempt {ctx.attempt}"


@flaky.step()
async def blocked_at_first(breaks: str) -> str:
    return breaks.upper()


flaky_map = Workflow("mended-map")


@flaky_map.step(map_over="items")
async def one(item: str) -> str:
    stage.calls[item] += 1
    if item in stage.given["broken"]:
        raise ValueError(item)
    return item


@flaky_map.step()
async def all_of_them(one: list[str]) -> str:
    return "".join(one)


limited = Workflow("limited-in-time", timeout_s=1)


@limited.step()
async def slow_at_first() -> str:
    stage.calls["slow_at_first"] += 1
    if stage.calls["slow_at_first"] == 1:
        await asyncio.sleep(60)
    return "in time"


quick = Workflow("quick")


@quick.step()
async def is_quick() -> str:
    return "quick"


@quick.step()
async def follows(is_quick: str) -> str:
    return is_quick
