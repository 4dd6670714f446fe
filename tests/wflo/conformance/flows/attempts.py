"""Attempts that fail or take too long."""

import asyncio
import time

from stage import stage

from wflo import RetryPolicy, Workflow

QUICK = RetryPolicy(max_attempts=3, initial_delay_s=0.01, jitter=0)
NAMED = RetryPolicy(max_attempts=3, initial_delay_s=0, retry_on=("OSError",))


class Refused(ConnectionError):
    pass


flaky = Workflow("flaky")


@flaky.step(retry=QUICK)
async def try_it(ctx, failures: int) -> str:
    if ctx.attempt <= failures:
        raise Refused(f"attempt {ctx.attempt}")
    return f"attempt {ctx.attempt}"


@flaky.step(depends_on=["try_it"])
async def then() -> str:
    return "then"


choosy = Workflow("choosy")


@choosy.step(retry=NAMED)
async def raises(ctx, kind: str) -> int:
    if ctx.attempt == 1:
        raise {"derived": Refused, "other": LookupError}[kind](kind)
    return ctx.attempt


inherited = Workflow("inherited", retry=RetryPolicy(max_attempts=2, initial_delay_s=0))


@inherited.step()
async def as_the_workflow_says(ctx) -> None:
    raise Refused(f"attempt {ctx.attempt}")


@inherited.step(retry=0)
async def never() -> None:
    raise Refused


slow = Workflow("slow")


@slow.step(timeout_s=0.05)
async def on_the_loop() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        stage.given["stopped"].append("on_the_loop")


@slow.step(timeout_s=0.05)
def in_a_thread(ctx) -> None:
    while not ctx.cancelled:
        time.sleep(0.001)
    stage.given["stopped"].append("in_a_thread")


@slow.step(timeout_s=0.05, isolation="process")
def in_a_process() -> None:
    time.sleep(60)


second_chance = Workflow("second-chance")


@second_chance.step(timeout_s=0.05, retry=QUICK)
async def slow_at_first(ctx) -> int:
    if ctx.attempt == 1:
        await asyncio.sleep(60)
    return ctx.attempt


limited = Workflow("limited", timeout_s=0.5)


@limited.step()
async def done_in_time() -> int:
    return 1


@limited.step()
async def hangs(done_in_time: int) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        stage.arrive("stopped")


@limited.step()
async def after(hangs) -> None:
    pass


unlimited = Workflow("unlimited", timeout_s=60)


@unlimited.step()
async def quick() -> int:
    return 1
