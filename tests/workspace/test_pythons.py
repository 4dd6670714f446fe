"""Finding the Pythons of the matrix, with fakes in the folders where they are looked for."""

import sys
from pathlib import Path

import pytest
import pythons

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fakes are shell scripts")


@pytest.fixture(autouse=True)
def _empty_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


def fake(path: Path, *says: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"echo {line}" for line in says)
    path.write_text(f"#!/bin/sh\n{lines}\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_the_running_python_is_found_first():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert pythons.find(version) == Path(sys._base_executable)


@pytest.mark.parametrize(
    "place",
    [
        "bin/python3.99",
        ".pyenv/versions/3.99.1/bin/python3.99",
        ".local/share/uv/python/cpython-3.99.1-linux/bin/python3.99",
    ],
)
def test_a_python_is_found_on_the_path_and_where_version_managers_keep_theirs(tmp_path, place):
    fake(tmp_path / place, "cpython 3.99", "/real/python3.99")
    assert pythons.find("3.99") == Path("/real/python3.99")


def test_the_variables_of_version_managers_are_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "elsewhere"))
    fake(tmp_path / "elsewhere/versions/3.99.1/bin/python3.99", "cpython 3.99", "/real/python")
    assert pythons.find("3.99") == Path("/real/python")


def test_a_shim_that_fails_is_passed_over(tmp_path):
    fake(tmp_path / "bin/python3.99", "version is not set", code=127)
    fake(tmp_path / ".pyenv/versions/3.99.1/bin/python3.99", "cpython 3.99", "/real/python3.99")
    assert pythons.find("3.99") == Path("/real/python3.99")


@pytest.mark.parametrize("says", ["cpython 3.98", "pypy 3.99"])
def test_another_version_or_implementation_is_not_it(tmp_path, says):
    fake(tmp_path / "bin/python3.99", says, "/real/python3.99")
    assert pythons.find("3.99") is None


def test_a_file_that_cannot_be_executed_is_not_it(tmp_path):
    fake(tmp_path / "bin/python3.99", "cpython 3.99", "/real/python3.99").chmod(0o644)
    assert pythons.find("3.99") is None


def test_where_the_running_python_is_not_of_the_matrix_the_newest_that_is_found_is(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(pythons, "matrix", lambda: ["3.97", "3.98", "3.99"])
    for version in ("3.97", "3.98"):
        fake(tmp_path / f"bin/python{version}", f"cpython {version}", f"/real/python{version}")
    assert pythons.preferred() == "3.98"
