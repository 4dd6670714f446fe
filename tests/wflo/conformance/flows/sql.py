"""SQL in the transaction of a step."""

from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from wflo import RetryPolicy, Workflow

AGAIN = RetryPolicy(max_attempts=2, initial_delay_s=0)
TABLE = "CREATE TABLE IF NOT EXISTS conformance_rows (run TEXT, what TEXT, UNIQUE (run, what))"
INSERT = "INSERT INTO conformance_rows (run, what) VALUES (:run, :what)"
SELECT = "SELECT what FROM conformance_rows WHERE run = :run ORDER BY what"

writing = Workflow("writing")


@writing.step()
async def prepare(ctx) -> None:
    async with ctx.tx() as connection:
        await connection.execute(text(TABLE))


@writing.step(depends_on=["prepare"], retry=AGAIN)
async def insert(ctx) -> str:
    async with ctx.tx() as connection:
        what = f"attempt {ctx.attempt}"
        await connection.execute(text(INSERT), {"run": ctx.execution_id, "what": what})
    if ctx.attempt == 1:
        raise ValueError("after the block was left")
    ctx.state["inserted"] = what
    ctx.add_cost(micro_usd=1)
    return what


@writing.step(depends_on=["insert"], retry=AGAIN)
def insert_in_a_thread(ctx) -> list[str]:
    with ctx.tx() as connection:
        connection.execute(INSERT, {"run": ctx.execution_id, "what": f"thread {ctx.attempt}"})
        if ctx.attempt == 1:
            raise ValueError("in the block")
        rows = connection.execute(SELECT, {"run": ctx.execution_id})
        return [row.what for row in rows]


@writing.step(depends_on=["insert_in_a_thread"])
async def look(ctx) -> list[str]:
    async with ctx.tx() as connection:
        rows = await connection.execute(text(SELECT), {"run": ctx.execution_id})
        return list(rows.scalars())


refused = Workflow("refused-sql")


@refused.step()
async def prepared(ctx) -> None:
    async with ctx.tx() as connection:
        await connection.execute(text(TABLE))


@refused.step(depends_on=["prepared"])
async def twice(ctx) -> None:
    async with ctx.tx() as connection:
        for _ in range(2):
            await connection.execute(text(INSERT), {"run": ctx.execution_id, "what": "same"})


beside = Workflow("beside-sql")


@beside.step()
async def prepared_too(ctx) -> None:
    async with ctx.tx() as connection:
        await connection.execute(text(TABLE))


@beside.step(depends_on=["prepared_too"], map_over="items")
async def one_row(ctx, item: str) -> str:
    async with ctx.tx() as connection:
        await connection.execute(text(INSERT), {"run": ctx.execution_id, "what": item})
    async with ctx.tx() as connection:  # the same transaction
        rows = await connection.execute(text(SELECT), {"run": ctx.execution_id})
        return item if item in rows.scalars().all() else "lost"


@beside.step(depends_on=["one_row"])
async def rows(ctx) -> list[str]:
    async with ctx.tx() as connection:
        found = await connection.execute(text(SELECT), {"run": ctx.execution_id})
        return list(found.scalars())


catching = Workflow("catching-sql")


@catching.step()
async def prepared_first(ctx) -> None:
    async with ctx.tx() as connection:
        await connection.execute(text(TABLE))


@catching.step(depends_on=["prepared_first"])
async def goes_on(ctx) -> list[str]:
    for what in ("first", "first", "second"):
        with suppress(IntegrityError):
            async with ctx.tx() as connection:
                await connection.execute(text(INSERT), {"run": ctx.execution_id, "what": what})
    return []


@catching.step(depends_on=["goes_on"])
def sees(ctx) -> list[str]:
    with ctx.tx() as connection:
        return [row.what for row in connection.execute(SELECT, {"run": ctx.execution_id})]


impossible = Workflow("impossible-sql")


@impossible.step(isolation="process")
def in_a_process(ctx) -> None:
    ctx.tx()
