import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from kohakuengine_cli.main import main

KOGINE = str(Path(sysconfig.get_path("scripts")) / "kogine")


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test is in a folder of its own, and in no particular terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING", "PYTHONWARNINGS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def write(folder):
    """Write files: ``write(script="...")`` is script.py; other suffixes as ``conf_json``."""

    def write_files(**sources):
        for name, source in sources.items():
            stem, _, suffix = name.rpartition("_")
            known = suffix in {"json", "toml", "yaml"}
            path = folder / (f"{stem}.{suffix}" if known else f"{name}.py")
            path.write_text(dedent(source).lstrip("\n"), encoding="utf-8")

    return write_files


@pytest.fixture
def start(folder):
    """Start ``kogine`` in a process of its own, which is gone after the test."""
    started = []

    def start_process(*argv, command=(KOGINE,), env=None, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(
            [*command, *argv], cwd=folder, env={**os.environ, **(env or {})}, **options
        )
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def kogine(start):
    """Run ``kogine`` in a process of its own."""

    def run(*argv, **options):
        process = start(*argv, **options)
        out, err = process.communicate(timeout=60)
        out, err = ((text or b"").decode("utf-8", "backslashreplace") for text in (out, err))
        return Ended(process.returncode, out, err)

    return run


@pytest.fixture
def shell(kogine):
    """Run a line of the shell, in which ``kogine`` is ours."""

    def run(line, *, command=("bash", "-c"), **options):
        path = f"{Path(KOGINE).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**options.pop("env", {}), "PATH": path}
        return kogine(line, command=command, env=env, **options)

    return run


@pytest.fixture
def here(capfd):
    """Run ``kogine`` in this process, where what is under test is no matter of processes."""

    def run(*argv):
        try:
            code = main(argv)
        except SystemExit as error:
            code = error.code or 0
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run
