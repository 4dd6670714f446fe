"""Which runs, in which order, and where they happen.

- `base`: `Workflow`, and `ScriptWorkflow`: scripts, each with its config or its sweep.
- `sequential`: `Sequential`, `Pipeline`.
- `parallel`: where `Parallel` has always been imported from.
- `flow`: `Flow`, one constructor for all of them.
- `driver`: the loop over the runs: window, order, retries, feedback, who is told.
- `executors`: where runs happen: the interface, two executors, the registry.
- `runs`: what is asked of a run, and what came of it.

A name is loaded when it is first used.
"""

from __future__ import annotations

from kohakuengine import lazy_sibling, public_names

# As `typing.TYPE_CHECKING`, to type checkers too; typing would be most of this module's import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.flow.flow import Flow as Flow
    from kohakuengine.flow.sequential import Pipeline as Pipeline
    from kohakuengine.flow.sequential import Sequential as Sequential

_HOMES = {"Flow": "flow", "Pipeline": "sequential", "Sequential": "sequential"}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return public_names({"Parallel", *_HOMES})
    if name not in _HOMES:
        return lazy_sibling(__name__, name)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
