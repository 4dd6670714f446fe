"""Runs script shapes by ``python`` and by ``kogine run``, and compares all that can be seen.

The shapes are in ``tests/fixtures/scripts/<topic>``. There, a file is a shape; a folder is copied
whole, and its shapes are the files with a ``# conformance:`` line. Such lines say how one is run:

    # conformance: argv = --epochs 3     arguments, quoted as in a shell
    # conformance: stdin = one\\ntwo      what it reads, with Python's escapes
    # conformance: env = MODE=fast       a variable of the environment; may be repeated
    # conformance: exit = 3              how Python ends it, where that is not with 0
    # conformance: since = 3.12          the first Python that can run it
    # conformance: cwd = ..              where it is run, from the folder that was copied
    # conformance: as = pkg.mod          run it by this name, and Python with -m, instead of its path
    # conformance: set = lr=5.0          an override of the second round; may be repeated

For the second round, whoever wrote the shape edited by hand every line that assigns an overridden
name. The edited line stands in a comment, so that both versions are read side by side and have the
same lines:

    lr = 0.1  # edit: lr = 5.0

Compared byte for byte are the exit status, stdout, stderr with its tracebacks, and the names of the
files that were left. Not compared are the addresses of objects, which differ between two runs of
Python itself, bytecode files, and the frames of ``python -m``, of which `kogine` shows none.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).parents[1] / "fixtures" / "scripts"
PYTHON = [sys.executable]
KOGINE = [str(Path(sysconfig.get_path("scripts")) / "kogine"), "run"]

_HEADER = re.compile(r"^# conformance: (\w+) = (.*?)\r?$", re.MULTILINE)
_EDIT = re.compile(r"^([ \t]*)(?![ \t#]).*?# edit: ?(.*?)(?=\r?$)", re.MULTILINE)
_ADDRESS = re.compile(rb" at 0x[0-9A-Fa-f]+")  # of objects: another one in each process
_KEYS = {"argv", "stdin", "env", "exit", "since", "cwd", "as", "set"}
_TIMEOUT_S = 60


class Ended(NamedTuple):
    """All that can be seen of a process that ended."""

    status: int
    stdout: bytes
    stderr: bytes
    files: tuple[str, ...]  # that it left in its folder and in its TMPDIR, bytecode aside

    def __str__(self) -> str:
        out, err = (text.decode(errors="backslashreplace") for text in (self.stdout, self.stderr))
        files = "\n".join(self.files)
        sections = {"stdout": out, "stderr": err, "files": files}
        shown = [f"exit status {self.status}", *(f"-- {k} --\n{v}" for k, v in sections.items())]
        return "\n".join(shown)


@dataclass(frozen=True, repr=False)
class Shape:
    """A script, and how it is run.

    Attributes:
        name: ``topic/script``, for the test's name.
        root: The file or folder that is copied.
        file: The script, from the folder into which it is copied.
    """

    name: str
    root: Path
    file: Path
    argv: Sequence[str] = ()
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    exit: int = 0
    since: tuple[int, ...] = (3, 11)
    cwd: str = "."
    module: str | None = None
    overrides: Sequence[str] = ()

    def __repr__(self) -> str:
        return self.name

    @property
    def location(self) -> str:
        return self.module or os.path.relpath(self.file, self.cwd)

    @property
    def set_flags(self) -> list[str]:
        return [word for override in self.overrides for word in ("--set", override)]


@dataclass(frozen=True)
class Comparison:
    """What was seen of one shape; the second round is None where the shape has no overrides."""

    python: Ended
    kogine: Ended
    python_edited: Ended | None = None
    kogine_set: Ended | None = None


def shapes() -> list[Shape]:
    """All shapes that this Python can run."""
    found = [shape for topic in _topics() for shape in _shapes_of(topic)]
    return [shape for shape in found if shape.since <= sys.version_info[:2]]


def _topics() -> list[Path]:
    return sorted(entry for entry in SCRIPTS.iterdir() if entry.is_dir())


def _shapes_of(topic: Path) -> Iterator[Shape]:
    for root in sorted(topic.iterdir()):
        if root.suffix == ".py":
            yield _read_shape(f"{topic.name}/{root.stem}", root, root)
        elif root.is_dir():
            for file in sorted(root.rglob("*.py")):
                if "# conformance:" in _text(file):
                    name = file.relative_to(topic.parent).with_suffix("")
                    yield _read_shape(name.as_posix(), root, file)


def _read_shape(name: str, root: Path, file: Path) -> Shape:
    pairs = [(k, v.encode("latin-1").decode()) for k, v in _HEADER.findall(_text(file))]
    assert {key for key, _ in pairs} <= _KEYS, f"unknown header in {file}: {pairs}"
    single = dict(pairs)
    return Shape(
        name=name,
        root=root,
        file=file.relative_to(root if root.is_dir() else root.parent),
        argv=shlex.split(single.get("argv", "")),
        stdin=single.get("stdin", "").encode().decode("unicode_escape"),
        env=dict(value.split("=", 1) for key, value in pairs if key == "env"),
        exit=int(single.get("exit", 0)),
        since=tuple(map(int, single.get("since", "3.11").split("."))),
        cwd=single.get("cwd", "."),
        module=single.get("as"),
        overrides=[value for key, value in pairs if key == "set"],
    )


def _text(file: Path) -> str:
    # Latin-1 maps every byte to a character and back: the file's own coding is left alone.
    return file.read_bytes().decode("latin-1")


def compare(shape: Shape, place: Path) -> Comparison:
    """Run a shape by both, in `place`, which is made anew before each run."""

    def ended(command: list[str], *flags: str, edited: bool = False) -> Ended:
        lay_out(shape, place, edited=edited)
        return end(command, shape, place, flags=flags)

    python = [*PYTHON, "-m"] if shape.module else PYTHON
    first = (_without_runpy(ended(python)), ended(KOGINE))
    if not shape.overrides:
        return Comparison(*first)
    edited = _without_runpy(ended(python, edited=True))
    return Comparison(*first, edited, ended(KOGINE, *shape.set_flags))


def _without_runpy(ended: Ended) -> Ended:
    """Without the frames of ``python -m`` itself; `kogine` shows the user's frames only."""
    lines = ended.stderr.splitlines(keepends=True)
    own = [line for line in lines if not line.startswith(b'  File "<frozen runpy>"')]
    return ended._replace(stderr=b"".join(own))


