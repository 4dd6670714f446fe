"""A slot is free for the next run when the process before it is gone, not when that is done."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from processes import is_gone, until

from kohakuengine import Config, Script
from kohakuengine.flow.executors import Executor, executor_named
from kohakuengine.flow.runs import RunResult, RunSpec, RunStatus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has forks of a zygote")

if sys.platform == "linux":
    from tracing import kept_from_ending

DEADLINE_S = 30

# What it takes for a run to begin, many times over.
A_WHILE_S = 0.2

SOURCE = """
    import os, pathlib, time
    number = 0
    def main():
        here = pathlib.Path(__file__)
        here.with_name(f"{number}.new").write_text(str(os.getpid()))
        here.with_name(f"{number}.new").rename(here.with_name(f"{number}.begun"))
        deadline = time.monotonic() + 60
        while not here.with_name(f"{number}.go").exists():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return number
"""

# More than an order for a zygote has room for: such a run takes place in a fresh interpreter.
MANY = {f"a_rather_long_name_for_a_global_{number}": number for number in range(4000)}


class Runs:
    """Runs that begin when they can, and end when they are told."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self._executor = executor
        self._folder = folder
        self._number = 0

    def submit(self, script: Script, slot: int = 0, **values: Any) -> tuple[int, Future[RunResult]]:
        """Submit a run; returns its number."""
        number, self._number = self._number, self._number + 1
        given = Script(script.location, Config({"number": number, **values}))
        spec = RunSpec(number, given, slot=slot)
        return number, self._executor.submit(replace(spec, config=given.config))

    def has_begun(self, number: int) -> bool:
        return (self._folder / f"{number}.begun").exists()

    def pid(self, number: int) -> int:
        until(lambda: self.has_begun(number), DEADLINE_S, f"the begin of run {number}")
        return int((self._folder / f"{number}.begun").read_text())

    def go(self, number: int) -> None:
        (self._folder / f"{number}.go").touch()

    def do(self, script: Script, slot: int = 0) -> RunResult:
        """A run from its begin to its end."""
        number, future = self.submit(script, slot)
        self.go(number)
        return future.result(DEADLINE_S)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Executor]]:
    """Make an executor of three slots for forks."""
    executors = []

    def made(**options: Any) -> Executor:
        executor = executor_named("fork")(3, log_dir=tmp_path / "logs", **options)
        executors.append(executor)
        return executor

    yield made
    for executor in executors:
        executor.shutdown(cancel=True)


@pytest.fixture
def runs(made: Callable[..., Executor], write: Any) -> Runs:
    return Runs(made(), write(SOURCE).path.parent)


def done_but_there(runs: Runs, number: int, future: Future[RunResult]) -> None:
    """Have a run end whose process is kept from that."""
    runs.go(number)
    assert future.result(DEADLINE_S).value == number


@pytest.mark.parametrize("which", ["the same script", "another script", "a fresh interpreter"])
def test_the_next_run_of_a_slot_waits_until_the_process_is_gone(runs, write, which):
    script, other = write(SOURCE), write(SOURCE, "other.py")
    for known in (script, other):
        runs.do(known)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        values = MANY if which == "a fresh interpreter" else {}
        second, later = runs.submit(other if which == "another script" else script, **values)
        runs.go(second)
        time.sleep(A_WHILE_S)
        assert not runs.has_begun(second)
    assert later.result(DEADLINE_S).value == second


def test_other_slots_need_not_wait(runs, write):
    script = write(SOURCE)
    first, ends = runs.submit(script, 0)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        assert runs.do(script, 1).ok


def test_a_long_config_waits_as_well(runs, write):
    script = write(SOURCE)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        second, later = runs.submit(script, text="x" * 1_000_000)
        runs.go(second)
        time.sleep(A_WHILE_S)
        assert not runs.has_begun(second)
    assert later.result(DEADLINE_S).value == second


