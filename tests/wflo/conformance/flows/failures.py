"""Steps that fail."""

from stage import stage

from wflo import Workflow


class Broken(RuntimeError):
    pass


blocking = Workflow("blocking")


@blocking.step()
async def fails() -> None:
    try:
        raise KeyError("the cause")  # noqa: TRY301 - it is to be a cause
    except KeyError as error:
        raise Broken("it is broken") from error


@blocking.step()
async def directly(fails) -> None:
    stage.calls["blocked"] += 1


@blocking.step()
async def indirectly(directly) -> None:
    stage.calls["blocked"] += 1


@blocking.step(map_over="directly")
async def mapped(item) -> None:
    stage.calls["blocked"] += 1


blocking.timer("waits", seconds=86_400, depends_on=["fails"])


@blocking.step()
async def beside() -> str:
    await stage.pause("beside")
    return "beside"


@blocking.step()
async def after_beside(beside: str) -> str:
    return f"after {beside}"


several = Workflow("several")


@several.step()
async def second_to_fail() -> None:
    await stage.arrived("failed")
    raise ValueError("second")


@several.step()
async def first_to_fail() -> None:
    stage.arrive("failed")
    raise ValueError("first")


unprintable = Workflow("unprintable")


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


@unprintable.step()
async def mute() -> None:
    raise Mute


@unprintable.step()
async def odd() -> None:
    raise ValueError("nul \x00 and half \udc80")


@unprintable.step()
async def long() -> None:
    raise ValueError("x" * 1_000_000)
