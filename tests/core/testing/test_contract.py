"""The contract finds what is wrong with executors that break it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import ClassVar

import pytest

from kohakuengine.errors import KohakuEngineError, RunFailed, RunLost
from kohakuengine.flow.executors import InlineExecutor
from kohakuengine.flow.runs import RunResult, RunStatus
from kohakuengine.testing import ExecutorContract
from kohakuengine.testing import contract as contract_module


class Twisted(InlineExecutor):
    """Gives results that something was done to."""

    def submit(self, spec):
        future = Future()
        try:
            future.set_result(self.twist(super().submit(self.bend(spec)).result()))
        except Exception as error:
            future.set_exception(error)
        return future

    def bend(self, spec):
        return spec

    def twist(self, result):
        return result


class Reversing(Twisted):
    def twist(self, result):
        result.index = -result.index
        return result


class Representing(Twisted):
    def twist(self, result):
        result.value = repr(result.value)
        return result


class Raising(Twisted):
    def twist(self, result):
        if result.error:
            raise result.error
        return result


class Mute(Twisted):
    def twist(self, result):
        if result.error:
            result.error = RunFailed("it failed")
        return result


class Vague(Twisted):
    def twist(self, result):
        if result.error:
            result.error.kinds = result.error.kinds[:1]
        return result


class Swallowing(Twisted):
    def twist(self, result):
        result.status, result.error = RunStatus.SUCCESS, None
        return result


class Deaf(Twisted):
    def bend(self, spec):
        return replace(spec, argv=(), strict=False, config=None)


class Timeless(Twisted):
    def twist(self, result):
        result.started = result.duration_s = 0.0
        return result


class Holding(InlineExecutor):
    capacity = 0


class Boasting(InlineExecutor):
    capacity = 2


class Leaking(Twisted):
    """Leaves something behind, a new thing with every run."""

    kept: ClassVar = []

    def leave(self):
        raise NotImplementedError

    def twist(self, result):
        self.kept.append(self.leave())
        return result


class LeakingFiles(Leaking):
    def leave(self):
        return tempfile.mkdtemp()


class LeakingDescriptors(Leaking):
    def leave(self):
        return os.open(os.devnull, os.O_RDONLY)


class LeakingThreads(Leaking):
    def leave(self):
        stop = threading.Event()
        threading.Thread(target=stop.wait, daemon=True).start()
        return stop


class LeakingProcesses(Leaking):
    def leave(self):
        return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


class Unstoppable:
    """Runs in a thread, which nothing can end."""

    capacity = 1

    def __init__(self):
        self._threads = ThreadPoolExecutor(1)
        self._inline = InlineExecutor()

    def submit(self, spec):
        return self._threads.submit(lambda: self._inline.submit(spec).result())

    def shutdown(self, *, cancel=False):
        self._threads.shutdown(wait=not cancel)


class Killing:
    """Can stop what it runs, as little else as it can."""

    capacity = 1
    group = True

    def __init__(self):
        self._process = self._thread = None

    def submit(self, spec):
        future = Future()
        command = [sys.executable, spec.script.filename]
        self._process = subprocess.Popen(command, start_new_session=True)

        def wait():
            status = self._process.wait()
            error = RunLost(f"exit code {status}") if status else None
            ended = RunStatus.LOST if status else RunStatus.SUCCESS
            future.set_result(RunResult(spec.index, spec.script, None, ended, error=error))

        self._thread = threading.Thread(target=wait)
        self._thread.start()
        return future

    def shutdown(self, *, cancel=False):
        if self._thread is not None:
            if cancel and self._process.poll() is None:
                kill = os.killpg if self.group else os.kill
                kill(self._process.pid, signal.SIGKILL)
            self._thread.join()


class KillingTheFirstOnly(Killing):
    group = False


class Careless(Killing):
    """Does not wait for what is under way."""

    def shutdown(self, *, cancel=False):
        pass


def contract(executor, **kind):
    made = ExecutorContract()
    made.make_executor = executor
    made.deadline_s = 5.0
    vars(made).update(kind)
    return made


# What is broken -> the test that finds it.
BROKEN = {
    Reversing: "test_values_are_in_the_order_given",
    Representing: "test_plain_values_arrive_whole",
    Raising: "test_a_failure_is_a_result",
    Mute: "test_a_failure_has_the_scripts_traceback",
    Vague: "test_a_failure_has_kinds_and_a_place",
    Swallowing: "test_exit_codes_are_the_scripts",
    Deaf: "test_command_line_arguments_arrive",
    Timeless: "test_results_tell_which_run_they_are_of",
    Careless: "test_shutdown_waits_for_what_is_under_way",
    KillingTheFirstOnly: "test_cancel_stops_what_scripts_have_started",
}


@pytest.fixture
def impatient(monkeypatch):
    """Scripts that wait for each other, or for their end, give up soon."""
    for name in ("MEETING", "REVERSED", "TICKING"):
        source = getattr(contract_module, name).replace("+ 30", "+ 0.2").replace("6000", "300")
        monkeypatch.setattr(contract_module, name, source)


@pytest.mark.parametrize("executor", BROKEN, ids=lambda executor: executor.__name__)
def test_it_finds(executor, tmp_path, impatient):
    executor.capacity = 2 if executor is Reversing else 1
    made = contract(executor, waits=executor is KillingTheFirstOnly)
    with pytest.raises((AssertionError, KohakuEngineError)):
        getattr(made, BROKEN[executor])(tmp_path)


def test_it_finds_capacities_that_are_not_true(tmp_path, impatient):
    with pytest.raises(AssertionError):
        contract(Holding).test_holds_at_least_one_run()
    with pytest.raises(KohakuEngineError):
        contract(Boasting).test_holds_as_many_runs_at_once_as_it_says(tmp_path)


@pytest.mark.parametrize(
    "executor", [LeakingFiles, LeakingDescriptors, LeakingThreads, LeakingProcesses]
)
def test_it_finds_what_is_left_behind(executor, tmp_path, monkeypatch):
    made = contract(executor)
    made.deadline_s = 0.1
    with pytest.raises(AssertionError):
        made.test_nothing_is_left_behind(tmp_path, monkeypatch)
    for thing in executor.kept:
        if isinstance(thing, threading.Event):
            thing.set()
        elif isinstance(thing, int):
            os.close(thing)
        elif isinstance(thing, subprocess.Popen):
            thing.communicate()
    executor.kept.clear()


def test_it_finds_what_cannot_be_cancelled(tmp_path, monkeypatch):
    source = contract_module.TICKING.replace("6000", "200")
    monkeypatch.setattr(contract_module, "TICKING", source)
    executor = Unstoppable()
    with pytest.raises(AssertionError):
        contract(lambda: executor, waits=True).test_cancel_stops_what_is_under_way(tmp_path)
    executor.shutdown()


def test_what_can_be_cancelled_passes(tmp_path):
    # The assertions are those of the contract.
    made = contract(Killing, waits=True)
    for name in (
        "test_cancel_stops_what_is_under_way",
        "test_cancel_stops_what_scripts_have_started",
    ):
        folder = tmp_path / name
        folder.mkdir()
        getattr(made, name)(folder)


def test_how_an_executor_is_made_is_the_subclass_to_say():
    with pytest.raises(NotImplementedError):
        ExecutorContract().make_executor()


def test_without_cloudpickle_what_takes_it_is_skipped(monkeypatch):
    import unittest

    monkeypatch.setattr(contract_module, "find_spec", lambda name: None)
    with pytest.raises(unittest.SkipTest):
        contract(InlineExecutor, elsewhere=True)._needs_cloudpickle()


def test_pytest_is_not_needed_to_import_it(python):
    assert python("import kohakuengine.testing, sys; print('pytest' in sys.modules)") == "False\n"
