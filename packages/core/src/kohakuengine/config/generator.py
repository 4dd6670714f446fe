"""`ConfigGenerator`: a lazy, single-pass stream of configs that can be told how runs went."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from kohakuengine.config.base import Config
from kohakuengine.errors import ConfigTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kohakuengine.config.sweep import Sweep


class ConfigGenerator:
    """Configs for several runs, each made when it is asked for.

    In a generator function, ``result = yield Config(...)`` receives what `send` is given, so that
    an adaptive search is a plain loop. An iterator without ``send`` ignores what it is told.

    Attributes:
        length: How many configs there are in all, or None where that is not known beforehand.
        sweep: The `Sweep` that makes the configs, or None if they come from elsewhere.
        exhausted: Whether the end was seen.
    """

    def __init__(
        self,
        iterator: Iterable[Config],
        length: int | None = None,
        *,
        sweep: Sweep | None = None,
    ) -> None:
        self.length = length
        self.sweep = sweep
        self.exhausted = False
        self._iterator: Iterator[Config] = iter(iterator)
        self._send = getattr(self._iterator, "send", None)
        self._given = 0

    @classmethod
    def from_sweep(cls, sweep: Sweep) -> ConfigGenerator:
        """Stream the configs of a sweep."""
        return cls(sweep, sweep.length, sweep=sweep)

    def fresh(self) -> ConfigGenerator | None:
        """Start over: a new generator of the same configs, or None if there is no way to make one.

        A sweep can be expanded again; what another iterator has given is gone.
        """
        return None if self.sweep is None else ConfigGenerator.from_sweep(self.sweep)

    def __iter__(self) -> ConfigGenerator:
        return self

    def __next__(self) -> Config:
        return self.send(None)

    def send(self, feedback: Any) -> Config:
        """Report how a run went, and take the next config.

        Args:
            feedback: What the ``yield`` of the generator function returns; None if there is nothing
                to report. There is no ``yield`` yet to receive that of the first call.

        Raises:
            StopIteration: There is no further config.
            ConfigTypeError: What came is no `Config`.
        """
        try:
            config = self._next(feedback)
        except StopIteration:
            self.exhausted = True
            raise
        if not isinstance(config, Config):
            raise ConfigTypeError(
                f"Generator must yield Config objects, got {type(config).__name__}"
            )
        self._given += 1
        return config

    def _next(self, feedback: Any) -> object:
        if self._send is None or not self._given:
            return next(self._iterator)
        return self._send(feedback)

    def close(self) -> None:
        """End the stream: the generator function's ``finally`` blocks run, no config follows."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()
        self._iterator, self._send = iter(()), None

    def __length_hint__(self) -> int:
        # Python asks for the number still to come, and only takes one that fits a C integer.
        if self.length is None or self.length > sys.maxsize:
            return NotImplemented  # type: ignore[no-any-return]
        return max(self.length - self._given, 0)