@pytest.fixture
def importing(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Script, Path]:
    """A script that returns what an installed module holds, and that module's file."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    held = tmp_path / "alib.py"
    held.write_text("value = 'old'\n")
    source = dedent(SOURCE).replace("return number", "return alib.value")
    return write("import alib\n" + source), held


def test_the_zygote_that_replaces_another_waits_for_what_that_had(runs, importing):
    script, held = importing
    first, ends = runs.submit(script, 0)
    other, goes_on = runs.submit(script, 1)
    runs.pid(other)
    with kept_from_ending(runs.pid(first)):
        held.write_text("value = 'another one'\n")
        until(lambda: runs.do(script, 2).value == "another one", DEADLINE_S, "another zygote")
        runs.go(first)
        assert ends.result(DEADLINE_S).value == "old"
        second, later = runs.submit(script, 0)
        runs.go(second)
        time.sleep(A_WHILE_S)
        assert not runs.has_begun(second)
    assert later.result(DEADLINE_S).value == "another one"
    runs.go(other)
    assert goes_on.result(DEADLINE_S).value == "old"


def test_a_run_that_waited_can_go_to_another_zygote(runs, importing):
    script, held = importing
    first, ends = runs.submit(script, 0)
    other, goes_on = runs.submit(script, 1)
    runs.pid(other)
    with kept_from_ending(runs.pid(first)):
        runs.go(first)
        assert ends.result(DEADLINE_S).value == "old"
        held.write_text("value = 'another one'\n")
        time.sleep(1)  # a zygote looks for that once a second
        second, later = runs.submit(script, 0)
        runs.go(second)
    assert later.result(DEADLINE_S).value == "another one"
    runs.go(other)
    assert goes_on.result(DEADLINE_S).value == "old"


def test_a_run_that_waits_can_take_too_long(made, write):
    script = write(SOURCE)
    runs = Runs(made(timeout_s=1), script.path.parent)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        second, later = runs.submit(script)
        assert later.result(DEADLINE_S).status is RunStatus.TIMEOUT
        assert not runs.has_begun(second)
    assert runs.do(script).ok
    assert not runs.has_begun(second)


def test_the_slot_of_a_run_that_waited_for_too_long_is_no_more_vacant_than_before(made, write):
    script, other = write(SOURCE), write(SOURCE, "other.py")
    runs = Runs(made(timeout_s=2), script.path.parent)
    for known in (script, other):
        runs.do(known)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        _, dropped = runs.submit(script)
        assert dropped.result(DEADLINE_S).status is RunStatus.TIMEOUT
        third, later = runs.submit(other)
        runs.go(third)
        time.sleep(A_WHILE_S)
        assert not runs.has_begun(third)
    assert later.result(DEADLINE_S).value == third


def test_a_run_that_fails_in_a_slot_that_it_waited_for_leaves_it_to_another(runs, write):
    script = write(SOURCE.replace("return number", "return number / (number != 3)"))
    other = write(SOURCE, "other.py")
    for known in (script, other):
        runs.do(known)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        second, fails = runs.submit(script)
        runs.go(second)
    assert fails.result(DEADLINE_S).status is RunStatus.FAILED
    assert runs.do(other).ok


@pytest.mark.parametrize("which", ["the same script", "another script"])
def test_a_run_that_waits_is_cancelled_with_the_rest(made, write, which):
    script, other = write(SOURCE), write(SOURCE, "other.py")
    executor = made()
    runs = Runs(executor, script.path.parent)
    for known in (script, other):
        runs.do(known)
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        done_but_there(runs, first, ends)
        second, later = runs.submit(other if which == "another script" else script)
        thread = threading.Thread(target=executor.shutdown, kwargs={"cancel": True})
        thread.start()
        time.sleep(A_WHILE_S)
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert later.result(0).status is RunStatus.CANCELLED
    assert not runs.has_begun(second)


def test_the_end_of_all_waits_for_processes_that_are_about_to_end(made, write):
    script = write(SOURCE)
    executor = made()
    runs = Runs(executor, script.path.parent)
    first, ends = runs.submit(script)
    pid = runs.pid(first)
    thread = threading.Thread(target=executor.shutdown)
    with kept_from_ending(pid):
        done_but_there(runs, first, ends)
        thread.start()
        thread.join(A_WHILE_S)
        assert thread.is_alive()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert is_gone(pid)


def test_a_zygote_that_dies_leaves_its_slots_to_another(runs, write):
    script = write(SOURCE.replace("return number", "return number, os.getppid()"))
    first, ends = runs.submit(script)
    with kept_from_ending(runs.pid(first)):
        runs.go(first)
        _, zygote = ends.result(DEADLINE_S).value
        second, later = runs.submit(script)
        os.kill(zygote, signal.SIGKILL)
        lost = later.result(DEADLINE_S)
        assert lost.status is RunStatus.LOST
        assert "the process that it was forked from was killed by SIGKILL" in str(lost.error)
        assert not runs.has_begun(second)
    assert runs.do(script).ok
