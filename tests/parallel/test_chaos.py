"""Processes are killed and stopped at random moments; what must not suffer by that, does not.

Each round has a seed, which is printed. ``KOGINE_CHAOS_SEED`` repeats the rounds from a seed on,
``KOGINE_CHAOS_ROUNDS`` says how many there are in all.
"""

import os
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress

import pytest
from processes import is_gone, start_program, until

from kohakuengine.config.base import Config
from kohakuengine.engine.script import Script
from kohakuengine.flow.runs import RunStatus
from kohakuengine.testing.belongings import belongings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

ROUNDS = int(os.environ.get("KOGINE_CHAOS_ROUNDS", "200"))
FIRST_SEED = int(os.environ.get("KOGINE_CHAOS_SEED") or random.SystemRandom().randrange(10**6))

# How many hundredths of the rounds; those that take longer are fewer.
SHARES = {
    ("fork", "run"): 21,
    ("fork", "zygote"): 16,
    ("fork", "parent"): 15,
    ("subprocess", "run"): 9,
    ("subprocess", "zygote"): 6,
    ("subprocess", "parent"): 8,
    ("pool", "run"): 10,
    ("pool", "zygote"): 7,
    ("pool", "parent"): 8,
}

BUSY = """
    import os, time
    number, busy_s, size = 0, 0.0, 0
    def main():
        time.sleep(busy_s)
        return number, os.getpid(), bytes(size)
"""


