"""What waits for what."""

from stage import stage

from wflo import Workflow

linear = Workflow("linear")


@linear.step()
async def fetch(n: int) -> int:
    stage.given["order"].append("fetch")
    return n + 1


@linear.step()
def double(fetch: int) -> int:
    stage.given["order"].append("double")
    return 2 * fetch


@linear.step()
async def report(ctx, double: int) -> dict:
    stage.given["order"].append("report")
    return {"id": ctx.execution_id, "n": double}


diamond = Workflow("diamond")


@diamond.step()
async def top() -> list[str]:
    return ["top"]


@diamond.step()
async def left(top: list[str]) -> list[str]:
    await stage.meet("sides", 2)
    return [*top, "left"]


@diamond.step()
async def right(top: list[str]) -> list[str]:
    await stage.meet("sides", 2)
    return [*top, "right"]


@diamond.step()
async def bottom(right: list[str], left: list[str]) -> list[list[str]]:
    return [left, right]


branches = Workflow("branches")


async def branch(ctx) -> str:
    await stage.meet("branches", 10)
    return ctx.step


for number in range(10):
    branches.step(f"branch_{number}")(branch)


fan_in = Workflow("fan-in")


@fan_in.step()
async def slow() -> str:
    await stage.pause("slow")
    return "slow"


@fan_in.step()
async def quick() -> str:
    return "quick"


@fan_in.step(depends_on=["quick"])
async def later() -> str:
    stage.open("slow")  # so that the first one ends last
    return "later"


@fan_in.step()
async def joined(later: str, quick: str, slow: str) -> list[str]:
    return [slow, quick, later]


ordered = Workflow("ordered")


@ordered.step()
async def before() -> None:
    stage.given["order"].append("before")


@ordered.step(depends_on=["before"])
async def after() -> None:
    stage.given["order"].append("after")


reversed_ = Workflow("reversed")  # a step may be written before what it depends on


@reversed_.step()
async def second(first: str) -> str:
    return f"second after {first}"


@reversed_.step("first")
async def written_last() -> str:
    return "first"


threads = Workflow("threads")


def blocking(ctx) -> str:
    stage.given["threads"].append(ctx.step)
    return ctx.step


for number in range(20):
    threads.step(f"thread_{number}")(blocking)
