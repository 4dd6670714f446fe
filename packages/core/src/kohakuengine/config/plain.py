"""What a run takes of a `Config`, for processes that do nothing but that run.

`Config` is a dataclass, and `dataclasses` takes longer to import than most scripts take to start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import Config

__all__ = ["PlainConfig"]


class PlainConfig:
    """Values for a script's globals, and the arguments of its entrypoint; see `Config`."""

    __slots__ = ("args", "globals_dict", "kwargs")

    def __init__(
        self,
        globals_dict: Mapping[str, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.globals_dict = globals_dict
        self.args = args
        self.kwargs = kwargs or {}

    @classmethod
    def of(cls, config: Config) -> PlainConfig:
        """Those of a config."""
        return cls(config.globals_dict, config.args, config.kwargs)
