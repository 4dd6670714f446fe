"""The code blocks of the README and of docs/ are run: in order, in one new folder for each page.

What a block is for shows in plain Markdown:

- after a line that ends in "`train.py`:" it is that file, and is written;
- ``console`` holds commands after ``$`` and what they print, stdout and stderr together. A command
  must succeed, unless ``$ echo $?`` follows and shows its exit code;
- ``pycon`` is a session of Python, whose names last to the end of the page;
- anything else, and what cannot be run here, is marked: ``<!-- not run: the reason -->`` on the line
  before. Python in it must compile all the same.

In expected output a line ``...`` stands for any lines, and ``...`` in a line for any text. Durations,
the widths of tables and the marks below a traceback's lines are not compared. In the folder there is
a copy of examples/, as in a clone.
"""

import ast
import difflib
import doctest
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "examples/README.md"])

_FENCE = re.compile(r"\s*(`{3,})\s*(\w*)")
_FILE = re.compile(r"`([\w./-]+\.\w+)`:$")
_MARK = re.compile(r"<!-- not run: (.+) -->$")
_DURATION = re.compile(r"\b\d+(\.\d+)? (ms|s)\b")
_CARETS = re.compile(r"\s*[~^][~^\s]*")


class Block(NamedTuple):
    page: Path
    line: int  # of the opening fence, from 1
    language: str
    text: str
    lead: str  # the line of text before it

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self):
        found = _FILE.search(self.lead)
        return found and found[1]

    @property
    def reason(self):
        found = _MARK.search(self.lead)
        return found and found[1]


class Command(NamedTuple):
    line: int  # within its block's page, from 1
    text: str
    expected: str


def blocks_of(page, text):
    blocks = []
    lead = fence = ""
    start, language, body = 0, "", []
    for number, line in enumerate(text.splitlines(), 1):
        opening = _FENCE.match(line)
        if fence and line.strip() == fence:
            content = textwrap.dedent("".join(f"{row}\n" for row in body))
            blocks.append(Block(page, start, language, content, lead))
            fence = lead = ""
        elif fence:
            body.append(line)
        elif opening:
            fence, language = opening.groups()
            start, body = number, []
        elif line.strip():
            lead = line.strip()
    assert not fence, f"{page.relative_to(ROOT)}:{start}: this code block has no end"
    return blocks


def commands_of(block):
    commands = []
    continued = False
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if continued:
            text = f"{commands[-1].text}\n{line}"
            commands[-1] = commands[-1]._replace(text=text)
        elif line.startswith("$ "):
            commands.append(Command(number, line[2:], ""))
        else:
            assert commands, f"{block.place}: a console block begins with `$ command`"
            expected = f"{commands[-1].expected}{line}\n"
            commands[-1] = commands[-1]._replace(expected=expected)
        continued = commands[-1].text.endswith("\\") and not commands[-1].expected
    return commands


def normalized(text):
    lines = [line.rstrip() for line in text.splitlines()]
    text = "\n".join(line for line in lines if not _CARETS.fullmatch(line)).strip("\n")
    text = _DURATION.sub("<time>", text)
    if "─" in text:
        text = re.sub(r" {2,}", "  ", re.sub(r"─+", "─", text))
    return text + "\n"


def matches(expected, actual):
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in normalized(expected).splitlines()
    )
    return re.fullmatch(pattern, normalized(actual)) is not None


def difference(expected, actual):
    lines = difflib.ndiff(normalized(expected).splitlines(), normalized(actual).splitlines())
    return "\n".join(["- documented, + printed:", *lines])


class Checker(doctest.OutputChecker):
    """`doctest` with this file's idea of what is equal."""

    def check_output(self, want, got, optionflags):
        return super().check_output(want, got, optionflags) or matches(want, got)


