"""Config files, as the commands load them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kohakuengine.config.loader import load_config_file
from kohakuengine.errors import KohakuEngineError

if TYPE_CHECKING:
    from kohakuengine.config.base import Config
    from kohakuengine.config.generator import ConfigGenerator

__all__ = ["load"]


def load(path: str, worker_id: int | None = 0) -> Config | ConfigGenerator:
    """Load a config file; an error of ours notes the line of the file that led to it.

    Args:
        path: The file.
        worker_id: The slot that it is loaded for; with None, a flow asks for that of each run.

    Raises:
        KohakuEngineError: It is no config, or builds on one that is none.
        Exception: Whatever its code raised.
    """
    try:
        return load_config_file(path, worker_id)
    except KohakuEngineError as error:
        from kohakuengine_cli.frames import last_place

        place = last_place(error.__traceback__)
        if place:
            error.add_note(f"  in {place}")
        raise
