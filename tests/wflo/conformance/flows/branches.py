"""Steps that need not run."""

from wflo import Workflow

choice = Workflow("choice")


@choice.condition()
async def is_big(n: int) -> bool:
    return n > 10


@choice.condition()
def is_small(n: int) -> bool:
    return n <= 10


@choice.step(depends_on=["is_big"])
async def big(n: int) -> str:
    return f"big {n}"


@choice.step(depends_on=["is_small"])
async def small(n: int) -> str:
    return f"small {n}"


@choice.step()
async def bigger(big) -> str:
    return f"{big}!"


@choice.step()
async def either(big, small) -> str:
    return big or small


nested = Workflow("nested")


@nested.condition()
async def outer(n: int) -> bool:
    return n > 0


@nested.condition(depends_on=["outer"])
async def inner(n: int) -> bool:
    return n > 10


@nested.step(depends_on=["inner"])
async def both() -> str:
    return "both"


@nested.step(depends_on=["outer"])
async def one() -> str:
    return "one"


@nested.step()
async def total(one, both) -> list:
    return [one, both]


odd = Workflow("odd")


@odd.condition()
async def no_bool() -> bool:
    return None


asked = Workflow("asked")


def is_wanted(n: int, start: int) -> bool:
    return n == start


@asked.step()
async def start() -> int:
    return 1


@asked.step(when=is_wanted)
async def wanted(start: int) -> str:
    return "wanted"


@asked.step()
async def follows(wanted) -> str:
    return f"after {wanted}"


@asked.step()
async def meets(wanted, start: int) -> list:
    return [wanted, start]


async def is_even(item: int) -> bool:
    return item % 2 == 0


@asked.step(map_over="items", when=is_even)
async def halved(item: int) -> int:
    return item // 2


ask_once = Workflow("ask-once")


def is_positive(n: int) -> bool:
    return n > 0


def is_three(result: int) -> bool:
    return result == 3


@ask_once.step(when=is_positive, until=is_three, max_iterations=5)
async def up(n: int, index: int) -> int:
    return index + 1


ask_once.timer("pause", seconds=0.01, when=is_positive)

asks_wrongly = Workflow("asks-wrongly")


def says_nothing() -> bool:
    return "yes"


@asks_wrongly.step(when=says_nothing)
async def unsure() -> None:
    pass
