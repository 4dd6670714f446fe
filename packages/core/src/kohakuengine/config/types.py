"""What may stand in for a config: protocols for objects of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from kohakuengine.config.base import Config


@runtime_checkable
class ConfigProvider(Protocol):
    """Makes configs when called, as a config file's `config_gen` does."""

    def __call__(self, worker_id: int | None = None) -> Config | Iterator[Config]:
        """Make one config, or an iterator of several.

        Args:
            worker_id: The slot of the worker that asks (from 0), or None outside of workers.
        """
        ...


@runtime_checkable
class Configurable(Protocol):
    """Takes a config, to act on it later."""

    def configure(self, config: Config) -> None:
        """Take over the values of a config."""
        ...
