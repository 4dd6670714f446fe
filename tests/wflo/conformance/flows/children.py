"""Workflows in workflows."""

from stage import stage

from wflo import Workflow

doubling = Workflow("doubling")


@doubling.step()
async def double(n: int) -> int:
    stage.calls["double"] += 1
    if n < 0:
        raise ValueError(f"{n} is negative")
    return 2 * n


parent = Workflow("parent")


@parent.step()
async def count() -> int:
    return 21


parent.workflow("doubled", doubling, inputs={"n": "count"})


@parent.step()
async def told(doubled: int) -> str:
    return f"it is {doubled}"


by_name = Workflow("by-name")
by_name.workflow("doubled", doubling)

over_items = Workflow("over-items")
over_items.workflow("each", doubling, inputs={"n": "item"}, map_over="items")


@over_items.step()
async def total(each: list[int]) -> int:
    return sum(each)


two_ends = Workflow("two-ends")


@two_ends.step()
async def left(n: int) -> int:
    return n - 1


@two_ends.step()
async def right(n: int) -> int:
    return n + 1


grandparent = Workflow("grandparent")
grandparent.workflow("family", over_items)
grandparent.workflow("ends", two_ends, inputs={"n": "family"})


def is_positive(n: int) -> bool:
    return n > 0


maybe = Workflow("maybe")
maybe.workflow("doubled", doubling, when=is_positive)

slow = Workflow("slow-child")


@slow.step()
async def pauses(n: int = 0) -> str:
    await stage.pause("in the child")
    return "done"


slow.timer("waits", seconds=0.01, depends_on=["pauses"])

outer = Workflow("outer")


@outer.step()
async def done_before() -> int:
    stage.calls["done_before"] += 1
    return 1


outer.workflow("inner", slow, depends_on=["done_before"])

outermost = Workflow("outermost")
outermost.workflow("outer", outer)

limited = Workflow("limited-parent", timeout_s=0.5)
limited.workflow("inner", slow)

wrong_input = Workflow("wrong-input")


@wrong_input.step()
async def text() -> str:
    return "text"


wrong_input.workflow("doubled", doubling, inputs={"n": "text"})

broken = Workflow("broken")


@broken.step()
async def fails() -> str:
    stage.calls["fails"] += 1
    if not stage.given["mended"]:
        raise ValueError("broken")
    return "mended"


mendable = Workflow("mendable")
mendable.workflow("inner", broken)

fragile = Workflow("fragile")


@fragile.step()
async def may_break(n: int) -> int:
    stage.calls[n] += 1
    if n in stage.given["broken"]:
        raise ValueError(n)
    return n


over_fragile = Workflow("over-fragile")
over_fragile.workflow("each", fragile, inputs={"n": "item"}, map_over="items")
