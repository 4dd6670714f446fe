"""From flags to what a script runs with: nothing, one Config, or a sweep of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.config.sweep import Sweep
from kohakuengine.errors import ConfigValueError
from kohakuengine_cli.messages import say

if TYPE_CHECKING:
    from kohakuengine.engine.introspect import ScriptParameters
    from kohakuengine.engine.script import Script

__all__ = ["select", "select_each"]


def select_each(flags: argparse.Namespace, *, entrypoint: str | None = None) -> list[Script]:
    """The scripts of the flags, each with what it runs with."""
    from kohakuengine.engine.script import Script

    scripts = [Script(path, entrypoint=entrypoint) for path in flags.scripts]
    for script in scripts:
        # Each reads the file anew: a generator serves one script.
        script.config = select(script, flags)
    return scripts


def select(script: Script, flags: argparse.Namespace) -> Config | ConfigGenerator | None:
    """What `script` runs with: its config file, under ``--set``, spread by ``--sweep``, ``--zip``.

    Raises:
        KohakuEngineError: A flag or the file is wrong; the message says how.
        Exception: Whatever the config file raised.
    """
    base: Config | ConfigGenerator | None = None
    if flags.config is not None:
        from kohakuengine_cli.config_file import load

        base = load(flags.config, worker_id=None)
        if flags.strict:
            base = _strict(script, base)
    if not (flags.set or flags.sweep or flags.zip):
        return base
    return _combined(Config() if base is None else base, _read(script, flags))


def _strict(script: Script, base: Config | ConfigGenerator) -> Config | ConfigGenerator:
    """`base`, the names in it checked: at once, or as its configs are made."""
    from kohakuengine.config.overrides import refuse_unknown
    from kohakuengine.engine.introspect import script_parameters

    known = script_parameters(script)

    def checked(config: Config) -> Config:
        refuse_unknown(config.globals_dict, known.parameters, known.names)
        return config

    if isinstance(base, Config):
        return checked(base)
    if base.sweep is None:
        return ConfigGenerator(_each(base, lambda config: [checked(config)]), base.length)
    checked(base.sweep.base)
    refuse_unknown(base.sweep.axes, known.parameters, known.names)
    return base


class _Changes(NamedTuple):
    """What the flags change.

    Attributes:
        values: Names that get one value.
        grid: Axes that combine with each other and with all that is there.
        zipped: Axes that advance together.
    """

    values: dict[str, Any]
    grid: dict[str, list[Any]]
    zipped: dict[str, list[Any]]

    def over(self, sweep: Sweep) -> Sweep:
        return sweep.with_values(self.values).with_axes(self.grid, self.zipped)


def _read(script: Script, flags: argparse.Namespace) -> _Changes:
    """The texts of the flags as values of the types that the script's defaults have."""
    from kohakuengine.config import overrides
    from kohakuengine.engine.introspect import script_parameters

    known = script_parameters(script)
    values = [overrides.parse_assignment(text) for text in flags.set]
    grid, zipped = (
        [
            (key, overrides.split_values(text))
            for key, text in map(overrides.parse_assignment, texts)
        ]
        for texts in (flags.sweep, flags.zip)
    )
    set_keys = [key for key, _ in values]
    axes = [key for key, _ in grid + zipped]
    _refuse_repeated(set_keys, axes)
    if not flags.strict:
        _warn_of_unknown(script, known, [*dict.fromkeys(set_keys + axes)])
    options: dict[str, Any] = {"names": known.names, "strict": flags.strict}
    return _Changes(
        overrides.resolve_overrides(values, known.parameters, **options),
        overrides.resolve_axes(grid, known.parameters, **options),
        overrides.resolve_axes(zipped, known.parameters, **options),
    )


def _refuse_repeated(set_keys: Sequence[str], axes: Sequence[str]) -> None:
    for axis in axes:
        if axes.count(axis) > 1:
            raise ConfigValueError(f"{axis!r} is swept twice; give all of its values in one flag")
        if axis in set_keys:
            raise ConfigValueError(f"{axis!r} is swept, and given one value by --set")


def _warn_of_unknown(script: Script, known: ScriptParameters, keys: Sequence[str]) -> None:
    if known.names is None:  # a star import: nobody can tell what the script has
        return
    from kohakuengine.config.overrides import unknown_names

    for key, near in unknown_names(keys, known.names):
        hint = f" Did you mean {near!r}?" if near else ""
        say(f"Warning: {key!r} is not in {script.location}; it is set all the same.{hint}")


def _combined(base: Config | ConfigGenerator, changes: _Changes) -> Config | ConfigGenerator:
    sweep = Sweep(base) if isinstance(base, Config) else base.sweep
    if sweep is not None:
        changed = changes.over(sweep)
        return ConfigGenerator.from_sweep(changed) if changed.axes else next(iter(changed))
    assert isinstance(base, ConfigGenerator)
    points = changes.over(Sweep(Config())).length
    spread = _each(base, lambda config: changes.over(Sweep(config)))
    return ConfigGenerator(spread, None if base.length is None else base.length * points)


def _each(
    generator: ConfigGenerator, made: Callable[[Config], Iterable[Config]]
) -> Iterator[Config]:
    """What is made of each config of a user's generator; feedback reaches it."""
    feedback: Any = None
    try:
        while True:
            try:
                config = generator.send(feedback)
            except StopIteration:
                return
            for point in made(config):
                feedback = yield point
    finally:
        generator.close()
