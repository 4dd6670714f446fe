"""What a run gets: configs, the files they come from, and how one becomes many.

- `base`: `Config`; `use`; which module globals become config.
- `generator`: `ConfigGenerator`, a lazy stream of configs with feedback.
- `sweep`: grid and zip expansion.
- `slots`: configs that depend on the worker slot.
- `compose`: `use_config`, parents under children.
- `loader`: a file to a `Config` or a `ConfigGenerator`; `formats` reads those that are data,
  `siblings` is what a `.py` file may import.
- `plain`: what a run takes of a `Config`.
- `overrides`: ``KEY=VALUE``, as given on a command line.
- `transport`: how values cross a process border.

A name is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import CaptureGlobals as CaptureGlobals
    from kohakuengine.config.base import Config as Config
    from kohakuengine.config.base import Use as Use
    from kohakuengine.config.base import capture_globals as capture_globals
    from kohakuengine.config.base import use as use
    from kohakuengine.config.compose import use_config as use_config
    from kohakuengine.config.generator import ConfigGenerator as ConfigGenerator
    from kohakuengine.config.loader import ConfigLoader as ConfigLoader
    from kohakuengine.config.loader import load_config_file as load_config_file
    from kohakuengine.config.loader import load_from_dict as load_from_dict

_HOMES = {
    "CaptureGlobals": "base",
    "Config": "base",
    "ConfigGenerator": "generator",
    "ConfigLoader": "loader",
    "Use": "base",
    "capture_globals": "base",
    "load_config_file": "loader",
    "load_from_dict": "loader",
    "use": "base",
    "use_config": "compose",
}

__all__ = [
    "CaptureGlobals",
    "Config",
    "ConfigGenerator",
    "ConfigLoader",
    "Use",
    "capture_globals",
    "load_config_file",
    "load_from_dict",
    "use",
    "use_config",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
