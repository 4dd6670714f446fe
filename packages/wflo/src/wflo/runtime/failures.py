"""How an exception becomes the text that the journal keeps of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from traceback import FrameSummary, StackSummary, TracebackException

from wflo.models import StepFailure
from wflo.runtime.home import home

# An exception may have a whole answer of a server in its message.
_LONGEST_MESSAGE = 10_000
_LONGEST_TRACEBACK = 40_000


def failure_of(error: BaseException, step: str, iteration: int, attempt: int) -> StepFailure:
    """What the journal keeps of an exception."""
    return StepFailure(
        step=step,
        iteration=iteration,
        attempt=attempt,
        kind=kind_name(type(error)),
        kinds=kinds_of(error),
        message=_cut(message_of(error), _LONGEST_MESSAGE),
        traceback=_cut(traceback_text(error), _LONGEST_TRACEBACK),
    )


def kind_name(kind: type[BaseException]) -> str:
    """The name of an exception's class: qualified, unless it is built in.

    It is the same where the user's file is the program and where it was imported.
    """
    if kind.__module__ == "builtins":
        return kind.__qualname__
    module = home(kind.__module__).module
    if module in {"__main__", "wflo.runtime.child"}:  # of a script, whose module is gone
        return kind.__qualname__
    return f"{module}.{kind.__qualname__}"


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """The names of an exception's class and its bases, most derived first."""
    return tuple(kind_name(kind) for kind in type(error).__mro__ if _tells(kind))


def _tells(kind: type) -> bool:
    return issubclass(kind, BaseException) and kind is not BaseException


def message_of(error: BaseException) -> str:
    """What an exception says, whatever its ``__str__`` does."""
    try:
        return str(error)
    except Exception as broken:
        return f"<its message cannot be shown: {type(broken).__name__}>"


def first_line(error: BaseException) -> str:
    """An exception in one line: ``ValueError: what it says``."""
    message = message_of(error).strip().partition("\n")[0]
    kind = kind_name(type(error))
    return f"{kind}: {message}" if message else kind


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it, with the user's frames only; "" where there are none."""
    shown = TracebackException.from_exception(error)
    has_frames = False
    for part in _with_causes(shown):
        part.stack = StackSummary.from_list(_users(part.stack))
        has_frames = has_frames or bool(part.stack)
    if not has_frames and not isinstance(error, SyntaxError):
        return ""
    return "".join(shown.format())


def _with_causes(shown: TracebackException) -> Iterator[TracebackException]:
    """An exception as it is shown, and those that led to it or are grouped in it."""
    found = [shown]
    while found:
        part = found.pop()
        yield part
        context = None if part.__suppress_context__ else part.__context__
        found += [each for each in (part.__cause__, context) if each is not None]
        found += getattr(part, "exceptions", None) or []


def _users(stack: StackSummary) -> list[FrameSummary]:
    """The frames that are neither ours nor lead from ours to the user's."""
    frames = [frame for frame in stack if not frame.filename.startswith(_OURS)]
    while frames and frames[0].filename.startswith(_BEFORE):
        del frames[0]
    return frames


def _engine_folders() -> Iterator[str]:
    yield os.path.dirname(os.path.dirname(__file__)) + os.sep
    scripts = find_spec("kohakuengine")
    if scripts is not None and scripts.origin is not None:
        yield os.path.dirname(scripts.origin) + os.sep


_OURS = (*_engine_folders(), "<frozen importlib")
_BEFORE = os.path.join(os.path.dirname(os.__file__), "asyncio", "")  # where it awaits the user's


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters ...\n{text[-half:]}"
