"""Making the tools' environment, and running hatch in it; both programs are fakes."""

import sys
from pathlib import Path

import pytest
import tools

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fakes are shell scripts")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace without members in the place of this one; its tools are made at once."""
    (tmp_path / "hatch.toml").write_text("[envs.default]\n")
    (tmp_path / "VERSION").write_text("1.0.0\n")
    for name, folder in {"ROOT": "", "_TOOLS": ".tools", "_DATA": ".hatch", "_BIN": "bin"}.items():
        monkeypatch.setattr(tools, name, tmp_path / folder)
    monkeypatch.setattr(tools, "_install_tools", lambda: None)
    return tmp_path


@pytest.fixture
def leftover(root) -> Path:
    """A file among hatch's environments, which is gone once they are made again."""
    tools.prepare()
    path = root / ".hatch" / "leftover"
    path.touch()
    return path


def test_what_was_made_is_kept(leftover):
    tools.prepare()
    assert leftover.exists()


@pytest.mark.parametrize("name", ["hatch.toml", "VERSION", "packages/core/pyproject.toml"])
def test_environments_are_made_again_when_what_describes_them_changes(root, leftover, name):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("another\n")
    tools.prepare()
    assert not leftover.exists()


def test_environments_are_made_again_when_the_tools_are(leftover, monkeypatch):
    monkeypatch.setattr(tools, "REQUIREMENTS", ("hatch>=99",))
    tools.prepare()
    assert not leftover.exists()


def test_what_was_interrupted_is_made_again(root, leftover):
    (root / ".hatch" / "made-from").unlink()
    tools.prepare()
    assert not leftover.exists()


def test_hatch_runs_at_the_root_without_settings_of_the_user(root, monkeypatch, capfd):
    (root / "bin").mkdir()
    fake = root / "bin" / "hatch"
    fake.write_text('#!/bin/sh\necho "$@"; pwd; echo "$VIRTUAL_ENV|$HATCH_CONFIG"\nexit 3\n')
    fake.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", "/some/where")
    assert tools.hatch("check", "code") == 3
    printed = capfd.readouterr().out.splitlines()
    assert printed == ["check code", str(root), f"|{root}/.hatch/config.toml"]


def test_the_pythons_asked_for_come_first_on_the_path(root, capfd):
    (root / "bin").mkdir()
    fake = root / "bin" / "hatch"
    fake.write_text('#!/bin/sh\necho "$PATH"\n')
    fake.chmod(0o755)
    assert tools.hatch(pythons=[Path("/one/python3.12")]) == 0
    assert capfd.readouterr().out.startswith("/one:")


def test_a_python_that_cannot_make_environments_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=r"neither ensurepip nor pip.*\n.*python3-venv"):
        tools._install_tools()
