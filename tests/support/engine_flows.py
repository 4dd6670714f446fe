"""Workflows for tests of the engine, whose steps meet the test in its own process."""

import asyncio
from collections import defaultdict

from wflo import Workflow, WorkflowContext


class Meeting:
    """What the steps of a test and the test have in common. A test begins with `clear`."""

    def clear(self):
        self.began = defaultdict(asyncio.Event)
        self.may_end = defaultdict(asyncio.Event)
        self.notes = defaultdict(list)


meeting = Meeting()


async def meet(name: str) -> None:
    meeting.began[name].set()
    await meeting.may_end[name].wait()


single = Workflow("single", timeout_s=600)


@single.step()
async def only(ctx: WorkflowContext) -> int:
    meeting.notes["only"].append(ctx.attempt)
    await meet("only")
    return ctx.attempt


pair = Workflow("pair")


@pair.step()
async def left() -> int:
    await meet("left")
    return 1


@pair.step()
async def right(left: int) -> int:
    meeting.notes["right"].append(left)
    return left + 1


inner = Workflow("inner")


@inner.step()
async def inside(ctx: WorkflowContext) -> int:
    meeting.notes["inside"].append(ctx.attempt)
    await meet("inside")
    return 5


outer = Workflow("outer", timeout_s=600)
outer.workflow("within", inner)


@outer.step()
async def after(within: int) -> int:
    return within + 1


stubborn = Workflow("stubborn", timeout_s=600)


@stubborn.step()
async def stay() -> None:
    while not meeting.may_end["stay"].is_set():
        meeting.began["stay"].set()
        try:
            await meeting.may_end["stay"].wait()
        except asyncio.CancelledError:
            meeting.notes["stay"].append("no")


writing = Workflow("writing")


@writing.step()
async def write(ctx: WorkflowContext) -> int:
    from sqlalchemy import text

    ctx.add_cost(micro_usd=1)
    async with ctx.tx() as connection:
        for act in meeting.notes["in transaction"]:
            await act(connection)
        await connection.execute(
            text("INSERT INTO bookings VALUES (:key, :amount)"),
            {"key": ctx.idempotency_key, "amount": ctx.attempt},
        )
    return ctx.attempt


crowd = Workflow("crowd")


@crowd.step(map_over="items")
async def member(ctx: WorkflowContext, item: int, takes_s: float) -> int:
    from sqlalchemy import text

    async with ctx.tx() as connection:
        await connection.execute(
            text("INSERT INTO bookings VALUES (:key, :amount)"),
            {"key": ctx.idempotency_key, "amount": item},
        )
        await asyncio.sleep(takes_s)
    return item


busy = Workflow("busy")
busy.timer("bell", seconds=0.3)


@busy.step(map_over="items", max_items=10_000)
async def nothing(item: int) -> None:
    pass


spending = Workflow("spending", max_cost_usd="0.01")


@spending.step()
async def spend(ctx: WorkflowContext) -> None:
    await meet("spend")
    ctx.add_cost(micro_usd=1_000_000)


@spending.step()
async def beside() -> int:
    meeting.notes["beside"].append(1)
    return 7