def seeds(mode, victim):
    share = max(1, ROUNDS * SHARES[mode, victim] // 100)
    for seed in range(FIRST_SEED, FIRST_SEED + share):
        print(f"seed {seed}")
        yield seed


def rounds(victim):
    return pytest.mark.parametrize("mode", [mode for mode, its in SHARES if its == victim])


class Killer(threading.Thread):
    """Kills one process, a while after the flow has begun; unless that is over by then."""

    def __init__(self, delay_s, candidates, chance):
        super().__init__()
        self._delay_s, self._candidates, self._chance = delay_s, candidates, chance
        self.over = threading.Event()
        self.killed = None

    def run(self):
        self.over.wait(self._delay_s)
        while not self.over.is_set():
            found = self._candidates()
            if found:
                pid = self._chance.choice(found)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed = pid
                return


def one_round(script, flow, candidates, seed, mode):
    """Run a flow during which something is killed; its results, and what was."""
    chance = random.Random(seed)
    scripts = []
    for number in range(6):
        busy = {"busy_s": chance.random() * 0.03, "size": chance.choice([0, 10, 10**5, 5 * 10**6])}
        scripts.append(Script(script.location, Config({"number": number, **busy})))
    killer = Killer(chance.random() * 0.15, candidates, chance)
    killer.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a zygote that died while it imported
            results = flow(scripts, mode).results()
    finally:
        killer.over.set()
        killer.join()
    for result in results:
        if result.ok:
            number, _, data = result.value
            assert number == result.index
            assert data == bytes(scripts[number].config.globals_dict["size"])
        else:
            assert result.status is RunStatus.LOST
            assert "SIGKILL" in str(result.error)
    return results, killer.killed


@pytest.fixture
def nothing_is_left(mark, scratch):
    def check(before):
        until(lambda: not mark.pids(), 2, "the end of all processes")
        until(lambda: not belongings() - before, 2, "the release of all else")
        assert list(scratch.iterdir()) == []

    return check


@rounds("run")
def test_a_run_that_is_killed_costs_that_run_only(mode, write, flow, mark, nothing_is_left):
    script = write(BUSY)
    for seed in seeds(mode, "run"):
        before = belongings()
        results, killed = one_round(
            script, flow, lambda: mark.grandchildren_of(os.getpid()), seed, mode
        )
        lost = sum(not result.ok for result in results)
        assert lost <= 1
        if killed is not None and mode != "pool":  # where it may have had nothing to do
            told = [result.value[1] for result in results if result.ok]
            assert lost == (killed not in told)
        nothing_is_left(before)


@rounds("zygote")
def test_what_starts_processes_costs_those_that_it_has(mode, write, flow, mark, nothing_is_left):
    script = write(BUSY)
    for seed in seeds(mode, "zygote"):
        before = belongings()
        results, _ = one_round(script, flow, lambda: mark.children_of(os.getpid()), seed, mode)
        assert sum(not result.ok for result in results) <= 2
        nothing_is_left(before)


# Of three runs each has a child, one of which is in a session of its own and one an orphan.
FAMILIES = """
    import os, pathlib, subprocess, sys, time
    number = 0
    folder = pathlib.Path(__file__).parent
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    def main():
        subprocess.Popen(sleeping, start_new_session=number == 1)
        if number == 2 and os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                subprocess.Popen(sleeping, start_new_session=True)
            os._exit(0)
        (folder / f"here-{number}").touch()
        time.sleep(60)
"""

PARENT = """
import sys
from kohakuengine import Config, Parallel, Script

location, mode = sys.argv[1:]
scripts = [Script(location, Config({"number": number})) for number in range(3)]
Parallel(scripts, max_workers=3, executor=mode).run()
"""


@rounds("parent")
def test_nothing_outlives_a_parent_that_is_killed(mode, write, tmp_path, mark, scratch):
    script = write(FAMILIES)
    for seed in seeds(mode, "parent"):
        with start_program(PARENT, tmp_path, script.location, mode) as parent:
            time.sleep(random.Random(seed).random() * 0.45)
            parent.kill()
        until(lambda: not mark.pids(), 2, "the end of all processes")


def test_nothing_outlives_a_parent_that_is_killed_when_all_is_there(
    mode, write, tmp_path, mark, scratch
):
    script = write(FAMILIES)
    with start_program(PARENT, tmp_path, script.location, mode) as parent:
        until(lambda: len(list((tmp_path / "scripts").glob("here-*"))) == 3)
        assert len(mark.pids()) > 3 * 2 + 1
        parent.kill()
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("mode", ["subprocess", "pool"])
def test_without_a_zygote_runs_end_when_their_parent_is_killed(
    mode, write, tmp_path, mark, scratch
):
    """As on systems whose forks cannot be supervised; there what left its group stays."""
    script = write("""
        import pathlib, subprocess, sys, time
        number = 0
        def main():
            assert sys.stdin.read() == ""
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            pathlib.Path(__file__).with_name(f"here-{number}").touch()
            time.sleep(60)
    """)
    there_is_none = (
        "from kohakuengine_parallel import launcher\nlauncher.can_fork = lambda: False\n"
    )
    words = (script.location, mode)
    with start_program(there_is_none + PARENT, tmp_path, *words) as parent:
        until(lambda: len(list((tmp_path / "scripts").glob("here-*"))) == 3)
        assert len(mark.children_of(parent.pid)) == 3
        parent.kill()
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_what_a_killed_run_had_started_ends_with_it(isolated, write, run, mark):
    script = write("""
        import os, signal, subprocess, sys
        sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
        def main():
            subprocess.Popen(sleeping)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    result = run(script, isolated)
    assert result.status is RunStatus.LOST
    until(lambda: not mark.pids(), 2, "the end of all processes")


STOPS_ITSELF = """
    import os, signal
    how = "stop"
    def main():
        if how == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        return how
"""


def test_a_run_that_is_stopped_is_ended_by_its_time_limit(mode, write, flow, mark):
    script = write(STOPS_ITSELF)
    scripts = [Script(script.location, Config({"how": how})) for how in ("stop", "go", "go")]
    results = flow(scripts, mode, timeout_s=1.5, grace_s=0.2).results()
    assert [result.status for result in results] == ["timeout", "success", "success"]
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_cancelling_ends_what_is_stopped(mode, write, flow, mark, scratch):
    scripts = [write(STOPS_ITSELF), write("def main(): pass", "other.py")]
    stream = flow(scripts, mode, grace_s=0.2).stream()
    assert next(stream).index == 1  # the other one's, so the first is stopped by now, or soon
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 20
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []


def test_cancelling_ends_runs_of_a_zygote_that_is_stopped(write, flow, mark, scratch):
    script = write("""
        import pathlib, time
        number = 0
        def main():
            if number:
                pathlib.Path(__file__).with_name("here").touch()
                time.sleep(60)
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in (0, 1)]
    stream = flow(scripts, "fork", grace_s=0.2).stream()
    assert next(stream).ok
    until(script.path.with_name("here").exists)
    [zygote] = mark.children_of(os.getpid())
    os.kill(zygote, signal.SIGSTOP)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 20
    assert is_gone(zygote)
    until(lambda: not mark.pids(), 2, "the end of all processes")
    assert list(scratch.iterdir()) == []
