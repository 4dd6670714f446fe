"""How values travel between a fork and who ordered it: as usual, or bare.

Most configs hold numbers and texts, and most scripts return such. For these, pickle's own C code
does it all; the general way takes a few dozen Python functions, each of which would cost a fork the
copies of the pages that it lies on. The first byte of a message says which way it went.
"""

from __future__ import annotations

from pickle import dumps
from typing import TYPE_CHECKING, Any

from kohakuengine.config import transport

if TYPE_CHECKING:
    from kohakuengine.config.base import Config

__all__ = [
    "BARE",
    "BARE_MARK",
    "BARE_TYPES",
    "PROTOCOL",
    "USUAL_MARK",
    "bare_config",
    "bare_value",
    "packed_config",
    "usual_config",
]

BARE = 1
BARE_MARK = bytes([BARE])
USUAL_MARK = b"\0"

# Exactly these, which pickle looks at without asking anybody.
BARE_TYPES = {bool, bytes, complex, float, int, str, type(None)}
PROTOCOL = 5


def packed_config(config: Config | None, *, what: str) -> bytes:
    """The message for a config.

    Args:
        config: The config; None, where there is none, is as one without values.
        what: See `kohakuengine.config.transport.dumps`.

    Raises:
        TransportError: A value cannot cross.
    """
    if config is None:
        return bare_config({})
    kinds = map(type, config.globals_dict.values())
    if config.args or config.kwargs or not BARE_TYPES.issuperset(kinds):
        return USUAL_MARK + transport.dumps(config, what=what)
    return bare_config(config.globals_dict)


def bare_config(values: dict[str, Any]) -> bytes:
    """The message for a config that holds nothing but values, and these of bare types."""
    return BARE_MARK + dumps(values, PROTOCOL)


def usual_config(message: bytes, config: Config | None) -> bytes:
    """What `kohakuengine.engine.exchange.Request` has as config, of which `message` was made."""
    if message[0] == BARE:
        return transport.dumps(config, what="a config")
    return message[1:]


def bare_value(value: Any) -> bytes | None:
    """The message for the value of a run that went well; None if it must go the usual way."""
    return BARE_MARK + dumps(value, PROTOCOL) if type(value) in BARE_TYPES else None
