"""A chain of steps that do nothing, by DBOS: each gets what the one before returned.

``python dbos_chain.py KIND STEPS URL`` prints the milliseconds that a step took. KIND is ``plain``
or ``async``, which is what the functions are. The settings are DBOS's own, but for what it logs.
"""

from __future__ import annotations

import asyncio
import sys
import time

from dbos import DBOS

WARM_UP = 20  # connections and statements are made at their first use


@DBOS.step()
def step(number: int) -> int:
    return number + 1


@DBOS.workflow()
def chain(steps: int) -> int:
    number = 0
    for _ in range(steps):
        number = step(number)
    return number


@DBOS.step()
async def async_step(number: int) -> int:
    return number + 1


@DBOS.workflow()
async def async_chain(steps: int) -> int:
    number = 0
    for _ in range(steps):
        number = await async_step(number)
    return number


def main(kind: str, steps: int, url: str) -> None:
    DBOS(config={"name": "chain", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    print(ms_a_step(steps) if kind == "plain" else asyncio.run(ms_an_async_step(steps)))
    DBOS.destroy()


def ms_a_step(steps: int) -> float:
    assert chain(WARM_UP) == WARM_UP
    before = time.perf_counter()
    assert chain(steps) == steps
    return (time.perf_counter() - before) * 1000 / steps


async def ms_an_async_step(steps: int) -> float:
    assert await async_chain(WARM_UP) == WARM_UP
    before = time.perf_counter()
    assert await async_chain(steps) == steps
    return (time.perf_counter() - before) * 1000 / steps


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
