"""What steps say to the engine besides their results."""

from stage import stage

from wflo import RetryPolicy, Workflow

AGAIN = RetryPolicy(max_attempts=2, initial_delay_s=0)

state = Workflow("state")


@state.step()
async def write(ctx) -> list[str]:
    ctx.state["kept"] = {"n": [1, None]}
    ctx.state["gone"] = 1
    del ctx.state["gone"]
    return sorted(ctx.state)


@state.step(depends_on=["write"])
def change(ctx) -> dict:
    ctx.state["kept"] = ctx.state["kept"] | {"more": True}
    return dict(ctx.state)


@state.step(depends_on=["change"], isolation="process")
def change_in_a_process(ctx) -> dict:
    ctx.state["process"] = len(ctx.state)
    return dict(ctx.state)


@state.step(depends_on=["change_in_a_process"])
async def read(ctx) -> dict:
    return dict(ctx.state)


lost_state = Workflow("lost-state")


@lost_state.step(retry=AGAIN)
async def writes_and_fails(ctx) -> list[str]:
    seen = sorted(ctx.state)
    ctx.state[f"attempt {ctx.attempt}"] = True
    if ctx.attempt == 1:
        raise ValueError("after it was written")
    return seen


many_writers = Workflow("many-writers")


@many_writers.step(map_over="items")
async def one_key(ctx, item: int) -> None:
    ctx.state[f"key {item}"] = item


@many_writers.step(depends_on=["one_key"])
async def all_keys(ctx) -> int:
    return len(ctx.state)


saying = Workflow("saying")


@saying.step(retry=AGAIN)
async def says(ctx) -> None:
    ctx.log.info("trying", attempt=ctx.attempt, items=(1, 2))
    if ctx.attempt == 1:
        ctx.log.error("it fails", why=ValueError("odd"))
        raise ValueError


@saying.step(depends_on=["says"], isolation="process")
def says_in_a_process(ctx) -> None:
    ctx.log.debug("in a process")


@saying.step(depends_on=["says_in_a_process"])
def says_in_a_thread(ctx) -> None:
    ctx.log.warning("in a thread")


spending = Workflow("spending")


@spending.step(retry=AGAIN)
async def spends(ctx) -> None:
    ctx.add_cost(micro_usd=10, label="first", input_tokens=100, output_tokens=5)
    ctx.add_cost(micro_usd=1)
    if ctx.attempt == 1:
        raise ValueError


@spending.step(depends_on=["spends"], isolation="process")
def spends_in_a_process(ctx) -> None:
    ctx.add_cost(micro_usd=1000, output_tokens=1)


limited = Workflow("limited-cost", max_cost_usd="0.000020")


@limited.step()
async def cheap(ctx) -> str:
    ctx.add_cost(micro_usd=15)
    return "cheap"


@limited.step()
async def dear(ctx, cheap: str) -> str:
    await stage.arrived("beside")
    ctx.add_cost(micro_usd=5)
    return "dear"


@limited.step()
async def beside(cheap: str) -> str:
    await stage.pause("beside")
    return "beside"


limited.timer("waiting", seconds=86_400)


@limited.step()
async def too_late(dear: str) -> None:
    stage.calls["too_late"] += 1


keys = Workflow("keys")


@keys.step(map_over="items", retry=AGAIN)
async def keyed(ctx, item: str) -> str:
    stage.given[item].append(ctx.idempotency_key)
    if ctx.attempt == 1:
        raise ValueError
    return ctx.idempotency_key


@keys.step()
async def also_keyed(ctx) -> str:
    return ctx.idempotency_key