def lay_out(shape: Shape, place: Path, *, edited: bool = False) -> None:
    """Make `place` hold a fresh copy of the shape; `edited`, as someone would by hand."""
    shutil.rmtree(place, ignore_errors=True)
    if shape.root.is_dir():
        shutil.copytree(shape.root, place / "here", ignore=shutil.ignore_patterns("__pycache__"))
    else:
        (place / "here").mkdir(parents=True)
        shutil.copyfile(shape.root, place / "here" / shape.file)
    if edited:
        script = place / "here" / shape.file
        text, count = _EDIT.subn(r"\1\2", _text(script))
        assert count, f"{shape.name} has overrides, but no line with '# edit:'"
        script.write_bytes(text.encode("latin-1"))


def end(command: Sequence[str], shape: Shape, place: Path, *, flags: Sequence[str] = ()) -> Ended:
    """Run `command` on the shape that lies in `place`."""
    ours = "run" in command
    arguments = ["--", *shape.argv] if ours and shape.argv else shape.argv
    line = [*command, shape.location, *flags, *arguments]
    return run(line, place, cwd=shape.cwd, stdin=shape.stdin, env=shape.env)


def run(
    line: Sequence[str],
    place: Path,
    *,
    cwd: str = ".",
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command line in ``place/here``, with an environment that is the same everywhere."""
    temporary = place / "tmp"
    temporary.mkdir(exist_ok=True)
    ended = subprocess.run(
        line,
        cwd=place / "here" / cwd,
        input=stdin.encode(),
        env={**_environment(), "TMPDIR": str(temporary), **(env or {})},
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    output = (_ADDRESS.sub(b" at 0x...", text) for text in (ended.stdout, ended.stderr))
    files = (path.relative_to(place) for path in place.rglob("*"))
    left = sorted(str(path) for path in files if "__pycache__" not in path.parts)
    return Ended(ended.returncode, *output, tuple(left))


def _environment() -> dict[str, str]:
    # Neither the settings of the Python that runs the tests, nor its coverage: tracing is visible.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    return {**inherited, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


def assert_same(python: Ended, kogine: Ended) -> None:
    """Fail with a readable difference where the two differ by as much as a byte."""
    __tracebackhide__ = True
    if python == kogine:
        return
    expected, got = (str(ended).splitlines() for ended in (python, kogine))
    lines = list(difflib.unified_diff(expected, got, "python", "kogine run", lineterm="", n=30))
    # What no line shows, a missing newline say, the bytes do.
    raise AssertionError("\n".join(lines or [repr(python), repr(kogine)]))
