"""Steps in a process of their own: the worker's side. The other side is `wflo.runtime.child`.

The process is a fresh interpreter with the flags, the environment and the `sys.path` of this one,
in a session of its own: a Ctrl-C is for the worker to act on. Its standard input is empty. What it
prints goes to the worker's standard error, as the worker's standard output may be read by programs.

It ends with the attempt, with what it has started itself: when the worker closes its end of the
socket between the two, or dies, whatever is left of the process is killed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from signal import Signals
from typing import Any

from wflo.errors import NotSupported, StepProcessDied
from wflo.journal.outcome import LogLine
from wflo.models import CostLine, StatePatch, StepFailure
from wflo.runtime.call import StepCall
from wflo.runtime.channel import HEADER, length, pack, unpack
from wflo.runtime.code import ScriptCode, StepCode
from wflo.runtime.record import Record

# How long a process may take from its answer to its end: exit handlers run then. A guess.
_GRACE_S = 5.0
_STDERR = 2


class FailedInChild(Exception):  # noqa: N818 - it carries a failure, and is none itself
    """The code of the step has failed, in its process.

    Attributes:
        failure: How.
    """

    def __init__(self, failure: StepFailure) -> None:
        super().__init__()
        self.failure = failure


async def call_function(
    code: StepCode, values: dict[str, Any], call: StepCall, record: Record
) -> Any:
    """Call a step's function in a process.

    Args:
        code: The step.
        values: JSON values by parameter.
        call: What the attempt is given.
        record: What the function says and spends goes there.

    Returns:
        Its result, as JSON.

    Raises:
        FailedInChild: It failed.
        StepProcessDied: The process ended without an answer.
    """
    assert code.home is not None
    assert code.definition.code is not None
    function = {
        "module": code.home.module,
        "file": code.home.file,
        "qualname": code.definition.code.qualname,
        "digest": code.definition.code.digest,
        "values": values,
    }
    return await _call({"function": function}, call, record)


async def call_script(
    script: ScriptCode, values: dict[str, Any], call: StepCall, record: Record
) -> Any:
    """Run a script in a process.

    Args:
        script: The script.
        values: JSON values for its globals, besides those of its config.
        call: What the attempt is given.
        record: See `call_function`.

    Returns:
        The value of its entrypoint, as JSON.

    Raises:
        FailedInChild: It failed.
        StepProcessDied: The process ended without an answer.
    """
    return await _call({"script": asdict(script) | {"values": values}}, call, record)


def _told(call: StepCall) -> dict[str, Any]:
    return {
        "execution_id": call.execution_id,
        "step": call.step,
        "iteration": call.iteration,
        "attempt": call.attempt,
        "inputs": dict(call.inputs),
        "state": dict(call.state),
    }


async def _call(work: dict[str, Any], call: StepCall, record: Record) -> Any:
    path = [os.fspath(entry) for entry in sys.path]
    request = pack(work | {"call": _told(call), "path": path})
    answer = await _Process(record, f"step {call.step!r}").run(request)
    if "failure" in answer:
        raise FailedInChild(StepFailure.model_validate(answer["failure"]))
    for patch in answer["patches"]:
        record.patch(StatePatch.model_validate(patch))
    return answer["result"]


class _Process:
    """One process, for one attempt.

    Args:
        record: What it says and spends goes there.
        owner: What messages call the step.
    """

    def __init__(self, record: Record, owner: str) -> None:
        self._record = record
        self._owner = owner

    async def run(self, request: bytes) -> dict[str, Any]:
        """Start it, and wait for its answer and its end.

        Raises:
            NotSupported: This is no POSIX system.
            StepProcessDied: It ended without an answer.
        """
        if os.name != "posix":
            raise NotSupported(f"{self._owner} has a process of its own, which needs POSIX")
        reader, writer, theirs = await _open()
        try:
            with theirs:
                process = await _start(theirs.fileno())
            writer.write(request)
            try:
                answer = await self._until_ended(reader, process)
            finally:
                writer.transport.abort()  # which kills what is left of it
                status = await process.wait()
        finally:
            writer.transport.abort()
        if answer is None:
            raise StepProcessDied(f"the process of {self._owner} {_how(status)} without an answer")
        return answer

    async def _until_ended(
        self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process
    ) -> dict[str, Any] | None:
        """Its answer, or None where there is none, once it has ended or had the time for it.

        What it started may hold the other end of the socket open for longer than it lives itself.
        """
        answer = asyncio.create_task(self._answer(reader))
        end = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({answer, end}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                await asyncio.wait({end}, timeout=_GRACE_S)
            await asyncio.wait({answer}, timeout=_GRACE_S)  # it may have ended right after it
            return answer.result() if answer.done() else None
        finally:
            answer.cancel()
            end.cancel()

    async def _answer(self, reader: asyncio.StreamReader) -> dict[str, Any] | None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = length(await reader.readexactly(HEADER))
                message = unpack(await reader.readexactly(size))
                if "log" in message:
                    self._record.log(LogLine(*message["log"]))
                elif "cost" in message:
                    self._record.cost(CostLine.model_validate(message["cost"]))
                else:
                    return message
        return None


async def _open() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, socket.socket]:
    ours, theirs = socket.socketpair()
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
    except BaseException:
        ours.close()
        theirs.close()
        raise
    return reader, writer, theirs


async def _start(channel: int) -> asyncio.subprocess.Process:
    # Found as multiprocessing finds them. -P: not the current folder before the standard library
    # while we are imported; the worker's sys.path comes with the request.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *flags,
        "-P",
        "-m",
        "wflo.runtime.child",
        str(channel),
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
        pass_fds=[channel],
        start_new_session=True,
    )


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was killed by {Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
