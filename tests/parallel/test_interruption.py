"""Ctrl-C, in a program that runs a flow: what starts, what ends, and what is kept."""

import json
import random
import signal
import sys
import time

import pytest
from processes import start_program, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

STORMS = 5

# Prints what it has when it is interrupted, as JSON.
PROGRAM = """
import json, sys
from kohakuengine import Config, ConfigGenerator, Parallel, Script
from kohakuengine.errors import FlowInterrupted

location, mode, grace_s, ways = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
configs = ConfigGenerator(Config({"number": n, "way": way}) for n, way in enumerate(ways))
flow = Parallel([Script(location, configs)], max_workers=2, executor=mode, grace_s=grace_s)
try:
    print(json.dumps(["values", flow.run()]))
except FlowInterrupted as error:
    found = [[result.index, str(result.status), result.value] for result in error.results]
    print(json.dumps(["interrupted", found]))
"""

# Each writes down that it has begun, and how it ends.
SCRIPT = """
import pathlib, signal, subprocess, sys, time
number, way = 0, ""

def note(text):
    pathlib.Path(__file__).with_name(f"{text}-{number}").touch()

def cleans_up(*_):
    note("cleaning")
    time.sleep(0.2)
    note("cleaned")
    sys.exit(1)

def main():
    if way == "quick":
        return number
    if way == "cleans up":
        signal.signal(signal.SIGTERM, cleans_up)
    if way == "ignores":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note("begun")
    time.sleep(60)
"""


@pytest.fixture
def begin(write, tmp_path, mark, scratch):
    """Start the program, and wait until so many of its runs have begun."""
    script = write(SCRIPT)

    def begin(mode, ways, grace_s, runs=2):
        words = (script.location, mode, str(grace_s), *ways)
        program = start_program(PROGRAM, tmp_path, *words)
        until(lambda: len(noted("begun")) == runs)
        return program

    def noted(what):
        return sorted(path.name for path in script.path.parent.glob(f"{what}-*"))

    begin.noted = noted
    return begin


@pytest.fixture
def nothing_is_left(mark, scratch):
    def check():
        until(lambda: not mark.pids(), 2, "the end of all processes")
        assert list(scratch.iterdir()) == []

    return check


def told(program):
    out, err = program.communicate(timeout=40)
    assert err == ""
    return json.loads(out)


def test_at_the_first_interrupt_runs_may_clean_up_and_nothing_new_starts(
    mode, begin, nothing_is_left
):
    program = begin(mode, ["quick", "cleans up", "cleans up", "quick", "cleans up"], 20)
    started = time.monotonic()
    program.send_signal(signal.SIGINT)
    kind, results = told(program)
    assert time.monotonic() - started < 15
    assert kind == "interrupted"
    assert results == [[0, "success", 0], [1, "cancelled", None], [2, "cancelled", None]]
    assert begin.noted("cleaned") == ["cleaned-1", "cleaned-2"]
    assert begin.noted("begun") == ["begun-1", "begun-2"]
    nothing_is_left()


def test_those_that_do_not_end_in_their_grace_are_killed(mode, begin, nothing_is_left):
    program = begin(mode, ["quick", "ignores", "ignores", "quick"], 0.5)
    started = time.monotonic()
    program.send_signal(signal.SIGINT)
    kind, results = told(program)
    assert 0.5 < time.monotonic() - started < 10
    assert kind == "interrupted"
    assert [result[1] for result in results] == ["success", "cancelled", "cancelled"]
    nothing_is_left()


def test_at_the_second_interrupt_all_is_killed_at_once(mode, begin, nothing_is_left):
    program = begin(mode, ["quick", "cleans up", "ignores", "quick"], 60)
    started = time.monotonic()
    program.send_signal(signal.SIGINT)
    until(lambda: begin.noted("cleaning"))
    program.send_signal(signal.SIGINT)
    kind, results = told(program)
    assert time.monotonic() - started < 10
    assert kind == "interrupted"
    assert results[0] == [0, "success", 0]
    assert [result[1] for result in results[1:]] == ["cancelled", "cancelled"]
    nothing_is_left()


def test_an_interrupt_while_imports_are_under_way(mode, write, tmp_path, mark, nothing_is_left):
    (tmp_path / "slow_to_import.py").write_text(
        "import pathlib, time\n"
        "pathlib.Path(__file__).with_name('importing').touch()\n"
        "time.sleep(60)\n"
    )
    script = write("import slow_to_import\ndef main(): pass")
    words = (script.location, mode, "20", "quick", "quick")
    program = start_program(PROGRAM, tmp_path, *words, environment={"PYTHONPATH": str(tmp_path)})
    until((tmp_path / "importing").exists)
    started = time.monotonic()
    program.send_signal(signal.SIGINT)
    kind, results = told(program)
    assert time.monotonic() - started < 10
    assert kind == "interrupted"
    assert {result[1] for result in results} == {"cancelled"}
    nothing_is_left()


def test_sigterm_ends_a_program_with_all_its_runs(mode, begin, mark):
    program = begin(mode, ["ignores", "ignores"], 60)
    program.terminate()
    program.communicate(timeout=30)
    assert program.returncode == -signal.SIGTERM
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_many_interrupts_at_random_moments(mode, write, tmp_path, mark, nothing_is_left):
    script = write("import time\nnumber, way = 0, ''\ndef main(): time.sleep(number % 4 / 100)")
    words = (script.location, mode, "20", *["quick"] * 200)
    for seed in random.SystemRandom().sample(range(10**6), STORMS):
        print(f"seed {seed}")
        chance = random.Random(seed)
        with start_program(PROGRAM, tmp_path, *words) as program:
            time.sleep(0.2 + chance.random() * 0.3)
            for _ in range(4):
                program.send_signal(signal.SIGINT)
                time.sleep(chance.random() ** 3 * 0.05)
            program.communicate(timeout=30)
        nothing_is_left()


def test_a_stream_that_is_left_stops_the_runs(mode, write, flow, nothing_is_left):
    script = write(SCRIPT)
    script.config = None
    from kohakuengine import Config, Script

    ways = ["quick", "cleans up", "quick", "quick"]
    scripts = [
        Script(script.location, Config({"number": number, "way": way}))
        for number, way in enumerate(ways)
    ]
    stream = flow(scripts, mode, grace_s=20).stream()
    assert next(stream).value == 0
    until(script.path.with_name("begun-1").exists)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 15
    assert script.path.with_name("cleaned-1").exists()
    nothing_is_left()
