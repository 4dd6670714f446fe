"""What a fork of the zygote does: before and after its script, or until a command takes its place.

It has what a process that a shell started would have: a session of its own, the usual signal
handlers, no other files than its streams, and random numbers that nobody else has.

Up to the script's first line, and from its last line on, this is written for few copies of pages:
few functions of Python's, and C functions by names of their own, not looked up in their modules.
"""

from __future__ import annotations

import io
import os
import sys
from _signal import (  # type: ignore[import-not-found]  # those of `signal` turn numbers into enums
    SIG_DFL,
    SIGCHLD,
    set_wakeup_fd,
)
from _signal import signal as set_handler
from _thread import _count as count_threads
from atexit import _run_exitfuncs as run_exit_handlers
from functools import partial
from gc import collect
from gc import enable as enable_collector
from gc import get_objects as collected_objects
from importlib.machinery import ModuleSpec, SourceFileLoader
from marshal import loads as unmarshalled
from os import _exit, close, dup2, getppid, putenv, setsid
from os import open as open_file
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
from kohakuengine_parallel.channel import FarEnd
from kohakuengine_parallel.memory import limit_memory
from kohakuengine_parallel.zygote.family import die_with_parent, flush_c_streams
from kohakuengine_parallel.zygote.reports import send_report
from kohakuengine_parallel.zygote.values import BARE, USUAL_MARK, bare_loads, bare_value

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from kohakuengine.engine.exchange import Report
    from kohakuengine.engine.executor import Standby
    from kohakuengine_parallel.zygote.order import Environment, Kind, Start
    from kohakuengine_parallel.zygote.reports import Way

__all__ = ["become_command", "become_run", "do", "hold_files"]

# Of the zygote: its process id, its files, and the way for reports.
Family = tuple[int, tuple[int, ...], "Way"]

# What is behind `os.environ`, which takes eight functions to set a variable.
_environ: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001

_CANNOT_START = 127  # as in shells
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_NOT_FLUSHED = 120  # Python's own status where the standard streams cannot be written out


def become_command(order: Start, channel: int, zygote: Family) -> NoReturn:
    """Have a command take the place of this fork.

    Args:
        order: The command.
        channel: The socket to who ordered it, or -1.
        zygote: Whose fork this is.
    """
    try:
        _settle(zygote, *order[2:5])
        command = order.command
        if channel >= 0:
            os.set_inheritable(channel, True)
            command = [*command, str(channel)]
        os.execv(command[0], command)  # noqa: S606 - a list, no shell
    except BaseException as error:  # nothing may return to where the zygote forked
        _say(error)
    finally:
        os._exit(_CANNOT_START)


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
        _settle(zygote, environment, log, limit)
        if config is None:
            config = _received(channel)
        enable_collector()
        count = len(modules)
        report, error = do(kind, config, standby)
        send_report(zygote[2], key, report, instead)
        _leave(error, count)
    except BaseException as error:  # nothing may return to where the zygote forked
        _say(error)
    finally:
        _exit(_CANNOT_START)


def _settle(
    zygote: Family,
    environment: Environment,
    log: str,
    memory_limit_mb: int | None,
) -> None:
    pid, files, _ = zygote
    for file in files:
        close(file)
    setsid()
    die_with_parent()
    if getppid() != pid:  # it ended before that
        _exit(_CANNOT_START)
    set_wakeup_fd(-1)
    set_handler(SIGCHLD, SIG_DFL)
    try:
        output = open_file(log, _APPEND, 0o600)
    except OSError:  # the disk is full, and a run is worth more than its log
        output = open_file(os.devnull, os.O_WRONLY)
    dup2(output, 1)
    dup2(output, 2)
    close(output)
    for name, value in environment:
        putenv(name, value)
        _environ[name] = value
    if memory_limit_mb is not None:
        limit_memory(memory_limit_mb)


def _say(error: BaseException) -> None:
    """Write to the log, without Python's streams: their state is not known here."""
    os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="backslashreplace"))


# -- a run -----------------------------------------------------------------------------------------


def do(kind: bytes, config: bytes, standby: Standby | None) -> tuple[bytes, BaseException | None]:
    """Do a run, and return its report and the error by which the script ended.

    Args:
        kind: See `Fork`.
        config: See `Task`.
        standby: See `become_run`.
    """
    numpy_random = modules.get("numpy.random")
    if numpy_random is not None:  # `random` sees to that itself
        numpy_random.seed()
    if standby is not None and config[0] == BARE:
        standby.take(bare_loads(config[1:]))
        came, error = attempted(standby.go)
    else:
        came, error = attempted(partial(_outcome, kind, config, standby))
    return (type(came) is Outcome and bare_value(came.value)) or _packed(came), error


def _received(channel: int) -> bytes:
    message = FarEnd(channel, "").receive()
    if message is None:  # who sent it is gone
        os._exit(_CANNOT_START)
    os.close(channel)
    return message


def _outcome(kind: bytes, message: bytes, standby: Standby | None) -> Outcome:
    """The outcome of a run whose config came the usual way, or that could not be prepared."""
    from kohakuengine.config.base import Config  # held from the first config that needs it on

    made: Kind = unmarshalled(kind)  # noqa: S302 - from our own parent
    (location, argv0, entrypoint, argv, strict), names, _ = made
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


def _leave(error: BaseException | None, count: int) -> NoReturn:
    """End as Python ends a script, as far as that can be seen from outside.

    What was there before the script is not taken apart, which would take longer than most scripts.

    Args:
        error: By what the script ended.
        count: How many modules there were before.
    """
    status = 1
    try:
        status = 0 if error is None else reported_status(error)
        threading = modules.get("threading")
        # As Python's exit does, which would find nothing to do otherwise.
        if threading is not None and (count_threads() or threading._threading_atexits):  # noqa: SLF001
            threading._shutdown()  # noqa: SLF001
        run_exit_handlers()
        main = vars(modules["__main__"])
        # In C, and without a list that would keep what is let go.
        is_plain = _WITHOUT_END.issuperset(map(type, collected_objects()))
        is_plain = is_plain and _WITHOUT_END.issuperset(map(type, main.values()))
        if not is_plain:
            _let_go(main, count)
        if _held_files or not is_plain:
            _flush_files()
        if not (_is_flushed(sys.stdout) & _is_flushed(sys.stderr)):
            status = _NOT_FLUSHED
        if sys.stdout is not sys.__stdout__:  # what the script put in its place is another file
            _is_flushed(sys.__stdout__)
        if sys.stderr is not sys.__stderr__:
            _is_flushed(sys.__stderr__)
        flush_c_streams()
    finally:
        _exit(status)


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
    for module in list(modules.values())[count:]:
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
            _is_flushed(obj)
            _held_files.append(obj)


_held_files: list[Any] = []


def _flush_files() -> None:
    for obj in [*_held_files, *collected_objects()]:
        if type(obj) in _BUFFERED:
            _is_flushed(obj)


def _is_flushed(stream: Any) -> bool:
    """Write out what is in a file's buffers; False if it could not be."""
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        return bool(stream.closed)  # not asked before, for that touches more pages than the rest
    return True


_BUFFERED = {io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom}
