"""What is seen on a terminal, through a real one."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios

import pytest

CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(start):
    """Run ``kogine`` on a terminal and return all that it showed."""

    def run(*argv, columns=80, **options):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        options.setdefault("env", {})
        options["env"] = {"TERM": "xterm-256color", **options["env"]}
        process = start(*argv, stdin=theirs, stdout=theirs, stderr=theirs, **options)
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # how Linux says that the other side has gone
            pass
        os.close(ours)
        process.wait(timeout=30)
        return shown.decode().replace("\r\n", "\n")

    return run


def plain(shown):
    return [line.rstrip() for line in CODE.sub("", shown).splitlines()]


SCRIPT = """
    lr = 0.1
    epochs = 1
    def main():
        print("training", lr)
        if epochs == 3:
            raise ValueError("diverged")
        return {"loss": lr / epochs}
"""


def test_a_single_run_shows_nothing_of_ours(terminal, write):
    write(script="print('hi')")
    assert terminal("run", "script.py") == "hi\n"
    assert terminal("run", "script.py", "--set", "x=1", "--subprocess").endswith("hi\n")


def test_each_run_of_a_sweep_is_headed_by_what_tells_it_from_the_others(terminal, write):
    write(script=SCRIPT)
    shown = terminal("run", "script.py", "--sweep", "lr=0.5,0.25", "--sweep", "epochs=1,2")
    lines = plain(shown)
    assert lines[:8] == [
        "──────────────── 1/4  lr=0.5  epochs=1",
        "training 0.5",
        "━━━━──────────── 2/4  lr=0.5  epochs=2",
        "training 0.5",
        "━━━━━━━━──────── 3/4  lr=0.25  epochs=1",
        "training 0.25",
        "━━━━━━━━━━━━──── 4/4  lr=0.25  epochs=2",
        "training 0.25",
    ]
    table = [re.sub(r" +\d+\.\d (ms|s)", " T", line) for line in lines[8:]]
    assert table == [
        "",
        "run     lr   epochs   status    duration    loss",
        "────────────────────────────────────────────────",
        "  1    0.5        1   success T     0.5",
        "  2    0.5        2   success T    0.25",
        "  3   0.25        1   success T    0.25",
        "  4   0.25        2   success T   0.125",
        "",
        "4 runs in T: 4 succeeded",
    ]


def test_colours_say_how_a_run_went(terminal, write):
    write(script=SCRIPT)
    shown = terminal("run", "script.py", "--sweep", "epochs=1,3")
    rows = [line for line in shown.splitlines() if "success" in line or "failed" in line]
    assert any("\x1b[32msuccess" in row for row in rows)
    assert any(re.search(r"\x1b\[31m.*failed", row) for row in rows)


def test_no_color_is_respected(terminal, write):
    write(script=SCRIPT)
    shown = terminal("run", "script.py", "--sweep", "epochs=1,3", env={"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)


def test_a_terminal_that_is_too_narrow_has_some_lines_for_each_run(terminal, write):
    write(
        script="""
            a = 0
            name = ""
            def main():
                assert a == 1, "one is wanted, and nothing else will do"
                return {"accuracy": a / 8, "loss": 0.5}
        """,
        conf="_sweep = {'__mode__': 'zip', 'a': [1, 2], 'name': ['the first of them all', 'b']}",
    )
    lines = plain(terminal("run", "script.py", "-c", "conf.py", "--keep-going", columns=40))
    assert lines[0] == "──────────────── 1/2  a=1  name=the fir…"
    records = lines[lines.index("") + 1 :]
    assert [re.sub(r"\d+\.\d (ms|s)", "T", line) for line in records] == [
        "1  success  T",
        "   a=1  name=the first of them all",
        "   accuracy=0.125  loss=0.5",
        "2  failed  T",
        "   a=2  name=b",
        "   AssertionError: one is wanted, and",
        "   nothing else will do",
        "",
        "2 runs in T: 1 succeeded, 1 failed",
    ]


def test_the_environment_may_say_how_wide_it_is(terminal, write):
    write(one="x = 1\ndef main():\n    return 'abc' * 9", two="x = 1\nprint(x)")
    words = ["workflow", "sequential", "one.py", "two.py", "--sweep", "x=1,2"]
    lines = plain(terminal(*words, env={"COLUMNS": "44"}))
    records = lines[lines.index("") + 1 :]
    assert records[0].startswith("1  success  ")
    assert records[0].endswith("  one")
    assert records[1:3] == ["   x=1", "   abcabcabcabcabcabcabcabcabc"]


def test_a_long_error_takes_several_lines_of_its_column(terminal, write):
    write(script="x = 1\ndef main():\n    assert x == 1, 'word ' * 30")
    lines = plain(terminal("run", "script.py", "--sweep", "x=1,2", columns=70))
    table = lines[lines.index("") :]
    assert max(map(len, table)) <= 70
    assert sum("word" in line for line in table) > 2


def test_many_quick_runs_are_no_flood(terminal, write):
    write(script="x = 1\ndef main():\n    return x * x", conf="_sweep = {'x': list(range(3000))}")
    lines = plain(terminal("run", "script.py", "-c", "conf.py"))
    headings = [line for line in lines if "/3000" in line]
    assert headings[:2] == [
        "────────────────    1/3000  x=0",
        "────────────────    2/3000  x=1",
    ]
    assert 10 <= len(headings) < 20
    assert len(lines) < 60
    assert "…" in map(str.strip, lines)
    assert any(line.split()[:2] == ["3000", "2999"] for line in lines)


def test_runs_of_a_generator_are_numbered(terminal, write):
    write(
        script="x = 1\nprint(x)",
        conf="""
            from kohakuengine import Config
            def config_gen():
                yield Config({"x": 5})
                yield Config({"x": 6})
        """,
    )
    lines = plain(terminal("run", "script.py", "-c", "conf.py"))
    assert lines[:4] == ["── 1  x=5", "5", "── 2  x=6", "6"]


def test_the_scripts_of_a_workflow_are_named(terminal, write):
    write(one="print(1)", two="print(2)")
    lines = plain(terminal("workflow", "sequential", "one.py", "two.py"))
    assert lines[:4] == ["──────────────── 1/2  one", "1", "━━━━━━━━──────── 2/2  two", "2"]


def test_a_terminal_of_few_characters_gets_others(terminal, write):
    write(script=SCRIPT)
    shown = terminal(
        "run", "script.py", "--sweep", "lr=1,2", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    assert shown.isascii()
    assert plain(shown)[2] == "========-------- 2/2  lr=2.0"


def test_help_is_as_wide_as_the_terminal(terminal):
    assert max(map(len, plain(terminal("run", "--help", columns=60))[2:-4])) <= 60
    assert max(map(len, plain(terminal("run", "--help", columns=200)))) <= 100


# -- runs in parallel ----------------------------------------------------------------------------

WAITS_FOR_A_FILE = """
    import os, threading
    x = 1
    def main():
        print("out of sight")
        if x == 2:
            raise ValueError("diverged")
        while x > 2 and not os.path.exists("go"):
            threading.Event().wait(0.05)
        if x == 4:
            raise ValueError("diverged too")
        return x
