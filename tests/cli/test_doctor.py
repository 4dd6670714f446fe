"""`kogine doctor`: what is installed, and what is wrong with it."""

import platform
from importlib.metadata import version

import pytest


@pytest.fixture
def install(folder):
    """Install a distribution, as far as Python can tell, and return the environment to see it."""

    def distribution(name, number, entry_points="", files=""):
        info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        (info / "entry_points.txt").write_text(entry_points)
        (info / "RECORD").write_text(files)
        return {"PYTHONPATH": str(folder)}

    return distribution


def lines(ended):
    return [line.split(maxsplit=1) for line in ended.out.splitlines()]


def test_doctor_lists_versions_and_members(here):
    ended = here("doctor")
    assert (ended.code, ended.err) == (0, "")
    told = lines(ended)
    assert told[0][1].startswith(f"{platform.python_version()} (")
    assert ["kohakuengine-core", version("kohakuengine-core")] in told
    assert ["kohakuengine-cli", version("kohakuengine-cli")] in told
    assert {line[0] for line in told} >= {"Python", "Platform", "cloudpickle", "PyYAML"}


def test_plugins_are_listed_as_one_calls_them(kogine, install):
    env = install(
        "plugins",
        "1.0",
        "[kohakuengine.executors]\ncluster = p:C\n"
        "[kohakuengine.commands]\nworkflow.parallel = p:m\ngreet = p:m\n",
    )
    told = dict(line for line in lines(kogine("doctor", env=env)) if len(line) == 2)
    assert told["Executors"] == "cluster, fork, inline, pool, subprocess"
    assert told["Commands"] == "greet, wflo, workflow parallel"  # wflo is in the workspace


def test_another_owner_of_the_import_package_is_warned_of(kogine, install, folder):
    (folder / "kohakuengine").mkdir()  # without __init__.py, it hides nothing
    (folder / "kohakuengine" / "extra.py").touch()
    env = install("stranger", "1.0", files="kohakuengine/extra.py,,\n")
    ended = kogine("doctor", env=env)
    assert ended.code == 1
    assert ended.err == (
        "Warning: the distribution stranger provides the import package kohakuengine too. "
        "Run pip uninstall stranger kohakuengine-core, and install what you need again.\n"
    )


def test_members_of_different_releases_are_warned_of(kogine, install):
    env = install("kohakuengine", "0.4.0")
    ended = kogine("doctor", env=env)
    assert ended.code == 1
    assert ended.err.startswith("Warning: members of different releases: kohakuengine 0.4.0, ")
    assert ended.err.endswith(". Install one release of all.\n")


def test_without_plugins_it_says_so(here, monkeypatch):
    monkeypatch.setattr("kohakuengine_cli.commands.doctor.entry_points", lambda group: ())
    monkeypatch.setitem(
        __import__("kohakuengine_cli.commands.doctor", fromlist=["x"])._SECTIONS,
        "Optional",
        ("no-such-distribution",),
    )
    told = lines(here("doctor"))
    assert ["Commands", "none from plugins"] in told
    assert ["no-such-distribution", "not installed"] in told
