"""What a fork of the zygote does that runs a script: before the script, and after it.

It has what `command` gives it, and random numbers that nobody else has.

Up to the script's first line, and from its last line on, this is written for few copies of pages:
few functions of Python's, and C functions by names of their own, not looked up in their modules.
"""

from __future__ import annotations

import io
import os
import sys
from _thread import _count as count_threads
from atexit import _ncallbacks as count_exit_handlers
from atexit import _run_exitfuncs as run_exit_handlers
from functools import partial
from gc import collect
from gc import enable as enable_collector
from gc import get_objects as collected_objects
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import islice
from marshal import loads as unmarshalled
from os import _exit, getpid
from sys import modules
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
    TracebackType,
)
from weakref import ReferenceType

from kohakuengine.config import transport
from kohakuengine.engine.ending import reported_status
from kohakuengine.engine.exchange import attempted, report_of
from kohakuengine.engine.executor import Outcome, run_script
from kohakuengine.engine.respawn import RespawningMain
from kohakuengine.engine.script import Script
from kohakuengine_parallel.zygote.command import CANNOT_START, say, settle
from kohakuengine_parallel.zygote.family import flush_c_streams
from kohakuengine_parallel.zygote.reports import OVER, WHOLE, send_report
from kohakuengine_parallel.zygote.values import BARE, USUAL_MARK, bare_loads, bare_value

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from kohakuengine.engine.exchange import Report
    from kohakuengine.engine.executor import Standby
    from kohakuengine_parallel.zygote.command import Family
    from kohakuengine_parallel.zygote.order import Kind
    from kohakuengine_parallel.zygote.reports import Way

__all__ = ["become_run", "do", "hold_files", "is_flushed", "is_plain"]

_NOT_FLUSHED = 120  # Python's own status where the standard streams cannot be written out


def become_run(
    key: int, kind: bytes, task: bytes, channel: int, standby: Standby | None, zygote: Family
) -> NoReturn:
    """Do a run, and end with it.

    Args:
        key: See `Fork`; so are `kind` and `task`.
        kind: See there.
        task: See there.
        channel: A socket from which its config comes, or -1.
        standby: The run as far as it has been prepared.
        zygote: Whose fork this is.
    """
    try:
        environment, log, limit, config, instead = unmarshalled(task)  # noqa: S302 - from our parent
        settle(zygote, environment, log, limit)
        if config is None:
            config = _received(channel)
        enable_collector()
        count = len(modules)
        report, error = do(kind, config, standby)
        _leave(error, count, zygote[2], key, report, instead)
    except BaseException as error:  # nothing may return to where the zygote forked
        say(error)
    finally:
        _exit(CANNOT_START)


# -- a run -----------------------------------------------------------------------------------------


def do(kind: bytes, config: bytes, standby: Standby | None) -> tuple[bytes, BaseException | None]:
    """Do a run, and return its report and the error by which the script ended.

    Args:
        kind: See `Fork`.
        config: See `Task`.
        standby: See `become_run`.
    """
    # Not `get`, for which a method would be made, as for all that is imported by its name.
    if "numpy.random" in modules:  # `random` sees to that itself
        modules["numpy.random"].seed()
    if standby is not None and config[0] == BARE:
        take = standby.take  # an attribute, and for a method's call looked up as if it were none
        take(bare_loads(config[1:]))
        came, error = attempted(standby.go)
    else:
        came, error = attempted(partial(_outcome, kind, config, standby))
    return (type(came) is Outcome and bare_value(came.value)) or _packed(came), error


def _received(channel: int) -> bytes:
    from kohakuengine_parallel.channel import FarEnd  # held from the first long config on

    message = FarEnd(channel, "").receive()
    if message is None:  # who sent it is gone
        os._exit(CANNOT_START)
    os.close(channel)
    return message


def _outcome(kind: bytes, message: bytes, standby: Standby | None) -> Outcome:
    """The outcome of a run whose config came the usual way, or that could not be prepared."""
    from kohakuengine.config.base import Config  # held from the first config that needs it on

    made: Kind = unmarshalled(kind)  # noqa: S302 - from our own parent
    (location, argv0, entrypoint, argv, strict), names, _, _ = made
    config = None
    if names is not None:
        bare = message[0] == BARE
        config = Config(bare_loads(message[1:])) if bare else transport.loads(message[1:])
    if standby is not None and config is not None:
        standby.take(config.globals_dict, config.args, config.kwargs)
    if standby is not None:
        return standby.go()
    # It could not be prepared, and this will say why.
    script = Script(location, entrypoint=entrypoint)
    script.argv0 = argv0
    return run_script(script, config, argv=argv, strict=strict, last=True)


def _packed(came: Outcome | Report) -> bytes:
    told = report_of(came.value) if isinstance(came, Outcome) else came
    return USUAL_MARK + transport.dumps(told, what="the report of a run")


# -- and its end -----------------------------------------------------------------------------------


