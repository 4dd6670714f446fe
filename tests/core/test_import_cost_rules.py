"""Core imports the standard library only, and as little of it as it can: both are promises."""

import ast
import sys
from pathlib import Path

import pytest

import kohakuengine

FILES = sorted(Path(kohakuengine.__path__[0]).rglob("*.py"))

# Imported lazily: the extras, and the door to the command line.
OPTIONAL = {"cloudpickle", "yaml", "kohakuengine_cli"}

# What a run of a script imports none of, unless the script does.
HEAVY_FOR_RUNS = [
    "argparse",
    "asyncio",
    "concurrent.futures",
    "difflib",
    "email",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "multiprocessing",
    "pickle",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "tomllib",
    "traceback",
    "unittest",
    "urllib",
    "kohakuengine.flow",
    "kohakuengine.config.loader",
    "kohakuengine.config.transport",
    "kohakuengine.engine.introspect",
    "kohakuengine_cli",
]


def imported(file):
    """The top-level packages that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} has a relative import"
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-2:]))
def test_the_standard_library_only(file):
    allowed = sys.stdlib_module_names | {"kohakuengine"} | OPTIONAL
    assert set(imported(file)) <= allowed


def loaded(python, code):
    """The modules that `code` imports, in a process that has imported as little as possible."""
    # -S: what site and its .pth files import is not ours. -I would hide our own path.
    said = python(
        f"import sys; before = set(sys.modules); {code}; print(*sys.modules.keys() - before)",
        "-S",
        env={"PYTHONPATH": str(Path(kohakuengine.__path__[0]).parent)},
    )
    return set(said.split())


def test_the_package_imports_nothing(python):
    assert loaded(python, "import kohakuengine") <= {"kohakuengine", "__future__"}


@pytest.mark.parametrize("room", ["config", "engine", "flow"])
def test_a_room_imports_none_of_its_modules(python, room):
    found = {
        name for name in loaded(python, f"import kohakuengine.{room}") if "kohakuengine" in name
    }
    assert found == {"kohakuengine", f"kohakuengine.{room}"}


def test_a_run_imports_none_of_these(python, script):
    made = script("x = 1\ndef main(): return x")
    code = f"from kohakuengine import Script; Script({made.location!r}).run()"
    assert loaded(python, code).isdisjoint(HEAVY_FOR_RUNS)


def test_the_executor_imports_none_of_these(python):
    assert loaded(python, "import kohakuengine.engine.executor").isdisjoint(HEAVY_FOR_RUNS)
