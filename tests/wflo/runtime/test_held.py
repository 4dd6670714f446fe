import asyncio

import pytest

from wflo.journal.proceed import Lease
from wflo.runtime.local.held import Held


def lease(token, expires_at_us=100):
    return Lease(token, "run-1", "one", 0, 1, 0, 0, expires_at_us)


async def sleep(log, name):
    try:
        await asyncio.sleep(60)
    finally:
        log.append(name)


async def insist(log):
    for _ in range(3):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            log.append("no")


@pytest.fixture
def log():
    return []


@pytest.fixture
async def held(log):
    held = Held()
    for name in ("a", "b"):
        held.add(lease(name), asyncio.create_task(sleep(log, name)))
    await asyncio.sleep(0)
    yield held
    await held.cancel_all(1)


async def test_what_nobody_renewed_in_time_has_expired(held):
    assert held.expired(100) == []
    held.renewed(["b", "gone"], 200)
    assert held.expired(101) == ["a"]


async def test_what_is_revoked_is_stopped(held, log):
    held.revoke(["a", "gone"])
    assert held.tokens() == ["b"]
    assert len(held) == 1
    await asyncio.sleep(0)
    assert log == ["a"]


async def test_what_has_ended_is_not_stopped(held, log):
    held.forget(["a", "b", "gone"])
    assert await held.cancel_all(1) == []
    assert log == []


async def test_everything_is_stopped(held, log):
    assert await held.cancel_all(1) == [lease("a"), lease("b")]
    assert log == ["a", "b"]
    assert await held.cancel_all(1) == []


async def test_what_does_not_stop_is_not_waited_for_long(log):
    held = Held()
    task = asyncio.create_task(insist(log))
    held.add(lease("a"), task)
    await asyncio.sleep(0)
    assert await held.cancel_all(0.01) == [lease("a")]
    assert not task.done()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    await task
    assert log == ["no"] * 3
