"""How values travel between a fork and who ordered it: as usual, or bare.

Most configs hold numbers and texts, and most scripts return such. For these `marshal` does it all,
in C and without an object of its own; the general way takes a few dozen Python functions, each of
which would cost a fork the copies of the pages that it lies on. The first byte of a message says
which way it went.
"""

from __future__ import annotations

from marshal import dumps
from marshal import loads as bare_loads

from kohakuengine.config import transport

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import Config
    from kohakuengine.engine.script import Script

__all__ = [
    "BARE",
    "BARE_MARK",
    "USUAL_MARK",
    "bare_config",
    "bare_loads",
    "bare_value",
    "packed_config",
]

BARE = 1
BARE_MARK = bytes([BARE])
USUAL_MARK = b"\0"

# Exactly these: what `marshal` returns of them is the same in all respects.
_BARE_TYPES = {bool, bytes, complex, float, int, str, type(None)}


def packed_config(config: Config | None, script: Script) -> bytes:
    """The message for a config.

    Args:
        config: The config; None, where there is none, is as one without values.
        script: Whose config it is, for the error.

    Raises:
        TransportError: A value cannot cross.
    """
    if config is None:
        return bare_config({})
    kinds = map(type, config.globals_dict.values())
    if not (config.args or config.kwargs) and _BARE_TYPES.issuperset(kinds):
        try:
            return bare_config(config.globals_dict)
        except ValueError:  # odd names, or more than marshal can count
            pass
    return USUAL_MARK + transport.dumps(config, what=f"the config of {script.name}")


def bare_config(values: dict[str, Any]) -> bytes:
    """The message for a config that holds nothing but values, and these of bare types."""
    return BARE_MARK + dumps(values)


def bare_value(value: Any) -> bytes | None:
    """The message for the value of a run that went well; None if it must go the usual way."""
    if type(value) not in _BARE_TYPES:
        return None
    try:
        return BARE_MARK + dumps(value)
    except ValueError:  # more than marshal can count
        return None
