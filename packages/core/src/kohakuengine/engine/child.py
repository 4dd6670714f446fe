"""One run in a fresh interpreter: the side that starts it, and the side that is started.

They meet in a private folder (0700). The parent writes ``request`` into it (script, config), the
child ``outcome`` (value or error), each pickled by `kohakuengine.config.transport`. The child's
standard streams, its traceback and its exit status are those of ``python script.py``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kohakuengine.config.transport import dumps, loads, private_directory
from kohakuengine.engine.ending import end_as_python
from kohakuengine.engine.exchange import Report, Request, do, lost, received
from kohakuengine.engine.notice import show_our_warnings
from kohakuengine.engine.script import Script

if TYPE_CHECKING:
    from kohakuengine.config.base import Config

__all__ = ["main", "run_in_child"]


def run_in_child(
    script: Script,
    config: Config | None = None,
    *,
    argv: Sequence[str] = (),
    strict: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """Run `script` once in a fresh interpreter, and wait for it.

    Args:
        script: The script; its own config serves where `config` is None.
        config: What it runs with.
        argv: See `kohakuengine.engine.executor.run_script`.
        strict: See there.
        environment: Variables that the child gets besides those of this process.

    Returns:
        The entrypoint's value.

    Raises:
        TransportError: The config, or the value, cannot cross the process border.
        RunFailed: The script raised, or exited with a status other than 0.
        RunLost: The process died without a report.
        KohakuEngineError: The engine refused the run.
    """
    config = script.config if config is None else config  # type: ignore[assignment]  # checked below
    from kohakuengine.engine.executor import single_config

    request = Request.of(script, single_config(config), argv, strict=strict)
    with private_directory() as folder:
        _write(os.path.join(folder, "request"), dumps(request, what="a request"))
        status = _spawn(folder, environment or {})
        try:
            with open(os.path.join(folder, "outcome"), "rb") as file:
                report: Report = loads(file.read())
        except FileNotFoundError:
            raise lost(script, config, status) from None
    return received(report, script, config)


def _spawn(folder: str, environment: Mapping[str, str]) -> int:
    import subprocess

    # The interpreter's own flags (-O, -W, -X ...), found as multiprocessing finds them.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    command = [sys.executable, *flags, "-c", _BOOTSTRAP, folder]
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
    "from kohakuengine.engine.child import main; main(sys.argv[1])"
)


def _write(path: str, data: bytes) -> None:
    # A rename is atomic: a reader finds the whole or nothing.
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)


# -- in the child ----------------------------------------------------------------------------------


def main(folder: str) -> None:
    """Do the run that `folder` holds the request for, and end the process as Python would.

    Raises:
        SystemExit: The run failed, or ended by ``sys.exit``.
    """
    show_our_warnings()
    with open(os.path.join(folder, "request"), "rb") as file:
        request: Request = loads(file.read())
    report, error = do(request)
    _write(os.path.join(folder, "outcome"), dumps(report, what="the report of a run"))
    if report.refused is not None:
        raise SystemExit(1)
    if error is not None:
        end_as_python(error)
