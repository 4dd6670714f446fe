"""The runs of a flow that is not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.config.slots import expanding

if TYPE_CHECKING:
    from kohakuengine.config.base import Config
    from kohakuengine.engine.script import Script

__all__ = ["Plan", "Planned"]


@dataclass(slots=True)
class Planned:
    """A run that would be.

    Attributes:
        index: Its place, from 0.
        script: What would run.
        config: With what; of a config that depends on the worker slot, what slot 0 would get.
        by_worker: Whether it does.
    """

    index: int
    script: Script
    config: Config | None
    by_worker: bool


class Plan:
    """The runs of scripts, in order, each made when it is asked for; they can be gone through once.

    Attributes:
        scripts: Which.
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.scripts = scripts
        self._seen = 0
        self._runs = self._expanded()

    def __iter__(self) -> Iterator[Planned]:
        return self._runs

    def count(self) -> int:
        """How many runs there are in all. Where nobody can tell, those that are left are made."""
        lengths = [_length(script.config) for script in self.scripts]
        known = [length for length in lengths if length is not None]
        if len(known) == len(lengths):
            return sum(known)
        for _ in self._runs:
            pass
        return self._seen

    @property
    def seen(self) -> int:
        """How many were made so far."""
        return self._seen

    def _expanded(self) -> Iterator[Planned]:
        for script in self.scripts:
            for config in _configs(script.config):
                self._seen += 1
                yield _planned(self._seen - 1, script, config)


def _planned(index: int, script: Script, config: Config | None) -> Planned:
    if config is None or config.origin is None:
        return Planned(index, script, config, by_worker=False)
    return Planned(index, script, config.for_worker(0), by_worker=True)


def _configs(config: Config | ConfigGenerator | None) -> Iterator[Config | None]:
    if not isinstance(config, ConfigGenerator):
        yield config
        return
    try:
        while True:
            with expanding():  # as a flow does
                made = next(config)
            yield made
    except StopIteration:
        return
    except Exception as error:  # whatever the generator raises
        error.add_note("kogine plan runs nothing, so the generator is told of no results.")
        raise


def _length(config: Config | ConfigGenerator | None) -> int | None:
    return config.length if isinstance(config, ConfigGenerator) else 1
