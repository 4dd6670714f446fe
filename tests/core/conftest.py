import os
import sys
from textwrap import dedent

import pytest

from kohakuengine.engine.executor import run_script
from kohakuengine.engine.script import Script


@pytest.fixture
def script(tmp_path):
    """Write a script, and return it as a `Script`."""

    def write(source, config=None, *, name="script.py", entrypoint=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source), encoding="utf-8")
        return Script(path, config, entrypoint=entrypoint)

    return write


@pytest.fixture
def ran(script):
    """Run a script in this process, and return its globals."""

    def run(source, globals_dict=None, **options):
        from kohakuengine.config import Config

        config = None if globals_dict is None else Config(globals_dict)
        # With a statement that acts, a script of assignments has its body as entrypoint.
        outcome = run_script(script(dedent(source) + "\nassert True\n"), config, **options)
        if outcome.error is not None:
            raise outcome.error
        return vars(outcome.module)

    return run


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """Be in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def python(tmp_path):
    """Run Python code in a process of its own; its stdout, or an error with all it said."""
    import subprocess

    def run(code, *flags, argv=(), env=None, status=0):
        ended = subprocess.run(
            [sys.executable, *flags, "-c", dedent(code), *argv],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == status, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    return run
