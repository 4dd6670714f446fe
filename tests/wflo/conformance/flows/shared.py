"""Runs that several workers share."""

from stage import stage

from wflo import Workflow

spread = Workflow("spread")


@spread.step(map_over="items")
async def together(ctx, item: int) -> int:
    await stage.meet(ctx.execution_id, 4)  # more than one worker runs at once
    stage.calls[item] += 1
    return item


@spread.step()
async def collected(together: list[int]) -> int:
    return sum(together)


queued = Workflow("queued")


@queued.step()
async def first(ctx, n: int) -> int:
    stage.calls[f"first {n}"] += 1
    return n


@queued.step()
async def second(first: int) -> int:
    stage.calls[f"second {first}"] += 1
    return 10 * first


busy = Workflow("busy")


@busy.step(map_over="items")
async def one(item: int) -> int:
    with stage.under_way("busy"):
        await stage.pause("busy")
        return item