def _leave(
    error: BaseException | None, count: int, to: Way, key: int, report: bytes, instead: str
) -> NoReturn:
    """End as Python ends a script, as far as that can be seen from outside.

    What was there before the script is not taken apart, which would take longer than most scripts.

    Args:
        error: By what the script ended.
        count: How many modules there were before.
        to: See `send_report`; so are the other three.
        key: See there.
        report: See there.
        instead: See there.
    """
    status, owner = 1, 0
    try:
        status = 0 if error is None else reported_status(error)
        main = vars(modules["__main__"]) if "__main__" in modules else {}
        if _has_threads() or count_exit_handlers() or not is_plain(main):
            # Code of the script's comes now, which may never end: too late to lose the report.
            send_report(to, key, report, instead, WHOLE)
            report, owner = b"", getpid()
            _finish(main, count)
        elif _held_files:
            _flush_files()
        if not _are_flushed():
            status = _NOT_FLUSHED
    except BaseException as failure:
        say(failure)
    try:
        if owner and getpid() != owner:
            pass  # a handler has forked, and this is the fork
        elif not status:
            send_report(to, key, report, instead, OVER)
        elif report:
            send_report(to, key, report, instead, WHOLE)
    except OSError as failure:
        say(failure)
    finally:
        _exit(status)


def _has_threads() -> bool:
    """Whether Python's exit would find anything to wait for."""
    if "threading" not in modules:
        return False
    return bool(count_threads() or modules["threading"]._threading_atexits)  # noqa: SLF001


def _finish(main: dict[str, object], count: int) -> None:
    """Have the script do what it still has to: threads, handlers, finalizers, files.

    Args:
        main: The namespace of the script.
        count: How many modules there were before it.
    """
    if _has_threads():
        modules["threading"]._shutdown()  # noqa: SLF001
    run_exit_handlers()
    if not is_plain(main):
        _let_go(main, count)
    _flush_files()


def is_plain(namespace: dict[str, object]) -> bool:
    """Whether nothing happens when all is forgotten that is there, and not held since before.

    Args:
        namespace: The script's.
    """
    # In C, and without a list that would keep what is let go.
    if not _WITHOUT_END.issuperset(map(type, collected_objects())):
        return False
    return _WITHOUT_END.issuperset(map(type, namespace.values()))


# What can be forgotten without anything happening by it: no finalizer, no file, no foreign memory.
_WITHOUT_END: set[type] = {
    bool,
    bytearray,
    bytes,
    classmethod,
    complex,
    dict,
    float,
    frozenset,
    int,
    list,
    property,
    range,
    set,
    slice,
    staticmethod,
    str,
    tuple,
    type,
    type(None),
    type(...),
    type(NotImplemented),
    type(iter([])),
    BuiltinFunctionType,
    CellType,
    CodeType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleSpec,
    ModuleType,
    ReferenceType,
    RespawningMain,
    SourceFileLoader,
    TracebackType,
}


def _let_go(main: dict[str, object], count: int) -> None:
    """Let go of what the script's modules hold, in Python's order, so that finalizers are run.

    Args:
        main: The namespace of the script.
        count: How many modules there were before.
    """
    _clear_module(main)
    # From the end, for looking at one of those before copies its page. All of them first: by what
    # is let go, others may go too.
    new = [modules[name] for name in islice(reversed(modules), max(0, len(modules) - count))]
    for module in reversed(new):
        if isinstance(module, ModuleType):  # scripts put other things there as well: None, say
            _clear_module(vars(module))
    collect()


def _clear_module(namespace: dict[str, object]) -> None:
    # https://docs.python.org/3/reference/datamodel.html#object.__del__: names that begin with one
    # underscore first.
    for private in (True, False):
        for name in list(namespace):
            is_private = name.startswith("_") and not name.startswith("__")
            if is_private == private and name != "__builtins__":
                namespace[name] = None


def hold_files() -> None:
    """Write out what held modules have in their files' buffers, and know these files in forks.

    There the collector does not list them any more.
    """
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    own = [part for stream in streams if stream is not None for part in (stream, stream.buffer)]
    for obj in collected_objects():
        if type(obj) in _BUFFERED and obj not in own:
            is_flushed(obj)
            _held_files.append(obj)


_held_files: list[Any] = []


def _flush_files() -> None:
    for obj in [*_held_files, *collected_objects()]:
        if type(obj) in _BUFFERED:
            is_flushed(obj)


def _are_flushed() -> bool:
    """Write out what is in the buffers of the standard streams; False if Python's could not be."""
    stdout, stderr = getattr(sys, "stdout", None), getattr(sys, "stderr", None)
    flushed = is_flushed(stdout) & is_flushed(stderr)
    if stdout is not sys.__stdout__:  # what the script put in its place is another file
        is_flushed(sys.__stdout__)
    if stderr is not sys.__stderr__:
        is_flushed(sys.__stderr__)
    flush_c_streams()
    return flushed


def is_flushed(stream: Any) -> bool:
    """Write out what is in a file's buffers; False if it could not be."""
    try:
        if stream is not None:
            stream.flush()
    except Exception:  # it may be anything
        # Not asked before, for that touches more pages than the rest.
        return bool(getattr(stream, "closed", False))
    return True


_BUFFERED = {io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom}