"""


@pytest.fixture
def seen(start):
    """Run ``kogine`` on a terminal, do something each time that a text is seen there."""

    def run(*argv, steps):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {"TERM": "xterm-256color"}
        process = start(*argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
                if steps and steps[0][0] in CODE.sub("", shown.decode(errors="ignore")):
                    steps.pop(0)[1](process)
        except OSError:  # how Linux says that the other side has gone
            pass
        os.close(ours)
        process.wait(timeout=30)
        return process.returncode, shown.decode().replace("\r\n", "\n")

    return run


def test_parallel_runs_are_seen_while_they_go_on(seen, write, folder):
    write(script=WAITS_FOR_A_FILE)
    words = ["--sweep", "x=1,2,3,4", "-j", "2", "--keep-going"]

    steps = [("run 4  x=4", lambda process: (folder / "go").touch())]
    code, shown = seen("run", "script.py", *words, steps=steps)
    text = CODE.sub("", shown)
    assert code == 1
    assert "2/4  50%  1 failed" in text
    assert re.search(r"  \d  run 3  x=3 +\d s", text)
    assert "   1x ValueError: diverged (script.py:6)" in text
    assert "Error: run 2 with x=2 failed: ValueError: diverged; its output:" in text
    assert "out of sight" not in text
    assert "4 runs in " in plain(shown)[-2]
    assert plain(shown)[-1].startswith("Logs: .kogine/logs/")


def test_ctrl_c_is_answered_there(seen, write):
    write(
        script="""
            import signal, threading
            x = 1
            def main():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                print("deaf", flush=True)
                threading.Event().wait(60)
        """
    )

    def press(process):
        process.send_signal(signal.SIGINT)

    answer = "Stopping: waiting up to 60 s for 1 run; press Ctrl-C again to kill it."
    words = ["--sweep", "x=1,2", "-j", "1", "--grace", "1m"]
    code, shown = seen("run", "script.py", *words, steps=[("run 1  x=1", press), (answer, press)])
    assert code == 130
    assert any(line.startswith("1 of 2 runs in ") for line in plain(shown)[-3:])
    assert plain(shown)[-1] == "Interrupted."


def test_a_terminal_without_control_codes_gets_plain_lines(terminal, write):
    write(script=WAITS_FOR_A_FILE)
    shown = terminal("run", "script.py", "--sweep", "x=1,0", "-j", "1", env={"TERM": "dumb"})
    assert plain(shown)[0] == "2 runs, 1 at a time."
