"""What is seen on a terminal, through a real one."""

import fcntl
import os
import pty
import re
import struct
import termios

import pytest

CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FLOW = """
    import time

    from wflo import Workflow

    wf = Workflow("report")


    @wf.step()
    async def fetch() -> list[int]:
        return [1, 2, 3]


    @wf.step()
    def say(fetch) -> None:
        print("said by a step")
        time.sleep(0.4)


    @wf.step(map_over="fetch")
    def work(item: int) -> int:
        time.sleep(0.4)
        return item


    @wf.step()
    async def total(work: list[int], say) -> int:
        return sum(work)
"""


@pytest.fixture
def terminal(start):
    """Run ``wflo`` on a terminal and return all that it showed."""

    def run(*argv, columns=80, lines=40, env=None, **options):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(env or {})}
        process = start(*argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, **options)
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # how Linux says that the other side has gone
            pass
        os.close(ours)
        process.wait(timeout=30)
        return seen.decode().replace("\r\n", "\n")

    return run


def left(seen):
    """What stands on the terminal in the end."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[\d*[FJK]|\n)", seen):
        if up := re.fullmatch(r"\x1b\[(\d+)F", part):
            row -= int(up[1])
        elif part == "\x1b[J":
            del lines[row + 1 :]
            lines[row] = ""
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part and part != "\x1b[K":
            lines[row] = CODE.sub("", part)
    return [re.sub(r" +[0-9.]+ m?s", "  T", line).rstrip() for line in lines[:-1]]


def test_the_graph_is_drawn_while_it_runs_and_stays(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one")
    assert left(seen) == [
        "said by a step",
        "report 1  one  completed  4/4 steps  T",
        "✓ fetch  T",
        "├─ ✓ say  T",
        "└─ ✓ work  T  3/3",
        "✓ total  T  ← say, work",
        "6",
    ]
    assert re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", seen)
    assert "0/3" in CODE.sub("", seen)
    assert "\x1b[32m" in seen


def test_without_colours_it_is_the_same(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one", env={"NO_COLOR": "1"})
    assert left(seen)[1:3] == ["report 1  one  completed  4/4 steps  T", "✓ fetch  T"]
    assert not re.search(r"\x1b\[[0-9;]*m", seen)


def test_ascii_is_enough(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one", env={"PYTHONIOENCODING": "ascii"})
    assert seen.isascii()
    assert "|- + say  T" in left(seen)


def test_no_line_is_longer_than_the_terminal(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one", columns=20)
    assert left(seen)[1] == "report 1  one  com…"
    lines = re.split(r"\n|\x1b\[\d+F", seen)
    assert all(len(CODE.sub("", line)) < 20 for line in lines)


def test_no_drawing_is_higher_than_the_terminal_while_it_runs(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one", lines=5)
    ups = [int(number) for number in re.findall(r"\x1b\[(\d+)F", seen)]
    assert max(ups) <= 4
    assert left(seen)[-2] == "✓ total  T  ← say, work"


def test_a_dumb_terminal_gets_plain_lines(terminal, write):
    write(flow=FLOW)
    seen = terminal("run", "flow.py", "--id", "one", env={"TERM": "dumb"})
    assert "\x1b" not in seen
    assert seen.startswith("execution one of report 1\n")


def test_a_list_fits_the_terminal(terminal, write):
    write(flow=FLOW)
    terminal("run", "flow.py", "--id", "one")
    for line in CODE.sub("", terminal("list", columns=40)).splitlines():
        assert len(line.rstrip()) <= 60  # what cannot give way is not cut


def test_a_run_is_followed_on_a_terminal(terminal, write):
    write(flow=FLOW)
    terminal("run", "flow.py", "--id", "one")
    seen = terminal("show", "one", "--follow")
    assert left(seen)[0] == left(seen)[5] == "report 1  one  completed  4/4 steps  T"
