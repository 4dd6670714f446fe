"""Waits."""

from stage import stage

from wflo import Workflow

one_wait = Workflow("one-wait")


@one_wait.step()
async def before() -> str:
    return "before"


one_wait.timer("wait", seconds=0.1, depends_on=["before"])


@one_wait.step(depends_on=["wait"])
async def after(before: str, wait: None) -> list:
    return [before, wait]


many_waits = Workflow("many-waits")
for number in range(5):
    many_waits.timer(f"wait_{number}", seconds=0.3)


@many_waits.step()
async def meanwhile() -> str:
    return "meanwhile"


@many_waits.step(depends_on=[f"wait_{number}" for number in range(5)])
async def at_last() -> str:
    return "at last"


long_wait = Workflow("long-wait")


@long_wait.step()
async def first() -> int:
    stage.calls["first"] += 1
    return 1


long_wait.timer("for_days", seconds=86_400 * 3, depends_on=["first"])


@long_wait.step(depends_on=["for_days"])
async def never_in_a_test() -> None:
    pass


no_wait = Workflow("no-wait")
no_wait.timer("at_once", seconds=0)
