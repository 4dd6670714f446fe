"""Steps in a process of their own: the process. See `wflo.runtime.isolation`.

It reads the request and forks at once. The new process does the work, in a process group of its
own. The first one, in which no code of the user's ever runs, is its guard: it waits for it, and
when the worker closes the socket, or dies, it kills the group. It ends as the other has ended.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NoReturn

from wflo.runtime.channel import HEADER, length, pack, unpack

if TYPE_CHECKING:
    from wflo.runtime.call import StepCall
    from wflo.runtime.record import Record


def main() -> None:
    """Do what the worker at the other end of the socket asks for."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    request = unpack(_read(channel, length(_read(channel, HEADER))))
    worker = os.fork()
    if worker:
        _guard(worker, channel)
    os.setpgid(0, 0)
    _work(request, _Answers(channel))


def _read(channel: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = channel.recv(min(size - len(data), 1 << 20))
        if not part:
            os._exit(1)  # the worker is gone
        data += part
    return bytes(data)


# -- the guard -------------------------------------------------------------------------------------


def _guard(worker: int, channel: socket.socket) -> NoReturn:
    os.setpgid(worker, worker)  # both do: whichever is first
    Thread(target=_kill_when_closed, args=(worker, channel), daemon=True).start()
    os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
    _kill(worker)  # what it has left behind; nobody else can have its number before the next line
    _, status = os.waitpid(worker, 0)
    _end_as(os.waitstatus_to_exitcode(status))


def _kill_when_closed(worker: int, channel: socket.socket) -> None:
    with suppress(ConnectionError):
        channel.recv(1)  # nothing is sent any more
    _kill(worker)


def _kill(worker: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        os.killpg(worker, signal.SIGKILL)


def _end_as(status: int) -> NoReturn:
    if status < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core dump is enough
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


# -- the work --------------------------------------------------------------------------------------


class _Answers:
    """Sends messages, of several threads too."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = Lock()

    def send(self, message: bytes) -> None:
        with self._lock:
            self._channel.sendall(message)


def _work(request: dict[str, Any], answers: _Answers) -> None:
    from wflo.runtime.call import StepCall
    from wflo.runtime.failures import failure_of
    from wflo.runtime.record import Record

    sys.path[:] = request["path"]
    call = StepCall(**request["call"])
    record = Record(
        on_log=lambda line: answers.send(pack({"log": line})),
        on_cost=lambda line: answers.send(pack({"cost": line.model_dump()})),
    )
    try:
        result = _result(request, call, record)
        patches = [patch.model_dump() for patch in record.patches]
        answer = pack({"result": result, "patches": patches})
    except BaseException as error:
        failure = failure_of(error, call.step, call.iteration, call.attempt)
        answer = pack({"failure": failure.model_dump(mode="json")})
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user's code may have closed or replaced it
            stream.flush()
    answers.send(answer)


def _result(request: dict[str, Any], call: StepCall, record: Record) -> Any:
    owner = f"step {call.step!r}"
    if "script" in request:
        from wflo.runtime.scripts import run_script

        return run_script(**request["script"], owner=owner)
    return _call_function(request["function"], owner, call, record)


def _call_function(wanted: dict[str, Any], owner: str, call: StepCall, record: Record) -> Any:
    from wflo.runtime.context import WorkflowContext
    from wflo.runtime.signature import read_signature
    from wflo.runtime.sql import no_sql

    signature = read_signature(_function(wanted, owner), owner)
    context = WorkflowContext(call, record, no_sql("the step runs in a process of its own"))
    result = signature.function(**signature.arguments(wanted["values"], context))
    if signature.is_async:
        import asyncio

        result = asyncio.run(result)
    return signature.checked(result)


def _function(wanted: dict[str, Any], owner: str) -> Any:
    from wflo.errors import CodeChanged
    from wflo.runtime.code import code_digest
    from wflo.runtime.home import Home
    from wflo.runtime.importing import import_home

    module = import_home(Home(wanted["module"], wanted["file"]))
    found = getattr(module, wanted["qualname"], None)
    if found is None or code_digest(found) != wanted["digest"]:
        raise CodeChanged(
            f"{owner}: {wanted['qualname']} in {wanted['file'] or wanted['module']} "
            "has changed since the worker imported it; start the worker again"
        )
    return found


if __name__ == "__main__":
    main()
