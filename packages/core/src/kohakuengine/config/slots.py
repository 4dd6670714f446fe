"""Configs that depend on the worker slot of the run that gets them.

A file whose `config_gen` takes ``worker_id`` is loaded again for each slot of a flow. A config from
such a file remembers that, by an `Origin`; the flow asks it for its slot's version when the slot is
known (`Config.for_worker`).
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from kohakuengine.config.base import Config, copy_value, copy_values
from kohakuengine.errors import ConfigValueError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from kohakuengine.config.generator import ConfigGenerator

# How many configs of a slot are kept, for retries that come soon. A guess.
_RECENT = 64

_expanding: ContextVar[bool] = ContextVar("kogine_expanding", default=False)


@contextmanager
def expanding() -> Iterator[None]:
    """Within it, a flow takes configs from generators, to run each in a worker slot."""
    token = _expanding.set(True)
    try:
        yield
    finally:
        _expanding.reset(token)


class SlotFile:
    """A config file that is loaded for one slot after the other, each when it is first needed.

    Args:
        path: The file, absolute.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._configs: dict[int, Config] = {}
        self._streams: dict[int, _Stream] = {}

    def config(self, slot: int) -> Config:
        """The config of a file that gives one, or the base of one that gives a sweep."""
        known = self._configs.get(slot)
        if known is None:
            loaded = self._loaded(slot)
            if not isinstance(loaded, Config):
                sweep = loaded.sweep
                if sweep is None:
                    raise self._error(slot, "gives several configs, where without it there is one")
                loaded = sweep.base
            known = self._configs[slot] = loaded
        return known.copy()

    def item(self, slot: int, index: int) -> Config:
        """The config with this index, from 0, of the generator that the file gives for the slot.

        Raises:
            ConfigValueError: There are fewer.
        """
        stream = self._streams.get(slot)
        if stream is None or not stream.reaches(index):
            stream = self._streams[slot] = _Stream(self.generator(slot))
        config = stream.item(index)
        if config is None:
            count = stream.given
            raise self._error(slot, f"gives {count} configs, and a run needs number {index + 1}")
        return config.copy()

    def generator(self, slot: int) -> ConfigGenerator:
        """What a file that gives a generator gives for the slot."""
        loaded = self._loaded(slot)
        if isinstance(loaded, Config):
            raise self._error(slot, "gives one config, where without it there are several")
        return loaded

    def stream(self, unasked: ConfigGenerator) -> Generator[Config, Any, None]:
        """The configs of a generator, each with its origin; feedback goes through.

        In a flow they are those of slot 0, which is why nothing is asked of slot 0 twice.

        Args:
            unasked: What the file gives where it is not told a slot.
        """
        slot = 0 if _expanding.get() else None
        configs = unasked
        if slot is not None:
            unasked.close()
            configs = self.generator(slot)
        feedback, index = None, 0
        try:
            while True:
                config = configs.send(feedback)
                feedback = yield with_origin(config, Origin(self, config, slot, index=index))
                index += 1
        except StopIteration:
            return
        finally:
            configs.close()

    def _loaded(self, slot: int) -> Config | ConfigGenerator:
        from kohakuengine.config.loader import load_config_file

        return load_config_file(self._path, slot)

    def _error(self, slot: int, what: str) -> ConfigValueError:
        return ConfigValueError(f"{self._path}: with worker_id={slot}, config_gen() {what}")


class _Stream:
    """The configs that a generator gives, by their index; only the last ones are kept."""

    def __init__(self, configs: ConfigGenerator) -> None:
        self._configs = configs
        self._recent: deque[Config] = deque(maxlen=_RECENT)
        self.given = 0

    def reaches(self, index: int) -> bool:
        return index >= self.given - len(self._recent)

    def item(self, index: int) -> Config | None:
        while self.given <= index:
            config = next(self._configs, None)
            if config is None:
                return None
            self._recent.append(config)
            self.given += 1
        return self._recent[index - self.given]


class Origin:
    """Where a config comes from, and what it was there.

    What was put on top of the config that the file gave stays there: names that a sweep or an
    override set, and whatever was assigned in its dicts. A value that was changed in place is the
    file's still.

    Args:
        file: The file.
        loaded: The config as the file gave it.
        slot: The slot for which it was loaded; None if it was not told one.
        index: Its place in the generator that the file gives; None if the file gives one config.
        on_top: Names that were put on top even where their values are the same.
    """

    __slots__ = ("_file", "_index", "_loaded", "_on_top", "_slot")

    def __init__(
        self,
        file: SlotFile,
        loaded: Config,
        slot: int | None = None,
        *,
        index: int | None = None,
        on_top: frozenset[str] = frozenset(),
    ) -> None:
        self._file = file
        # The very values, in dicts of its own: a value assigned later is another object.
        self._loaded = Config(
            dict(loaded.globals_dict),
            list(loaded.args),
            dict(loaded.kwargs),
            dict(loaded.metadata),
        )
        self._slot = slot
        self._index = index
        self._on_top = on_top

    def on_top(self, names: Iterable[str]) -> Origin:
        """The origin of a config of which these globals were set on top."""
        return self._changed(self._loaded, self._on_top.union(names))

    def copied(self, memo: dict[int, Any]) -> Origin:
        """The origin of a copy of the config; `memo` is what `copy.deepcopy` copied for that."""
        loaded = self._loaded
        copy = Config(
            copy_values(loaded.globals_dict, memo),
            [copy_value(value, memo) for value in loaded.args],
            copy_values(loaded.kwargs, memo),
            copy_values(loaded.metadata, memo),
        )
        return self._changed(copy, self._on_top)

    def _changed(self, loaded: Config, on_top: frozenset[str]) -> Origin:
        return Origin(self._file, loaded, self._slot, index=self._index, on_top=on_top)

    def for_worker(self, config: Config, slot: int) -> Config:
        """The config as the file gives it for a slot, with what was put on top of `config`."""
        if slot == self._slot:
            return config
        fresh = (
            self._file.config(slot) if self._index is None else self._file.item(slot, self._index)
        )
        was = self._loaded
        same_args = len(config.args) == len(was.args) and all(
            one is other for one, other in zip(config.args, was.args, strict=True)
        )
        return Config(
            self._over(fresh.globals_dict, config.globals_dict, was.globals_dict),
            fresh.args if same_args else config.args,
            self._over(fresh.kwargs, config.kwargs, was.kwargs),
            self._over(fresh.metadata, config.metadata, was.metadata),
        )

    def _over(
        self, fresh: dict[str, Any], now: dict[str, Any], was: dict[str, Any]
    ) -> dict[str, Any]:
        """`fresh`, with the changes that made `now` of `was`."""
        removed = was.keys() - now.keys()
        kept = {name: value for name, value in fresh.items() if name not in removed}
        changed = {
            name: value
            for name, value in now.items()
            if name in self._on_top or name not in was or value is not was[name]
        }
        return {**kept, **changed}


def with_origin(config: Config, origin: Origin) -> Config:
    """Note in a config where it came from, and return it."""
    config.origin = origin
    return config
