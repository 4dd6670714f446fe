"""One script, one config, one value.

- `script`: `Script`: where the code is. `source`: read, parsed and kept.
- `outline`: what the top level holds. `entrypoint`: which function is called, and the call.
- `rewrite`: the script's code, asking for values where it assigns. `hook`: what answers it.
  `walrus`: what it does with ``:=``. `syntax`: what both it and `outline` need of `ast`.
- `process`: what a run changes in the interpreter and puts back.
- `executor`: a run in this process. `child`: in a fresh interpreter, where `child_main` does it;
  `exchange`: what crosses.
- `respawn`, `spawned`: processes that the script itself starts. `reimport`: a helper that imports
  the script.
- `ending`: errors, exit codes and tracebacks, as Python reports them. `notice`: our own warnings.
- `introspect`, `parameters`, `constants`, `names`, `cell`: what of a script can be overridden.
- `injector`: values into a module that is at hand already.

A name is loaded when it is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType

# As `typing.TYPE_CHECKING`, to type checkers too; typing would be most of this module's import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.overrides import coerce_globals as coerce_globals
    from kohakuengine.engine.cell import CellInfo as CellInfo
    from kohakuengine.engine.cell import evaluate_cell as evaluate_cell
    from kohakuengine.engine.cell import execute_with_cell as execute_with_cell
    from kohakuengine.engine.cell import has_cell as has_cell
    from kohakuengine.engine.cell import parse_cell as parse_cell
    from kohakuengine.engine.entrypoint import EntrypointFinder as EntrypointFinder
    from kohakuengine.engine.entrypoint import call_entrypoint as call_entrypoint
    from kohakuengine.engine.entrypoint import entrypoint as entrypoint
    from kohakuengine.engine.entrypoint import find_entrypoint as find_entrypoint
    from kohakuengine.engine.executor import ScriptExecutor as ScriptExecutor
    from kohakuengine.engine.injector import GlobalInjector as GlobalInjector
    from kohakuengine.engine.introspect import introspect as introspect
    from kohakuengine.engine.script import Script as Script
    from kohakuengine.errors import EntrypointNotFound as EntrypointNotFound
    from kohakuengine.errors import MultipleEntrypoints as MultipleEntrypoints

_HOMES = {
    "CellInfo": "engine.cell",
    "EntrypointFinder": "engine.entrypoint",
    "EntrypointNotFound": "errors",
    "GlobalInjector": "engine.injector",
    "MultipleEntrypoints": "errors",
    "Script": "engine.script",
    "ScriptExecutor": "engine.executor",
    "call_entrypoint": "engine.entrypoint",
    "coerce_globals": "config.overrides",
    "entrypoint": "engine.entrypoint",
    "evaluate_cell": "engine.cell",
    "execute_with_cell": "engine.cell",
    "find_entrypoint": "engine.entrypoint",
    "has_cell": "engine.cell",
    "introspect": "engine.introspect",
    "parse_cell": "engine.cell",
}

__all__ = [
    "CellInfo",
    "EntrypointFinder",
    "EntrypointNotFound",
    "GlobalInjector",
    "MultipleEntrypoints",
    "Script",
    "ScriptExecutor",
    "call_entrypoint",
    "coerce_globals",
    "entrypoint",
    "evaluate_cell",
    "execute_with_cell",
    "find_entrypoint",
    "has_cell",
    "introspect",
    "parse_cell",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"kohakuengine.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Engine(ModuleType):
    """This package. Two functions have the names of their modules, and the functions win.

    Whoever imports ``kohakuengine.engine.entrypoint`` makes Python set the module as this package's
    attribute; without this, ``from kohakuengine.engine import entrypoint`` would give that.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Engine
