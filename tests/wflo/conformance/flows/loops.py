"""Steps that run again until they are done."""

from stage import stage

from wflo import Workflow

counting = Workflow("counting")


def is_five(result: int) -> bool:
    return result == 5


@counting.step(until=is_five, max_iterations=10)
async def count(previous: int | None, index: int, start: int = 0) -> int:
    stage.given["previous"].append(previous)
    stage.calls["count"] += 1
    return start + index + 1


@counting.step()
async def after(count: int) -> str:
    return f"counted to {count}"


async def is_long(text: str) -> bool:
    return len(text) >= 80_000


growing = Workflow("growing")


@growing.step(until=is_long, max_iterations=5)
async def grow(previous: str | None) -> str:
    return (previous or "x" * 10_000) * 2


stumbling = Workflow("stumbling")


@stumbling.step(until=is_five, max_iterations=10)
async def stumble(previous: int | None, index: int) -> int:
    if index == 3 and not stage.given["mended"]:
        raise ValueError("at the third")
    stage.calls[index] += 1
    return (previous or 0) + 1


confused = Workflow("confused")


def unclear(result: int) -> bool:
    return None


@confused.step(until=unclear, max_iterations=2)
async def once() -> int:
    return 1
