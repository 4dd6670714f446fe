"""A workflow with every kind of step, in a file as users have them, to be killed in the middle."""

import asyncio
import os
import signal
import time
from pathlib import Path

from wflo import RetryPolicy, Workflow, WorkflowContext

# How often the process may be killed under one step.
TOUGH = RetryPolicy(max_worker_losses=100)
AGAIN = RetryPolicy(max_attempts=3, initial_delay_s=0.01, max_worker_losses=100)

BOOK = "INSERT INTO bookings (idempotency_key, amount) VALUES (:key, :amount)"


async def insert(ctx: WorkflowContext, amount: int) -> None:
    from sqlalchemy import text  # the processes of steps do without it

    async with ctx.tx() as connection:
        await connection.execute(text(BOOK), {"key": ctx.idempotency_key, "amount": amount})


part = Workflow("part", retry=TOUGH)


@part.step()
def double(n: int) -> int:
    return 2 * n


@part.step()
async def increment(ctx: WorkflowContext, double: int) -> int:
    ctx.add_cost(micro_usd=1_000)
    return double + 1


crashing = Workflow("crashing", retry=TOUGH, timeout_s=600)


@crashing.step()
async def begin(ctx: WorkflowContext, items: list[int]) -> list[int]:
    ctx.state["begun"] = len(items)
    ctx.log.info("begun", items=len(items))
    ctx.add_cost(micro_usd=1)
    return items


@crashing.step(map_over="begin", concurrency=2)
def square(ctx: WorkflowContext, item: int) -> int:
    ctx.add_cost(micro_usd=10)
    ctx.state[f"square of {item}"] = item * item
    return item * item


def is_third(result: int) -> bool:
    return result == 3


@crashing.step(until=is_third, max_iterations=5)
async def count(begin: list[int], previous: int | None) -> int:
    return (previous or 0) + 1


@crashing.step(retry=AGAIN)
async def flaky(ctx: WorkflowContext, begin: list[int]) -> str:
    if ctx.attempt == 1:
        raise OSError("the first attempt fails")
    return "well"


@crashing.condition()
def is_empty(begin: list[int]) -> bool:
    return not begin


@crashing.step(depends_on=["is_empty"])
def never() -> None:
    raise AssertionError("it is skipped")


@crashing.step()
async def book(ctx: WorkflowContext, square: list[int]) -> int:
    await insert(ctx, sum(square))
    return sum(square)


@crashing.step()
def book_plainly(ctx: WorkflowContext, square: list[int]) -> int:
    with ctx.tx() as connection:
        connection.execute(BOOK, {"key": ctx.idempotency_key, "amount": -sum(square)})
    return -sum(square)


crashing.timer("pause", seconds=0.02, depends_on=["begin"])
crashing.workflow("parts", part, map_over="begin", item="n")


def with_processes(processes: bool) -> bool:
    return processes


@crashing.step(isolation="process", when=with_processes)
def apart(ctx: WorkflowContext, begin: list[int]) -> bool:
    ctx.add_cost(micro_usd=100)
    return True


@crashing.step(depends_on=["pause", "flaky"])
async def finish(
    ctx: WorkflowContext,
    parts: list[int],
    count: int,
    book: int,
    apart: bool | None,
    linger_s: float,
) -> int:
    await asyncio.sleep(linger_s)
    ctx.state["finished"] = count
    return sum(parts) + book


poison = Workflow("poison")


@poison.step()
async def kill_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


apart_poison = Workflow("apart_poison")


@apart_poison.step(isolation="process", retry=1)
async def kill_child(ctx: WorkflowContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def mark(folder: str, name: str) -> None:
    """Tell the test that this was reached."""
    Path(folder, name).touch()


def may_go_on(folder: str) -> bool:
    return Path(folder, "go on").exists()


def block(folder: str) -> None:
    """Let nothing happen on the event loop: no heartbeat is sent, and nothing is heard."""
    while not may_go_on(folder):
        time.sleep(0.01)


held = Workflow("held", retry=TOUGH)


@held.step()
async def hold(ctx: WorkflowContext, folder: str) -> int:
    mark(folder, f"attempt {ctx.attempt}")
    while True:
        await asyncio.sleep(0.01)
        if may_go_on(folder):
            return ctx.attempt


zombie = Workflow("zombie", retry=TOUGH)


@zombie.step()
async def stay(ctx: WorkflowContext, folder: str, books: bool) -> int:
    mark(folder, f"attempt {ctx.attempt}")
    if ctx.attempt == 1:
        block(folder)
    if books:
        await insert(ctx, 1)
    return ctx.attempt


wide = Workflow("wide", retry=TOUGH)


@wide.step(map_over="items")
async def one(ctx: WorkflowContext, item: int) -> int:
    ctx.add_cost(micro_usd=1)
    await insert(ctx, item)
    return item


steady = Workflow("steady", retry=TOUGH)


@steady.step()
async def first(ctx: WorkflowContext) -> int:
    ctx.add_cost(micro_usd=1)
    await asyncio.sleep(0.02)
    return 1


@steady.step()
async def second(ctx: WorkflowContext, first: int) -> int:
    await insert(ctx, first)
    return first + 1


@steady.step()
def third(second: int) -> int:
    return second + 1
