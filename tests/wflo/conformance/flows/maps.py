"""Steps that run once for each item."""

from stage import stage

from wflo import RetryPolicy, Workflow

squares = Workflow("squares")


@squares.step()
async def numbers(n: int) -> list[int]:
    return list(range(n))


@squares.step(map_over="numbers", max_items=5000)
async def square(item: int, index: int) -> int:
    assert item == index
    stage.calls["square"] += 1
    return item * item


@squares.step()
async def total(square: list[int]) -> int:
    return sum(square)


backwards = Workflow("backwards")


@backwards.step(map_over="items")
async def last_first(item: str, index: int, items: list[str]) -> str:
    if index + 1 < len(items):
        await stage.arrived(f"item {index + 1}")
    stage.given["ended"].append(item)
    stage.arrive(f"item {index}")
    return item.upper()


capped = Workflow("capped")


@capped.step(map_over="items", concurrency=3)
async def few(item: int) -> int:
    with stage.under_way("few"):
        if item < 3:
            await stage.meet("three", 3)
        return item


bounded = Workflow("bounded")


@bounded.step(map_over="items", max_items=3)
async def at_most_three(item: int) -> int:
    stage.calls["at_most_three"] += 1
    return item


failing = Workflow("failing-map")


@failing.step(map_over="items")
async def no_sevens(item: int) -> int:
    if item == 7:
        raise ValueError("seven")
    return item


@failing.step()
async def after(no_sevens) -> None:
    pass


one_again = Workflow("one-again")


@one_again.step(map_over="items", retry=RetryPolicy(max_attempts=2, initial_delay_s=0))
async def first_time_fails(ctx, item: int) -> int:
    stage.calls[item] += 1
    if item == 1 and ctx.attempt == 1:
        raise ValueError("once")
    return item


no_list = Workflow("no-list")


@no_list.step()
async def text() -> str:
    return "text"


@no_list.step(map_over="text", item="letter")
async def letters(letter) -> str:
    return letter


skipped = Workflow("skipped-map")


@skipped.condition()
async def never() -> bool:
    return False


@skipped.step(depends_on=["never"])
async def nothing() -> list[int]:
    return [1]


@skipped.step(map_over="nothing")
async def of_nothing(item: int) -> int:
    return item


mapped_map = Workflow("mapped-map")


@mapped_map.step(map_over="rows", item="row")
async def doubled(row: list[int]) -> list[int]:
    return [2 * each for each in row]


@mapped_map.step(map_over="doubled", item="row", isolation="process")
def summed(row: list[int]) -> int:
    return sum(row)


over_results = Workflow("over-results")


@over_results.step()
async def names() -> list[str]:
    return ["a", "b"]


@over_results.step(map_over="names", item="name")
def with_others(name: str, names: list[str], suffix: str = "!") -> str:
    return f"{name} of {len(names)}{suffix}"
