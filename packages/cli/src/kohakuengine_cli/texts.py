"""How values, configs, errors and times look in a line, or in a cell of a table."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from enum import Enum
from numbers import Number
from reprlib import Repr
from types import FunctionType
from typing import TYPE_CHECKING, Any

from kohakuengine.config.deferred import DeferredText

if TYPE_CHECKING:
    from kohakuengine.config.base import Config
    from kohakuengine.flow.runs import RunResult, RunStatus

__all__ = [
    "config_texts",
    "config_values",
    "cut",
    "duration_text",
    "failure_text",
    "is_number_text",
    "outcome_texts",
    "path_text",
    "plain",
    "rate_text",
    "reason_text",
    "run_text",
    "status_text",
    "stopping_text",
    "time_text",
    "value_text",
]

_MAX_NAMED = 32  # characters of a value that stands among others in a line

_NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf|nan|", re.IGNORECASE)

_SCALARS = (str, Number, type(None))


class _Glance(Repr):
    """How much of a value is looked at, which is not how much is shown.

    It is enough to tell two of them apart, and needs no second for a list of a million items.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxtuple = self.maxlist = self.maxarray = self.maxdeque = 40
        self.maxdict = self.maxset = self.maxfrozenset = 40
        self.maxlong = 80
        self.maxstring = self.maxother = 400


_glance = _Glance()


def plain(value: Any) -> Any:
    """The number that a scalar of numpy, torch and their kin holds; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () else value


def value_text(value: Any) -> str:
    """A value as one writes it on the command line; on one line, but not shortened to fit it."""
    if isinstance(value, DeferredText):
        value = value.text
    value = plain(value)
    if isinstance(value, Enum):
        return str(value) if isinstance(value, str) else f"{type(value).__name__}.{value.name}"
    if isinstance(value, (type, FunctionType)):
        return value.__qualname__
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, str) and value.strip():
        return _one_line(value[: _glance.maxstring])
    return _one_line(_glance.repr(value))


def _one_line(text: str) -> str:
    """`text` without line ends, and without what would steer the terminal."""
    line = " ".join(text.split())
    return line if line.isprintable() else line.encode("unicode_escape").decode()


def config_values(config: Config | None) -> dict[str, Any]:
    """All that a config gives to a script, by the name that one would give it by."""
    if config is None:
        return {}
    if not (config.args or config.kwargs):
        return config.globals_dict
    return {
        **config.globals_dict,
        **{f"args[{i}]": value for i, value in enumerate(config.args)},
        **{f"--{name}": value for name, value in config.kwargs.items()},
    }


def config_texts(config: Config | None) -> dict[str, str]:
    """`config_values`, as one reads them."""
    return {name: value_text(value) for name, value in config_values(config).items()}


def run_text(config: Config | None) -> list[str]:
    """What tells a run from the others: the axes of its sweep, else all that it is given."""
    texts = config_texts(config)
    axes = {name: text for name, text in texts.items() if config and name in config.metadata}
    return [f"{name}={cut(text, _MAX_NAMED)}" for name, text in (axes or texts).items()]


def outcome_texts(result: RunResult) -> dict[str, str]:
    """What a run returned, by column: a flat dict has its keys, anything else is a ``value``."""
    value = result.value
    if value is None:
        return {}
    if isinstance(value, Mapping) and value and all(map(_is_flat, value.items())):
        return {name: _measured(item) for name, item in value.items()}
    return {"value": _measured(value)}


def reason_text(result: RunResult) -> str:
    """Why a run did not succeed, in one line, without the script's name where that comes first."""
    location = result.script.location
    text = _one_line(str(result.error or "").partition("\n")[0])
    for words in (": ", " failed with exit code "):
        if text.startswith(location + words):
            rest = text.removeprefix(location + words)
            return rest if words == ": " else rest.partition(": ")[2]
    return text


def is_number_text(text: str) -> bool:
    """Whether it is a number, or nothing, and so belongs at the right of its column."""
    return _NUMBER.fullmatch(text) is not None


def status_text(status: RunStatus) -> str:
    """How a run ended, as one says it of the run: it ``timed out``."""
    return {"success": "succeeded", "timeout": "timed out"}.get(status, status)


def failure_text(result: RunResult) -> str:
    """What failures of a kind have in common, by one of them: why it failed, and where."""
    where = getattr(result.error, "where", "")
    failed = str(result.status) == "failed"
    why = reason_text(result) if failed else f"{status_text(result.status)}: {reason_text(result)}"
    return f"{why} ({where})" if where else why


def cut(text: str, width: int, *, end: str = "…") -> str:
    """`text` in no more than `width` characters."""
    return text if len(text) <= width else text[: width - len(end)] + end


def duration_text(seconds: float) -> str:
    """``3.2 ms``, ``0.4 s``, ``1:05``, ``2:00:00``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def time_text(seconds: float) -> str:
    """A time that goes on, in whole seconds: ``3 s``, ``1:05``, ``2:00:00``."""
    return f"{seconds:.0f} s" if seconds < 99.5 else duration_text(seconds)


def rate_text(per_second: float) -> str:
    """``1250/s``, ``8.1/s``, ``12/min``, ``0.5/h``."""
    rates = {"s": per_second, "min": per_second * 60, "h": per_second * 3600}
    unit = next((unit for unit, rate in rates.items() if rate >= 0.95), "h")  # 0.95: shown as 1.0
    return f"{rates[unit]:.0f}/{unit}" if rates[unit] >= 9.95 else f"{rates[unit]:.1f}/{unit}"


def path_text(path: str) -> str:
    """A path from here, where it leads below; else as it is."""
    return path.removeprefix(os.getcwd() + os.sep)


def stopping_text(interrupts: int, runs: int, grace_s: float) -> str:
    """What happens to the runs that are under way when a flow is told to stop."""
    noun = f"{runs} {'run' if runs == 1 else 'runs'}"
    if interrupts > 1:
        return f"Stopping: killing {noun}."
    wait = f"waiting up to {grace_s:g} s for {noun}"
    return f"Stopping: {wait}; press Ctrl-C again to kill {'it' if runs == 1 else 'them'}."


def _is_flat(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(plain(item[1]), _SCALARS)


def _measured(value: Any) -> str:
    """A result: of a long float the digits that one reads, and --json has the others."""
    value = plain(value)
    text = value_text(value)
    is_long = isinstance(value, float) and math.isfinite(value) and len(text) > 10
    return f"{value:.6g}" if is_long else text
