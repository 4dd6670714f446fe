"""`use_config()`: configs that build on others, parents under children."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from functools import reduce
from typing import TYPE_CHECKING, Any

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.errors import ConfigTypeError, ConfigValueError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import Self


def merge(parent: Config, child: Config) -> Config:
    """Lay a config over another one.

    Globals, kwargs and metadata merge by key, and the child wins; its args win unless it has none.
    Values are shared with both, not copied.
    """
    return Config(
        {**parent.globals_dict, **child.globals_dict},
        list(child.args or parent.args),
        {**parent.kwargs, **child.kwargs},
        {**parent.metadata, **child.metadata},
    )


class Loading:
    """One config file while its code runs: the parents that it names, and who asked for it.

    As a context manager it is what `use_config` reports to. It can be entered again, which is how
    the body of a `config_gen` generator, run long after its file was loaded, still has parents.

    Attributes:
        path: The file, absolute.
        worker_id: What the file's `config_gen` is given, and those of its parents.
        takes_worker: Whether one of them takes that.
        parents: What `use_config` returned, by real path, in the order in which they apply.
        child: The file that waits for this one, or None.
    """

    def __init__(self, path: str, worker_id: int | None) -> None:
        self.path = path
        self.worker_id = worker_id
        self.takes_worker = False
        self.parents: dict[str, Config] = {}
        self.child = _current.get()
        self._outer: Loading | None = None

    def __enter__(self) -> Self:
        self._outer = _current.get()
        _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _current.set(self._outer)

    def parent(self, path: str) -> Config:
        """Load a parent, once, and put it over the parents there are.

        Raises:
            ConfigValueError: The file is among those that are waiting for this very parent.
        """
        real = os.path.realpath(path)
        self._refuse_cycle(real)
        known = self.parents.pop(real, None)
        self.parents[real] = _load(path, self.worker_id) if known is None else known
        return self.parents[real]

    def _refuse_cycle(self, real: str) -> None:
        chain = [loading.path for loading in self._descendants()][::-1]
        for index, path in enumerate(chain):
            if os.path.realpath(path) == real:
                cycle = _shown([*chain[index:], path])
                raise ConfigValueError(f"Circular use_config() detected: {cycle}")

    def _descendants(self) -> Iterator[Loading]:
        loading: Loading | None = self
        while loading is not None:
            yield loading
            loading = loading.child

    def note_worker(self) -> None:
        """Note that a `config_gen` takes ``worker_id``, here and in the files that build on it."""
        for loading in self._descendants():
            loading.takes_worker = True

    def under(self, config: Config) -> Config:
        """Lay a config over the parents named so far."""
        return reduce(merge, [*self.parents.values(), config])

    def stream(self, configs: ConfigGenerator) -> Generator[Config, Any, None]:
        """Lay each config of a stream over a copy of the parents; feedback goes through."""
        feedback = None
        try:
            while True:
                with self:
                    config = configs.send(feedback)
                parents = [parent.copy() for parent in self.parents.values()]
                feedback = yield reduce(merge, [*parents, config])
        except StopIteration:
            return
        finally:
            configs.close()


_current: ContextVar[Loading | None] = ContextVar("kogine_loading", default=None)


def use_config(path: str | os.PathLike[str]) -> Config:
    """Build on another config file.

    In a config file the parent also comes under whatever that file defines: its globals, `CONFIG`,
    each config of its `config_gen` or `_sweep`. Of several parents, later ones win. Changes made to
    the returned config count.

    Args:
        path: The other file, relative to the file that calls.

    Returns:
        The parent's config, itself over the parents that it may have.

    Raises:
        ConfigNotFound: There is no such file.
        ConfigTypeError: The other file gives several configs.
        ConfigValueError: The other file builds, directly or not, on this one.
    """
    caller = sys._getframe(1).f_globals.get("__file__")  # noqa: SLF001 - whose file is it
    folder = os.path.dirname(os.path.abspath(caller)) if caller else os.getcwd()
    parent = os.path.normpath(os.path.join(folder, os.fspath(path)))
    loading = _current.get()
    return _load(parent, None) if loading is None else loading.parent(parent)


def _load(path: str, worker_id: int | None) -> Config:
    from kohakuengine.config.loader import load_config_file

    config = load_config_file(path, worker_id)
    if isinstance(config, ConfigGenerator):
        config.close()
        raise ConfigTypeError(
            f"use_config() cannot import a sweep/generator config: {path} gives several configs"
        )
    return config


def _shown(paths: list[str]) -> str:
    """The files of a cycle, by name where that tells them apart."""
    one_folder = len({os.path.dirname(path) for path in paths}) == 1
    return " -> ".join(os.path.basename(path) if one_folder else path for path in paths)
