"""The connection that ``ctx.tx()`` gives to an async step."""

from __future__ import annotations

from typing import NoReturn, Self

from sqlalchemy.ext.asyncio import AsyncConnection


class LentConnection(AsyncConnection):
    """A connection whose transaction is not the step's to end: it ends with the step's result."""

    __slots__ = ()

    @classmethod
    def of(cls, connection: AsyncConnection) -> Self:
        """The same connection, lent."""
        return cls(connection.engine, connection.sync_connection)

    async def commit(self) -> NoReturn:
        """Refused: half of the step would be kept.

        Raises:
            RuntimeError: Always.
        """
        _refuse("commit", "it is committed with the step's result")

    async def rollback(self) -> NoReturn:
        """Refused: other blocks of the step are in the same transaction.

        Raises:
            RuntimeError: Always.
        """
        _refuse("rollback", "raise an exception in the block, and what the block did is undone")

    async def close(self) -> NoReturn:
        """Refused: the step's result is committed by it.

        Raises:
            RuntimeError: Always.
        """
        _refuse("close", "it is given back when the step has ended")

    async def invalidate(self, exception: BaseException | None = None) -> NoReturn:  # noqa: ARG002
        """Refused, as `close` is.

        Raises:
            RuntimeError: Always.
        """
        _refuse("invalidate", "it is given back when the step has ended")


def _refuse(method: str, instead: str) -> NoReturn:
    raise RuntimeError(f"the connection of ctx.tx() has no {method}(): {instead}")
