import pytest
from engine_bench import RUN, Bench, flow

from wflo.journal import leases


@pytest.fixture
def bench(database):
    return Bench(database)


async def test_a_lease_that_is_renewed_is_not_lost(bench):
    worker = bench.worker(lease_s=0)
    lease = (await bench.start(worker, flow("one")))["one"]
    lost = await bench.lost()
    assert [(each.lease, each.owner) for each in lost] == [(lease, "a")]
    gone, expires_at_us = await bench.worker(lease_s=60).renew([lease.token])
    assert gone == set()
    assert expires_at_us > bench.database.now_us()
    assert await bench.lost() == []


async def test_one_that_was_renewed_meanwhile_is_not_taken_over(bench):
    lease = (await bench.start(bench.worker(lease_s=0), flow("one")))["one"]
    lost = await bench.lost()
    await bench.worker(lease_s=60).renew([lease.token])
    await bench.worker("heir").take_over(lost, [], 1)
    assert await bench.attempts() == [("one", "running")]


async def test_who_had_to_wait_to_write_lets_the_others_renew_first(bench):
    await bench.start(bench.worker(lease_s=0), flow("one"))
    written = await bench.worker("heir", lease_s=0).take_over(await bench.lost(), [], 1)
    assert written.claimed == []
    assert await bench.attempts() == [("one", "running")]


async def test_one_that_was_revoked_is_gone(bench):
    worker = bench.worker()
    held = await bench.start(worker, flow("one", "two"))
    tokens = {lease.token for lease in held.values()}
    assert (await worker.renew(tokens))[0] == set()
    await bench.manager.cancel_execution(RUN)
    assert (await worker.renew(tokens))[0] == tokens


async def test_what_a_process_holds_is_known_by_its_name(bench):
    held = await bench.start(bench.worker("mine"), flow("one", "two"))
    async with bench.database.read() as conn:
        found = await leases.of_owner(conn, "mine")
        assert {lease.token for lease in found} == {lease.token for lease in held.values()}
        assert await leases.of_owner(conn, "other") == []
        assert list(await leases.owners(conn)) == ["mine"]
        assert await leases.held(conn, []) == set()
