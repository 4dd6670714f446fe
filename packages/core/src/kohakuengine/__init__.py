"""Run any Python script, unmodified, under a configuration that is plain Python.

The rooms, each using only those before it:

    errors    every error, as one tree
    config    what a run gets: Config, files, sweeps, overrides, and how all of it crosses processes
    engine    one script, one config, one value
    flow      which runs, in which order, and where they happen
    main      run(), the one-call interface

`import kohakuengine` imports none of them: a name is loaded when it is first used.
"""

from __future__ import annotations

# As `typing.TYPE_CHECKING`, to type checkers too; importing typing would be most of our import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from kohakuengine.config.base import CaptureGlobals as CaptureGlobals
    from kohakuengine.config.base import Config as Config
    from kohakuengine.config.base import Use as Use
    from kohakuengine.config.base import capture_globals as capture_globals
    from kohakuengine.config.base import use as use
    from kohakuengine.config.compose import use_config as use_config
    from kohakuengine.config.generator import ConfigGenerator as ConfigGenerator
    from kohakuengine.config.loader import load_config_file as load_config_file
    from kohakuengine.config.loader import load_from_dict as load_from_dict
    from kohakuengine.config.overrides import coerce_globals as coerce_globals
    from kohakuengine.engine.entrypoint import entrypoint as entrypoint
    from kohakuengine.engine.executor import ScriptExecutor as ScriptExecutor
    from kohakuengine.engine.introspect import introspect as introspect
    from kohakuengine.engine.script import Script as Script
    from kohakuengine.errors import EntrypointNotFound as EntrypointNotFound
    from kohakuengine.errors import MultipleEntrypoints as MultipleEntrypoints
    from kohakuengine.flow.flow import Flow as Flow
    from kohakuengine.flow.sequential import Pipeline as Pipeline
    from kohakuengine.flow.sequential import Sequential as Sequential
    from kohakuengine.main import run as run

    __version__: str

_HOMES = {
    "CaptureGlobals": "config.base",
    "Config": "config.base",
    "ConfigGenerator": "config.generator",
    "EntrypointNotFound": "errors",
    "Flow": "flow.flow",
    "MultipleEntrypoints": "errors",
    "Pipeline": "flow.sequential",
    "Script": "engine.script",
    "ScriptExecutor": "engine.executor",
    "Sequential": "flow.sequential",
    "Use": "config.base",
    "capture_globals": "config.base",
    "coerce_globals": "config.overrides",
    "entrypoint": "engine.entrypoint",
    "introspect": "engine.introspect",
    "load_config_file": "config.loader",
    "load_from_dict": "config.loader",
    "run": "main",
    "use": "config.base",
    "use_config": "config.compose",
}

# Names that users expect here and that live in sibling distributions: name -> (module, pip extra).
_SIBLINGS = {"Parallel": ("kohakuengine_parallel", "parallel")}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        return public_names({"__version__", *_HOMES, *_SIBLINGS})
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("kohakuengine-core")
    else:
        return lazy_sibling(__name__, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})


def public_names(names: Iterable[str]) -> list[str]:
    """Those of `names` that are here, sorted: not what an absent sibling would provide."""
    from importlib.util import find_spec

    absent = {name for name, (module, _) in _SIBLINGS.items() if find_spec(module) is None}
    return sorted(set(names) - absent)


def lazy_sibling(asked: str, name: str) -> Any:
    """A name that a sibling distribution provides under one of this package's modules.

    Args:
        asked: The module that was asked for the name.
        name: The name.

    Raises:
        AttributeError: No sibling provides the name.
        MissingDistribution: See `sibling`.
    """
    if name not in _SIBLINGS:
        raise AttributeError(f"module {asked!r} has no attribute {name!r}")
    module, extra = _SIBLINGS[name]
    return getattr(sibling(module, extra, needed_for=name), name)


def sibling(module: str, extra: str, *, needed_for: str) -> Any:
    """Import a sibling distribution's package.

    Args:
        module: The package.
        extra: The extra of ``kohakuengine`` that installs it.
        needed_for: What it provides, in words.

    Raises:
        MissingDistribution: It is not installed; the message is the line that does it.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise  # the sibling is there, and something that it needs is not
        from kohakuengine.errors import MissingDistribution

        line = f'pip install "kohakuengine[{extra}]"'
        raise MissingDistribution(f"{needed_for} is not installed. Install it: {line}") from None
