"""The steps that a process runs, by the tokens of their leases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wflo.journal.proceed import Lease


@dataclass
class _Running:
    lease: Lease
    task: asyncio.Task[Any]
    expires_at_us: int


class Held:
    """Leases, and the tasks that run under them."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._stopping: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, lease: Lease, task: asyncio.Task[Any]) -> None:
        """Hold one more."""
        self._running[lease.token] = _Running(lease, task, lease.expires_at_us)

    def tokens(self) -> list[str]:
        """Those that are held."""
        return list(self._running)

    def renewed(self, tokens: Iterable[str], expires_at_us: int) -> None:
        """These hold for longer."""
        for token in tokens:
            if token in self._running:
                self._running[token].expires_at_us = expires_at_us

    def expired(self, now_us: int) -> list[str]:
        """Those that nobody renewed in time: another worker may have them by now."""
        return [token for token, held in self._running.items() if held.expires_at_us < now_us]

    def forget(self, tokens: Iterable[str]) -> None:
        """These have ended."""
        for token in tokens:
            self._running.pop(token, None)

    def revoke(self, tokens: Iterable[str]) -> None:
        """Stop what runs under leases that hold no longer."""
        for token in tokens:
            if (held := self._running.pop(token, None)) is not None:
                self._stop(held.task)

    async def cancel_all(self, within_s: float) -> list[Lease]:
        """Stop everything.

        Args:
            within_s: How long to wait for steps that do not let themselves be stopped.

        Returns:
            The leases of what was held.
        """
        leases = [held.lease for held in self._running.values()]
        self.revoke(self.tokens())
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=within_s)
        return leases

    def _stop(self, task: asyncio.Task[Any]) -> None:
        self._stopping.add(task)  # the event loop itself does not keep it
        task.add_done_callback(self._stopping.discard)
        task.cancel()
