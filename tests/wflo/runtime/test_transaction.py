"""What a step writes itself, in the transaction of its result."""

import pytest
from sqlalchemy import text

from wflo.runtime.local.transaction import StepTransaction
from wflo.runtime.sql import AsyncSql


async def once(attempt):
    return await attempt()


@pytest.fixture
async def table(database):
    async with database.begin() as conn:
        await conn.execute(text("CREATE TABLE marks (mark INTEGER)"))
    return database


async def marks(database):
    async with database.read() as conn:
        return sorted((await conn.execute(text("SELECT mark FROM marks"))).scalars())


async def write(transaction, mark):
    async with transaction.open() as conn:
        await conn.execute(text("INSERT INTO marks VALUES (:mark)"), {"mark": mark})


async def test_all_blocks_of_a_step_are_committed_together(table):
    transaction = StepTransaction(table, once)
    await write(transaction, 1)
    await write(transaction, 2)
    assert await marks(table) == []
    async with transaction.committing():
        pass
    assert await marks(table) == [1, 2]


async def write_and_fail(transaction, mark):
    async with transaction.open() as conn:
        await conn.execute(text("INSERT INTO marks VALUES (:mark)"), {"mark": mark})
        raise KeyError(mark)


async def test_a_block_that_is_left_by_an_error_leaves_nothing_behind(table):
    transaction = StepTransaction(table, once)
    await write(transaction, 1)
    with pytest.raises(KeyError):
        await write_and_fail(transaction, 2)
    await write(transaction, 3)
    async with transaction.committing():
        pass
    assert await marks(table) == [1, 3]


async def test_what_is_rolled_back_was_never_there(table):
    transaction = StepTransaction(table, once)
    await write(transaction, 1)
    await transaction.rollback()
    await transaction.rollback()
    assert await marks(table) == []


async def test_what_is_lent_of_it_cannot_end_it(table):
    transaction = StepTransaction(table, once)
    async with AsyncSql(transaction.open) as connection:
        await connection.execute(text("INSERT INTO marks VALUES (1)"))
        for end in (connection.commit, connection.rollback, connection.close):
            with pytest.raises(RuntimeError, match=r"the connection of ctx.tx\(\) has no"):
                await end()
        async with connection.begin_nested():
            await connection.execute(text("INSERT INTO marks VALUES (2)"))
    assert await marks(table) == []
    async with transaction.committing():
        pass
    assert await marks(table) == [1, 2]


async def test_one_that_nobody_used_may_end(database):
    transaction = StepTransaction(database, once)
    await transaction.rollback()
    assert transaction.connection is None
