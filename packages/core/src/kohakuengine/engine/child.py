"""One run in a fresh interpreter: the side that starts it.

It meets the other side, `kohakuengine.engine.child_main`, in a private folder (0700). The parent
writes ``request`` into it (script, config), the child ``outcome`` (value or error), each pickled by
`kohakuengine.config.transport`. The child's standard streams, its traceback and its exit status are
those of ``python script.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from kohakuengine.config.transport import dumps, loads, private_directory
from kohakuengine.engine.child_main import put_down
from kohakuengine.engine.exchange import Report, Request, lost, received
from kohakuengine.engine.script import Script

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import Config

__all__ = [
    "child_command",
    "interpreter_command",
    "read_report",
    "run_in_child",
    "write_request",
]


def run_in_child(
    script: Script,
    config: Config | None = None,
    *,
    argv: Sequence[str] = (),
    strict: bool = False,
    environment: Mapping[str, str] | None = None,
    index: int | None = None,
) -> Any:
    """Run `script` once in a fresh interpreter, and wait for it.

    Args:
        script: The script; its own config serves where `config` is None.
        config: What it runs with.
        argv: See `kohakuengine.engine.executor.run_script`.
        strict: See there.
        environment: Variables that the child gets besides those of this process.
        index: See `kohakuengine.engine.exchange.received`.

    Returns:
        The entrypoint's value.

    Raises:
        TransportError: The config cannot cross the process border.
        RunFailed: The script raised, or exited with a status other than 0.
        RunLost: The process died without a report.
        KohakuEngineError: The engine refused the run.
    """
    config = script.config if config is None else config  # type: ignore[assignment]  # checked below
    from kohakuengine.engine.executor import single_config

    request = Request.of(script, single_config(config), argv, strict=strict)
    with private_directory() as folder:
        write_request(folder, dumps(request, what="a request"))
        status = _spawn(folder, environment or {})
        data = read_report(folder)
    if data is None:
        raise lost(script, config, status)
    report: Report = loads(data)
    return received(report, script, config, index=index)


def write_request(folder: str, request: bytes) -> None:
    """Put down a pickled `Request` in a private folder, for the child of `child_command`."""
    put_down(os.path.join(folder, "request"), request)


def read_report(folder: str) -> bytes | None:
    """The pickled `Report` that the child has put down; None if it came to nothing."""
    try:
        with open(os.path.join(folder, "outcome"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def child_command(folder: str) -> list[str]:
    """The command line of the child for a folder."""
    return interpreter_command("kohakuengine.engine.child_main:main", folder)


def interpreter_command(function: str, *arguments: str) -> list[str]:
    """The command line of a fresh interpreter that calls a function with these texts.

    Args:
        function: ``module:name``. The interpreter has the flags of this one (-O, -W, -X ...).
        arguments: What it is called with.
    """
    import subprocess

    # Found as multiprocessing finds them.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    module, _, name = function.partition(":")
    return [sys.executable, *flags, "-c", _BOOTSTRAP.format(module=module, name=name), *arguments]


def _spawn(folder: str, environment: Mapping[str, str]) -> int:
    import subprocess

    command = child_command(folder)
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:  # noqa: S603 - a list, no shell
        try:
            return process.wait()
        except BaseException as error:
            # Ctrl-C reached the child as well, being of the same group; nothing else did. Either
            # way it has a moment to end.
            if type(error) is not KeyboardInterrupt:
                process.terminate()
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=_GRACE_S)
            finally:  # also where a second Ctrl-C comes
                process.kill()
                process.wait()
            raise


_GRACE_S = 5.0  # a guess: time for a script's own clean-up on Ctrl-C

# Not "-m": that would put the current folder before the standard library while we are imported, and
# the folders of scripts hold files with names such as random.py.
_BOOTSTRAP = (
    "import sys; sys.flags.safe_path or sys.path.pop(0); "
    "from {module} import {name}; {name}(*sys.argv[1:])"
)