class Reader:
    """Follows a page as a reader would who tries everything in it."""

    def __init__(self, folder):
        self.folder = folder
        self.problems = []
        self._status = 0
        self._names = {}

    def follow(self, block):
        if block.reason:
            self.compile(block)
        elif block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            self.type_in(block)
        elif block.language == "pycon":
            self.converse(block)
        else:
            self.problems.append(
                f"{block.place}: nothing runs this {block.language or 'plain'} block. Name its file"
                " before it (`name.py`:), make it console or pycon, or mark it on the line before:"
                " <!-- not run: the reason -->"
            )

    def compile(self, block):
        if block.language == "python":
            try:
                ast.parse(block.text)
            except SyntaxError as error:
                self.problems.append(f"{block.place}: line {error.lineno}: {error}")

    def type_in(self, block):
        commands = commands_of(block)
        for command, following in zip(commands, [*commands[1:], None], strict=True):
            place = f"{block.page.relative_to(ROOT)}:{command.line}"
            printed, status = self.run(command.text)
            if not matches(command.expected, printed):
                text = difference(command.expected, printed)
                self.problems.append(f"{place}: $ {command.text}\n{text}")
            elif status and not (following and following.text == "echo $?"):
                self.problems.append(f"{place}: $ {command.text}\nends with exit code {status}")
            self._status = status

    def run(self, text):
        environment = {
            name: value for name, value in os.environ.items() if name[:4] not in {"KOGI", "WFLO"}
        }
        environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",  # as on a terminal: what is printed first comes first
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            ["bash", "-c", f"(exit {self._status})\n{text}"],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout, done.returncode

    def converse(self, block):
        name = str(block.page.relative_to(ROOT))
        session = doctest.DocTestParser().get_doctest(
            block.text, self._names, name, name, block.line
        )
        # get_doctest() copies the names; later sessions of the page are to see these.
        session.globs = self._names
        said = []
        flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
        runner = doctest.DocTestRunner(checker=Checker(), verbose=False, optionflags=flags)
        runner.run(session, out=said.append, clear_globs=False)
        if said:
            self.problems.append(f"{block.place}:\n{''.join(said)}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "LICENSE", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_code_block_does_what_its_page_shows(page, folder):
    reader = Reader(folder)
    for block in blocks_of(page, page.read_text(encoding="utf-8")):
        reader.follow(block)
    if reader.problems:
        pytest.fail("\n\n".join(reader.problems), pytrace=False)


class TestTheReader:
    """The rules of this file, on pages made for the purpose."""

    @staticmethod
    def problems(folder, text):
        reader = Reader(folder)
        for block in blocks_of(ROOT / "docs/made-up.md", text):
            reader.follow(block)
        return reader.problems

    def test_a_wrong_output_is_reported_with_file_and_line(self, folder):
        (problem,) = self.problems(folder, "Text\n\n```console\n$ echo a\na\n$ echo b\nc\n```\n")
        assert problem.startswith("docs/made-up.md:6: $ echo b\n")

    def test_a_failing_command_is_reported_unless_its_status_is_shown(self, folder):
        (problem,) = self.problems(folder, "```console\n$ exit 3\n```\n")
        assert problem.endswith("ends with exit code 3")
        assert not self.problems(folder, "```console\n$ exit 3\n$ echo $?\n3\n```\n")

    def test_an_unmarked_block_that_nothing_runs_is_reported(self, folder):
        (problem,) = self.problems(folder, "```python\nx = 1\n```\n")
        assert problem.startswith("docs/made-up.md:1: nothing runs this python block.")
        assert not self.problems(folder, "<!-- not run: a fragment -->\n```python\nx = 1\n```\n")

    def test_marked_python_must_compile(self, folder):
        (problem,) = self.problems(
            folder, "<!-- not run: a fragment -->\n```python\nx = = 1\n```\n"
        )
        assert "docs/made-up.md:2: line 1" in problem

    def test_files_are_written_and_sessions_keep_their_names(self, folder):
        file = "`a.txt`:\n```text\nhello\n```\n"
        first = (
            "```pycon\n>>> from pathlib import Path\n>>> text = Path('a.txt').read_text()\n```\n"
        )
        assert not self.problems(folder, f"{file}{first}```pycon\n>>> text\n'hello\\n'\n```\n")
        (problem,) = self.problems(folder, "\n```pycon\n>>> 1 + 1\n3\n```\n")
        assert 'File "docs/made-up.md", line 3' in problem

    @pytest.mark.parametrize(
        ("expected", "actual"),
        [
            ("a\n...\nd\n", "a\nb\nc\nd\n"),
            ('File ".../x.py", line 1\n', 'File "/tmp/x.py", line 1\n'),
            ("took 3 ms\n", "took 1.2 s\n"),
            ("    f(x)\n    ^^^^\n", "    f(x)\n    ~^^^\n"),
            (" a  time\n ──\n 1  2 ms\n", " a  time\n ─────\n 1  10.5 ms\n"),
        ],
    )
    def test_what_counts_as_equal(self, expected, actual):
        assert matches(expected, actual)

    @pytest.mark.parametrize(
        ("expected", "actual"), [("a\n", "a\nb\n"), ("a  b\n", "a b\n"), ("...b\n", "a\nb\n")]
    )
    def test_what_does_not(self, expected, actual):
        assert not matches(expected, actual)
