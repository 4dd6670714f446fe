"""What thousands of runs leave behind: nothing."""

import json
import sys

import pytest
from processes import start_program, until

from kohakuengine.engine.script import Script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

# With far fewer files than there are runs, which one leak each would use up.
PROGRAM = """
import gc, json, resource, sys, time
from kohakuengine import Config, ConfigGenerator, Parallel, Script
from kohakuengine.testing.belongings import belongings

location, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

def run(count):
    configs = ConfigGenerator(Config({"number": number}) for number in range(count))
    flow = Parallel([Script(location, configs)], max_workers=2, executor=mode, on_error="continue")
    return sum(result.ok for result in flow.stream())

run(2)
before = belongings()
succeeded = run(count)
gc.collect()
deadline = time.monotonic() + 5
while belongings() - before and time.monotonic() < deadline:
    time.sleep(0.01)
print(json.dumps([succeeded, sorted(map(str, belongings() - before))]))
"""

# One in ten fails, one in a hundred is lost, some print, some leave a file open.
SCRIPT = """
    import os
    number = 0
    def main():
        if number % 100 == 99:
            os._exit(1)
        if number % 10 == 3:
            raise ValueError(number)
        if number % 10 == 5:
            print(number)
        main.file = open(__file__)
        return [number]
"""


@pytest.mark.parametrize(("mode", "count"), [("fork", 2000), ("pool", 2000), ("subprocess", 100)])
def test_nothing_is_left_of_thousands_of_runs_with_few_files(
    mode, count, write, tmp_path, mark, scratch
):
    script = write(SCRIPT)
    words = (script.location, mode, str(count))
    with start_program(PROGRAM, tmp_path, *words) as program:
        out, err = program.communicate(timeout=100)
    assert err == ""
    assert json.loads(out) == [count - count // 10 - count // 100, []]
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []
    logs = list((tmp_path / ".kogine" / "logs").glob("*/*.log"))
    assert all(log.stat().st_size for log in logs)
    if mode == "fork":
        assert len(logs) == 2 * count // 10


@pytest.mark.parametrize("size", [0, 100_000])
def test_more_runs_at_once_than_there_can_be_files_are_lost_one_by_one(
    size, write, tmp_path, mark, scratch
):
    program = """
import resource, sys
from kohakuengine import Config, Parallel, Script

location, size = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
scripts = [Script(location, Config({"data": bytes(size)})) for number in range(200)]
flow = Parallel(scripts, max_workers=150, executor="fork", on_error="continue")
for result in flow.results():
    print(result.status, result.error or "")
"""
    script = write("import time\ndata = b''\ndef main(): time.sleep(0.2)")
    with start_program(program, tmp_path, script.location, str(size)) as started:
        out, err = started.communicate(timeout=60)
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 200
    bad = [line for line in lines if not line.startswith("success")]
    assert all("Too many open files" in line for line in bad)
    assert len(bad) < 180
    assert bool(bad) == bool(size)  # a small config needs no file of its own
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def test_files_of_a_script_that_fails_to_start_are_released(write, flow, isolated, tmp_path):
    script = write("def main(): pass")
    stream = flow([Script(script.location), script], isolated, max_workers=1).stream()
    assert next(stream).ok
    script.path.unlink()
    assert [result.status for result in stream] == ["failed"]
