"""Where steps that run in the test's own process meet each other, and the test."""

import asyncio
from collections import Counter, defaultdict
from contextlib import contextmanager

_PATIENCE_S = 20.0


class Stage:
    """What is counted and waited for, by name.

    Attributes:
        calls: How often each step's function was called.
        most: How many were under way at once at most, by name.
        given: Whatever steps leave here.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        self.calls = Counter()
        self.most = Counter()
        self.given = defaultdict(list)
        self._under_way = Counter()
        self._arrived = Counter()
        self._changed = asyncio.Event()
        self._open = set()

    def arrive(self, name):
        """Say that a step is there."""
        self._arrived[name] += 1
        self._change()

    async def arrived(self, name, count=1):
        """Wait until steps are there."""
        await self._until(lambda: self._arrived[name] >= count, f"{count} at {name!r}")

    def open(self, name):
        """Let steps go on that pause there, and those that come later."""
        self._open.add(name)
        self._change()

    async def pause(self, name):
        """Arrive, and wait until it is open."""
        self.arrive(name)
        await self._until(lambda: name in self._open, f"{name!r} open")

    async def meet(self, name, count):
        """Wait until as many are there at once."""
        self.arrive(name)
        await self.arrived(name, count)

    @contextmanager
    def under_way(self, name):
        """Be counted while it lasts."""
        self._under_way[name] += 1
        self.most[name] = max(self.most[name], self._under_way[name])
        try:
            yield
        finally:
            self._under_way[name] -= 1

    def _change(self):
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, condition, what):
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"in vain waited for {what}") from None


stage = Stage()
