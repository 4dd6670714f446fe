"""What the tests of parallel runs stand on."""

import tempfile
from textwrap import dedent

import pytest
from processes import MARK, Marked

from kohakuengine.config.base import Config
from kohakuengine.engine.script import Script
from kohakuengine_parallel import Parallel


@pytest.fixture(params=["fork", "subprocess", "pool"])
def mode(request):
    return request.param


@pytest.fixture(params=["fork", "subprocess"])
def isolated(request):
    """The modes in which each run has a process of its own."""
    return request.param


@pytest.fixture
def write(tmp_path):
    """Write a script, in a folder of its own, and return it with a config of these values."""

    def write(source, name="script.py", **values):
        path = tmp_path / "scripts" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(dedent(source), encoding="utf-8")
        return Script(path, Config(values) if values else None)

    return write


@pytest.fixture
def flow(tmp_path):
    """A flow of two workers that goes on after failures."""

    def flow(scripts, executor, **options):
        given = {"max_workers": 2, "on_error": "continue", "log_dir": tmp_path / "logs", **options}
        scripts = scripts if isinstance(scripts, list) else [scripts]
        return Parallel(scripts, executor=executor, **given)

    return flow


@pytest.fixture
def run(flow):
    """The result of one run."""

    def run(script, executor, **options):
        return flow(script, executor, **options).results()[0]

    return run


@pytest.fixture
def log():
    """What a run has written to its log."""

    def log(result):
        if result.log_path is None:
            return ""
        with open(result.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    return log


@pytest.fixture
def mark(monkeypatch):
    """Marks all processes that the test starts; none may be left."""
    marked = Marked()
    monkeypatch.setenv(MARK, marked.text)
    yield marked
    marked.kill()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder
