"""Which frames of a traceback are the user's."""

from __future__ import annotations

import os
from types import TracebackType

import kohakuengine

__all__ = ["last_place", "users_frames"]

_OURS = (
    os.path.dirname(__file__) + os.sep,
    os.path.dirname(kohakuengine.__file__) + os.sep,
)
_LIBRARY = (os.path.dirname(os.__file__) + os.sep, "<")  # <frozen importlib>, <string>


def users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without our frames; None where no code of the user's led to the error."""
    frames = []
    while traceback is not None:
        if not _filename(traceback).startswith(_OURS):
            frames.append(traceback)
        traceback = traceback.tb_next
    if not frames or _is_library(_filename(frames[0])):
        return None
    kept: TracebackType | None = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def last_place(traceback: TracebackType | None) -> str:
    """``conf.py, line 3``: where the user's code was when the error came; "" if it was nowhere."""
    place = ""
    frame = users_frames(traceback)
    while frame is not None:
        if not _is_library(_filename(frame)):
            place = f"{_shown(_filename(frame))}, line {frame.tb_lineno}"
        frame = frame.tb_next
    return place


def _filename(traceback: TracebackType) -> str:
    return traceback.tb_frame.f_code.co_filename


def _is_library(filename: str) -> bool:
    return filename.startswith(_LIBRARY) or "site-packages" in filename


def _shown(path: str) -> str:
    here = os.getcwd() + os.sep
    return path.removeprefix(here)
