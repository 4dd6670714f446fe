import logging
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
import structlog

from wflo.cli.main import main
from wflo.runtime.home import FILES

WFLO = str(Path(sysconfig.get_path("scripts")) / "wflo")

STATE = (
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "PYTHONIOENCODING",
    "PYTHONWARNINGS",
    "WFLO_DATABASE_URL",
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test is in a folder of its own, in no particular terminal, and leaves no modules."""
    monkeypatch.chdir(tmp_path)
    for name in STATE:
        monkeypatch.delenv(name, raising=False)
    before, path, files = set(sys.modules), list(sys.path), dict(FILES)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = path
    FILES.clear()
    FILES.update(files)


@pytest.fixture(autouse=True)
def logging_as_before():
    """A command says on its stderr what the engine logs; that one is gone after the test."""
    loggers = [logging.getLogger(), logging.getLogger("wflo")]
    before = [(list(logger.handlers), logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def write(folder):
    """Write files: ``write(flow="...")`` is flow.py; ``write(input_json="...")`` input.json."""

    def write_files(**sources):
        for name, source in sources.items():
            stem, _, suffix = name.rpartition("_")
            path = folder / (f"{stem}.json" if suffix == "json" else f"{name}.py")
            path.write_text(dedent(source).lstrip("\n"), encoding="utf-8")

    return write_files


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory):
    """Processes that are started find us, and what was compiled by those before them."""
    return {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode")),
        "PATH": f"{Path(WFLO).parent}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture
def start(folder, surroundings):
    """Start ``wflo`` in a process of its own, which is gone after the test."""
    started = []

    def start_process(*argv, command=(WFLO,), env=None, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": folder, **options}
        process = subprocess.Popen(
            [*command, *argv], env={**os.environ, **surroundings, **(env or {})}, **options
        )
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def wflo(start):
    """Run ``wflo`` in a process of its own."""

    def run(*argv, stdin="", **options):
        process = start(*argv, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(stdin.encode(), timeout=100)
        return Ended(process.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
def here(capfd):
    """Run ``wflo`` in this process, where what is under test is no matter of processes."""

    def run(*argv):
        code = main(argv)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def reading():
    """Read a process's stderr up to the line that matches; the lines up to it."""

    def read(process, pattern, stream="stderr"):
        lines = []
        for line in getattr(process, stream):
            lines.append(line.decode().rstrip("\n"))
            if re.search(pattern, lines[-1]):
                return lines
        pytest.fail(f"no line with {pattern!r} in:\n" + "\n".join(lines))

    return read


@pytest.fixture
def tell():
    """Send a signal, and wait for the end of the process."""

    def send(process, *numbers):
        for number in numbers or (signal.SIGTERM,):
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out.decode(), err.decode())

    return send


@pytest.fixture
def eventually():
    """Wait until something is so."""

    def wait(condition, within_s=60):
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come to be so"
            time.sleep(0.02)
        return found

    return wait
