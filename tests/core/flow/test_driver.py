import itertools
import signal
import threading
import time
import tracemalloc
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread, Timer

import pytest

from kohakuengine import Config, Script, load_config_file
from kohakuengine.errors import (
    EntrypointNotFound,
    FlowFailed,
    FlowInterrupted,
    RunFailed,
    WorkflowError,
)
from kohakuengine.flow import driver as driver_module
from kohakuengine.flow.driver import Driver, Listener
from kohakuengine.flow.runs import RunSpec, RunStatus
from kohakuengine.testing import FakeExecutor, RecordingListener


@pytest.fixture
def specs(script):
    """A generator of runs, which notes what is sent to it, and how many were asked for."""
    made = script("def main(): pass")

    class Specs:
        def __init__(self):
            self.sent = []
            self.asked = 0
            self.closed = False

        def __call__(self, count, *, error=None):
            try:
                for index in itertools.count() if count is None else range(count):
                    self.asked += 1
                    self.sent.append((yield RunSpec(index, made, Config({"index": index}))))
                if error is not None:
                    raise error
            finally:
                self.closed = True

    return Specs()


@pytest.fixture
def worker_config(tmp_path):
    """Load the config that a `config_gen` gives."""

    def load(source):
        path = tmp_path / "workers.py"
        path.write_text(f"from kohakuengine import Config\n{source}")
        return load_config_file(path)

    return load


def later(**endings):
    """Ends nothing at once: after run N was submitted, what ``after_N`` says."""

    def react(executor, spec):
        for ending in endings.get(f"after_{spec.index}", ()):
            ending(executor)

    return react


def ok(index):
    return lambda executor: executor.succeed(index, index)


def bad(index):
    return lambda executor: executor.fail(index)


def indices(results):
    return [result.index for result in results]


class TestWindow:
    def test_nothing_is_expanded_before_it_is_asked_for(self, specs):
        stream = Driver(FakeExecutor()).stream(specs(3))
        assert specs.asked == 0
        next(stream)
        assert specs.asked == 1

    def test_no_more_runs_are_under_way_than_the_executor_holds(self, specs):
        most = []

        def react(executor, spec):
            most.append(len(executor.under_way))
            if spec.index >= 2:
                executor.succeed(spec.index - 2)
            if spec.index == 9:
                executor.succeed(8)
                executor.succeed(9)

        executor = FakeExecutor(3, react)
        results = list(Driver(executor).stream(specs(10)))
        assert sorted(indices(results)) == list(range(10))
        assert max(most) == 3

    def test_results_come_as_runs_end(self, specs):
        react = later(after_2=[ok(1)], after_3=[ok(3), ok(0), ok(2)])
        results = Driver(FakeExecutor(3, react)).stream(specs(4))
        assert next(results).index == 1
        assert sorted(indices(results)) == [0, 2, 3]

    def test_slots_are_used_again(self, specs):
        executor = FakeExecutor(2, later(after_1=[ok(1)], after_2=[ok(0)], after_3=[ok(2), ok(3)]))
        slots = {result.index: result.slot for result in Driver(executor).stream(specs(4))}
        assert slots == {0: 0, 1: 1, 2: 1, 3: 0}

    def test_an_executor_that_holds_nothing_is_refused(self):
        with pytest.raises(WorkflowError, match="capacity 0 cannot run anything"):
            Driver(FakeExecutor(0))

    def test_no_runs_are_no_results(self, specs):
        executor = FakeExecutor()
        assert list(Driver(executor).stream(specs(0))) == []
        assert executor.shutdowns == [False]

    def test_results_tell_the_script_and_config_that_were_given(self, specs):
        class Copying(FakeExecutor):
            def succeed(self, index, value=None):
                spec = self.submitted[-1]
                self.submitted[-1] = RunSpec(
                    index, Script(spec.script.path), Config({"index": "changed"})
                )
                super().succeed(index, value)

        (result,) = Driver(Copying()).stream(specs(1))
        assert result.config == Config({"index": 0})


class TestOnError:
    def test_stop_starts_nothing_new_and_lets_the_running_end(self, specs):
        executor = FakeExecutor(2, later(after_1=[bad(0), ok(1)]))
        results = []
        with pytest.raises(
            FlowFailed, match=r"^run 1 of the flow did not succeed: it failed$"
        ) as caught:
            results.extend(Driver(executor).stream(specs(5)))
        assert [(result.index, result.ok) for result in sorted(results, key=lambda r: r.index)] == [
            (0, False),
            (1, True),
        ]
        assert isinstance(caught.value.__cause__, RunFailed)
        assert indices(caught.value.results) == [0]
        assert (specs.asked, executor.shutdowns) == (2, [False])

    def test_stop_waits_for_the_running(self, specs):
        class Slow(FakeExecutor):
            """Ends the second run only when the failure of the first has been told."""

        executor = Slow(2, later(after_1=[bad(0)]))

        class Ending(Listener):
            def run_finished(self, result):
                if not result.ok:
                    executor.succeed(1)

        results = []
        with pytest.raises(FlowFailed):
            results.extend(Driver(executor, listeners=[Ending()]).stream(specs(5)))
        assert indices(results) == [0, 1]

    def test_continue_goes_on(self, specs):
        executor = FakeExecutor(1, lambda e, s: (e.fail if s.index % 2 else e.succeed)(s.index))
        results = list(Driver(executor, on_error="continue").stream(specs(4)))
        assert [result.ok for result in results] == [True, False, True, False]

    def test_raise_stops_the_running_too(self, specs):
        executor = FakeExecutor(2, later(after_1=[bad(0)]))
        listener = RecordingListener()
        results = []
        driver = Driver(executor, on_error="raise", listeners=[listener])
        with pytest.raises(FlowFailed) as caught:
            results.extend(driver.stream(specs(5)))
        assert [(result.index, result.status) for result in results] == [
            (0, RunStatus.FAILED),
            (1, RunStatus.CANCELLED),
        ]
        assert executor.shutdowns == [True]
        assert listener.names[-2:] == ["run_finished 1", "flow_ended"]
        assert indices(caught.value.results) == [0]

    def test_a_run_that_was_lost_because_it_was_stopped_is_cancelled(self, specs):
        class Killing(FakeExecutor):
            def shutdown(self, *, cancel=False):
                super().shutdown()
                for index in list(self.under_way):
                    self.lose(index) if index == 1 else self.succeed(index)

        executor = Killing(3, later(after_2=[bad(0)]))
        results = []
        with pytest.raises(FlowFailed):
            results.extend(Driver(executor, on_error="raise").stream(specs(5)))
        statuses = {result.index: result.status for result in results}
        assert statuses == {0: "failed", 1: "cancelled", 2: "success"}

    def test_all_that_have_failed_are_told_by_kind(self, specs):
        def fail(index, line):
            kinds = ("ValueError", "Exception")
            return lambda executor: executor.fail(index, kinds=kinds, where=f"train.py:{line}")

        lose = lambda executor: executor.lose(1, exit_code=-9)  # noqa: E731
        executor = FakeExecutor(4, later(after_3=[fail(2, 7), lose, fail(0, 7), fail(3, 8)]))
        message = (
            r"^4 runs of the flow did not succeed \(2 ValueError at train\.py:7, 1 lost: SIGKILL, "
            r"1 ValueError at train\.py:8\); the first is run 3: it failed$"
        )
        with pytest.raises(FlowFailed, match=message):
            list(Driver(executor).stream(specs(None)))

    def test_other_words_are_refused(self):
        with pytest.raises(
            WorkflowError, match=r"on_error is 'ignore'; it takes stop, continue, raise\."
        ):
            Driver(FakeExecutor(), on_error="ignore")


class TestRetries:
    def failing(self, times, capacity=1):
        """Run 0 fails so many times."""

        def react(executor, spec):
            fails = spec.index == 0 and spec.attempt <= times
            (executor.fail if fails else executor.succeed)(spec.index)

        return FakeExecutor(capacity, react)

    def test_a_run_is_tried_again_until_it_succeeds(self, specs):
        executor = self.failing(2)
        listener = RecordingListener()
        results = list(Driver(executor, retries=2, listeners=[listener]).stream(specs(1)))
        assert [(result.ok, result.attempt) for result in results] == [(True, 3)]
        assert [spec.attempt for spec in executor.submitted] == [1, 2, 3]
        assert listener.names == [
            "flow_started",
            "run_started 0",
            "run_retried 0",
            "run_started 0",
            "run_retried 0",
            "run_started 0",
            "run_finished 0",
            "flow_ended",
        ]

    def test_or_until_there_are_no_more_tries(self, specs):
        with pytest.raises(FlowFailed):
            list(Driver(self.failing(3), retries=2).stream(specs(1)))

    def test_a_lost_run_is_tried_again(self, specs):
        executor = FakeExecutor(1, lambda e, s: (e.lose if s.attempt == 1 else e.succeed)(0))
        assert next(Driver(executor, retries=1).stream(specs(1))).ok

    def test_a_refused_run_is_not(self, specs):
        executor = FakeExecutor(1, lambda e, s: e.refuse(0, EntrypointNotFound("none")))
        with pytest.raises(FlowFailed, match="none"):
            list(Driver(executor, retries=5).stream(specs(1)))
        assert len(executor.submitted) == 1

    def test_each_pause_is_twice_as_long(self, specs):
        executor = self.failing(2)
        started = time.monotonic()
        list(Driver(executor, retries=2, retry_delay_s=0.02).stream(specs(1)))
        assert time.monotonic() - started >= 0.06

    def test_others_run_meanwhile(self, specs):
        executor = self.failing(1)
        results = Driver(executor, retries=1, retry_delay_s=0.3).stream(specs(3))
        assert indices(results) == [1, 2, 0]

    def test_a_retry_is_due_while_others_are_under_way(self, specs):
        def react(executor, spec):
            if spec.index == 0:
                executor.fail(0) if spec.attempt == 1 else executor.succeed(0)
                if spec.attempt == 2:
                    executor.succeed(1)

        executor = FakeExecutor(2, react)
        results = Driver(executor, retries=1, retry_delay_s=0.05).stream(specs(2))
        assert sorted(indices(results)) == [0, 1]

    def test_every_attempt_gets_the_values_new(self, specs):
        def react(executor, spec):
            spec.config.globals_dict["index"] = "changed"
            (executor.fail if spec.attempt == 1 else executor.succeed)(0)

        executor = FakeExecutor(1, react)
        (result,) = Driver(executor, retries=1).stream(specs(1))
        assert result.config == Config({"index": 0})

    def test_one_that_waits_when_the_flow_stops_has_failed(self, specs):
        def react(executor, spec):
            if spec.index == 1:
                executor.refuse(1, EntrypointNotFound("none"))
            else:
                executor.fail(spec.index)

        results = []
        driver = Driver(FakeExecutor(1, react), retries=1, retry_delay_s=60)
        with pytest.raises(FlowFailed, match="run 2"):
            results.extend(driver.stream(specs(2)))
        assert [(result.index, result.attempt) for result in results] == [(1, 1), (0, 1)]

    def test_no_more_wait_than_the_bound(self, specs, monkeypatch):
        monkeypatch.setattr(driver_module, "_MAX_WAITING", 2)
        executor = FakeExecutor(1, lambda e, s: (e.fail if s.attempt == 1 else e.succeed)(s.index))
        results = Driver(executor, retries=1, retry_delay_s=0.3).stream(specs(5))
        assert sorted(indices(results)) == [0, 1, 2, 3, 4]
        assert [spec.index for spec in executor.submitted[:3]] == [0, 1, 0]

    def test_what_is_not_asked_for_is_not_tried_again(self, specs):
        def react(executor, spec):
            executor.lose(0) if spec.index == 0 else executor.fail(1, kinds=("KeyError",))

        executor = FakeExecutor(1, react)
        driver = Driver(executor, on_error="continue", retries=1, retry_on=["lost"])
        results = {result.index: result for result in driver.stream(specs(2))}
        assert [results[index].attempt for index in (0, 1)] == [2, 1]

    def test_a_retry_gets_its_config_for_the_slot_that_it_gets(self, script, worker_config):
        made = script("def main(): pass")
        config = worker_config("def config_gen(worker_id=None): return Config({'w': worker_id})")

        def react(executor, spec):
            if spec.index == 1:
                executor.fail(0)  # its slot is free again, and taken by run 2
            if spec.attempt == 2:
                for index in list(executor.under_way):
                    executor.succeed(index)

        executor = FakeExecutor(3, react)
        specs = (RunSpec(index, made, config) for index in range(3))
        results = list(Driver(executor, retries=1, retry_delay_s=0.05).stream(specs))
        assert len(results) == 3
        for spec in executor.submitted:
            assert spec.config == Config({"w": spec.slot})
        assert [(spec.index, spec.slot) for spec in executor.submitted] == [
            (0, 0),
            (1, 1),
            (2, 0),
            (0, 2),
        ]
        assert all(result.config == Config({"w": result.slot}) for result in results)

    @pytest.mark.parametrize("options", [{"retries": -1}, {"retry_delay_s": -1}])
    def test_negative_numbers_are_refused(self, options):
        with pytest.raises(WorkflowError, match="cannot be negative"):
            Driver(FakeExecutor(), **options)


class TestBounds:
    def failing(self, specs, count, *, kind="ValueError {}", **options):
        """What comes of runs that all fail, each by an error of its own."""
        executor = FakeExecutor(
            1, lambda e, s: e.fail(s.index, kinds=(kind.format(s.index),), where="train.py:1")
        )
        results = []
        driver = Driver(executor, on_error="continue", **options)
        with pytest.raises(FlowFailed) as caught:
            results.extend(driver.stream(specs(count)))
        return len(results), str(caught.value)

    def test_so_many_failures_end_the_flow(self, specs):
        count, message = self.failing(specs, None, max_failures=3, max_identical_failures=3)
        assert count == 3
        assert message.startswith(
            "the flow stopped at max_failures=3: 3 runs of the flow did not succeed ("
        )

    def test_so_do_so_many_of_one_kind(self, specs):
        count, message = self.failing(specs, None, kind="E", max_identical_failures=2)
        assert count == 2
        assert message == (
            "the flow stopped at max_identical_failures=2: 2 runs of the flow did not succeed "
            "(2 E at train.py:1); the first is run 1: it failed"
        )

    def test_kinds_without_number_are_not_taken_for_one(self, specs):
        count, _ = self.failing(specs, None, max_failures=300, max_identical_failures=2)
        assert count == 300

    def test_those_that_succeeded_when_tried_again_do_not_count(self, specs):
        executor = FakeExecutor(1, lambda e, s: (e.fail if s.attempt == 1 else e.succeed)(s.index))
        driver = Driver(executor, on_error="continue", retries=1, max_failures=1)
        assert all(result.ok for result in driver.stream(specs(3)))

    def test_what_runs_may_end(self, specs):
        executor = FakeExecutor(2, later(after_1=[bad(0), ok(1)]))
        results = []
        driver = Driver(executor, on_error="continue", max_failures=1)
        with pytest.raises(FlowFailed, match=r"^the flow stopped at max_failures=1: run 1 of"):
            results.extend(driver.stream(specs(None)))
        assert [(result.index, result.ok) for result in results] == [(0, False), (1, True)]
        assert executor.shutdowns == [False]

    def test_fewer_do_not(self, specs):
        executor = FakeExecutor(1, lambda e, s: e.fail(s.index))
        driver = Driver(executor, on_error="continue", max_failures=3)
        assert len(list(driver.stream(specs(2)))) == 2


class TestSlots:
    def test_each_run_gets_its_config_for_its_slot(self, script, worker_config):
        made = script("def main(): pass")
        config = worker_config("def config_gen(worker_id=None): return Config({'w': worker_id})")
        executor = FakeExecutor(2, later(after_1=[ok(1)], after_2=[ok(0), ok(2)]))
        specs = (RunSpec(index, made, config) for index in range(3))
        results = {result.index: result for result in Driver(executor).stream(specs)}
        given = [results[index].config.globals_dict["w"] for index in range(3)]
        assert given == [0, 1, 1] == [spec.config.globals_dict["w"] for spec in executor.submitted]

    @pytest.mark.parametrize("on_error", ["stop", "continue"])
    def test_a_config_that_fails_for_one_ends_the_flow(self, script, worker_config, on_error):
        made = script("def main(): pass")
        config = worker_config(
            "def config_gen(worker_id=0): return Config({'x': 1 / (1 - worker_id)})"
        )
        executor = FakeExecutor(2, lambda executor, spec: None)

        def specs():
            yield RunSpec(0, made, config)
            executor.succeed(0)
            yield RunSpec(1, made, config)

        results = []
        stream = Driver(executor, on_error=on_error).stream(specs())
        with pytest.raises(ZeroDivisionError):
            results.extend(stream)
        assert indices(results) == [0]
        assert executor.shutdowns == [False]

    def test_one_that_fails_for_a_retry_leaves_the_result_there_was(self, script, worker_config):
        made = script("def main(): pass")
        config = worker_config(
            "def config_gen(worker_id=0): return Config({'x': 1 / (1 - worker_id)})"
        )

        def react(executor, spec):
            if spec.index == 1:
                executor.fail(0)
            if spec.index == 2:  # in slot 0, so that run 0 gets the other one
                executor.succeed(1)

        class Ending(Listener):
            def run_finished(self, result):
                if result.index == 0:
                    executor.succeed(2)

        executor = FakeExecutor(2, react)
        specs = (RunSpec(index, made, Config() if index else config) for index in range(3))
        results = []
        options = {"on_error": "continue", "retries": 1, "retry_delay_s": 0.01}
        driver = Driver(executor, **options, listeners=[Ending()])
        with pytest.raises(ZeroDivisionError):
            results.extend(driver.stream(specs))
        assert sorted((result.index, result.status) for result in results) == [
            (0, "failed"),
            (1, "success"),
            (2, "success"),
        ]


class TestThreads:
    class Threaded(FakeExecutor):
        """Its runs are ended by another thread."""

        def __init__(self, capacity, react=None):
            super().__init__(capacity, lambda executor, spec: self.queue.put(spec))
            self.queue = SimpleQueue()
            self.thread = Thread(target=self.work)
            self.thread.start()

        def work(self):
            while (spec := self.queue.get()) is not None:
                self.succeed(spec.index, spec.index)

        def shutdown(self, *, cancel=False):
            self.queue.put(None)
            self.thread.join()
            super().shutdown(cancel=cancel)

    def test_may_end_the_runs(self, specs):
        results = Driver(self.Threaded(3)).stream(specs(200))
        assert sorted(indices(results)) == list(range(200))

    def test_waiting_for_them_can_be_interrupted(self, specs):
        main = threading.main_thread().ident

        class Interrupting(FakeExecutor):
            def submit(self, spec):
                if spec.index == 1:
                    Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
                return super().submit(spec)

        results = []
        with pytest.raises(FlowInterrupted):
            results.extend(Driver(Interrupting(2, later())).stream(specs(None)))
        assert [result.status for result in results] == ["cancelled", "cancelled"]


class TestFeedback:
    def test_in_sequential_flows_it_is_the_run_just_yielded(self, specs):
        list(Driver(FakeExecutor()).stream(specs(3)))
        assert [sent and sent.value for sent in specs.sent] == [0, 1, 2]

    def test_in_parallel_flows_the_newest_not_handed_over(self, specs):
        executor = FakeExecutor(2, later(after_1=[ok(0), ok(1)], after_3=[ok(2), ok(3)]))
        list(Driver(executor).stream(specs(4)))
        handed = [sent and sent.value for sent in specs.sent]
        assert handed[0] is None
        assert sorted(handed[1:3]) == [0, 1]

    def test_failures_are_handed_over_too(self, specs):
        executor = FakeExecutor(1, lambda e, s: e.fail(s.index))
        list(Driver(executor, on_error="continue").stream(specs(2)))
        assert [sent.status for sent in specs.sent] == ["failed", "failed"]


class TestGenerators:
    def test_an_error_in_one_comes_after_what_is_under_way(self, specs):
        executor = FakeExecutor(4, later(after_1=[]))
        error = ValueError("in the generator")

        class Ending(Listener):
            def run_started(self, spec):
                if spec.index == 1:
                    executor.submit = self.submit

            def submit(self, spec):
                future = FakeExecutor.submit(executor, spec)
                executor.succeed(0)
                executor.succeed(1)
                return future

        results = []
        with pytest.raises(ValueError, match="in the generator") as caught:
            results.extend(Driver(executor, listeners=[Ending()]).stream(specs(2, error=error)))
        assert caught.value is error
        assert sorted(indices(results)) == [0, 1]
        assert executor.shutdowns == [False]

    def test_with_raise_it_stops_them(self, specs):
        executor = FakeExecutor(4, later())
        results = []
        driver = Driver(executor, on_error="raise")
        with pytest.raises(ValueError, match="x"):
            results.extend(driver.stream(specs(2, error=ValueError("x"))))
        assert [result.status for result in results] == ["cancelled", "cancelled"]
        assert executor.shutdowns == [True]

    def test_it_is_closed_in_the_end(self, specs):
        stream = Driver(FakeExecutor()).stream(specs(3))
        next(stream)
        assert not specs.closed
        stream.close()
        assert specs.closed

    def test_an_error_when_it_is_closed_comes_after_all_is_cleaned_up(self, script):
        def runs():
            try:
                yield RunSpec(0, script("def main(): pass"))
            finally:
                raise ValueError("in its finally")

        executor, listener = FakeExecutor(), RecordingListener()
        stream = Driver(executor, listeners=[listener]).stream(runs())
        next(stream)
        with pytest.raises(ValueError, match="in its finally"):
            stream.close()
        assert executor.shutdowns == [False]
        assert listener.names[-1] == "flow_ended"


class TestEnds:
    def test_an_abandoned_stream_shuts_the_executor_down(self, specs):
        executor = FakeExecutor(2, later(after_1=[ok(0)]))
        listener = RecordingListener()
        stream = Driver(executor, listeners=[listener]).stream(specs(None))
        assert next(stream).index == 0
        stream.close()
        assert executor.shutdowns == [True]
        assert executor.under_way[1].cancelled()
        assert listener.names[-2:] == ["run_finished 1", "flow_ended"]

    def test_an_interrupt_is_flow_interrupted_and_a_keyboard_interrupt(self, specs):
        def react(executor, spec):
            if spec.index == 2:
                executor.succeed(1, "done meanwhile")
                raise KeyboardInterrupt

        executor = FakeExecutor(3, react)
        listener = RecordingListener()
        results = []
        with pytest.raises(KeyboardInterrupt) as caught:
            results.extend(Driver(executor, listeners=[listener]).stream(specs(None), 5))
        assert isinstance(caught.value, FlowInterrupted)
        assert type(caught.value.__cause__) is KeyboardInterrupt
        assert {result.index: result.status for result in results} == {
            0: "cancelled",
            1: "success",
            2: "cancelled",
        }
        assert executor.shutdowns == [True]
        assert listener.names[-1] == "flow_ended"

    def test_an_interrupt_does_not_lose_what_waits_for_a_retry(self, specs):
        def react(executor, spec):
            if spec.index == 1:
                raise KeyboardInterrupt
            executor.fail(0)

        results = []
        driver = Driver(FakeExecutor(1, react), retries=1, retry_delay_s=60)
        with pytest.raises(FlowInterrupted):
            results.extend(driver.stream(specs(2)))
        assert [(result.index, result.status) for result in results] == [
            (0, "failed"),
            (1, "cancelled"),
        ]

    def test_an_interrupt_while_a_listener_is_told_loses_nothing(self, specs):
        class Slow(RecordingListener):
            def run_finished(self, result):
                super().run_finished(result)
                if result.index == 1:
                    raise KeyboardInterrupt

        listener = Slow()
        results = []
        with pytest.raises(FlowInterrupted):
            results.extend(Driver(FakeExecutor(), listeners=[listener]).stream(specs(None)))
        assert indices(results) == [0, 1]
        assert listener.names[-2:] == ["run_finished 1", "flow_ended"]

    def test_one_while_the_executor_is_shut_down_loses_nothing(self, specs):
        class Hurried(FakeExecutor):
            def shutdown(self, *, cancel=False):
                super().shutdown(cancel=cancel)
                raise KeyboardInterrupt

        executor = Hurried(2, later(after_1=[bad(0)]))
        listener = RecordingListener()
        results = []
        driver = Driver(executor, on_error="raise", listeners=[listener])
        with pytest.raises(FlowInterrupted):
            results.extend(driver.stream(specs(None)))
        assert [(result.index, result.status) for result in results] == [
            (0, "failed"),
            (1, "cancelled"),
        ]
        assert listener.names[-1] == "flow_ended"
        stream = Driver(Hurried(1)).stream(specs(None))
        next(stream)
        with pytest.raises(KeyboardInterrupt):
            stream.close()

    def test_an_error_in_a_future_goes_through(self, specs):
        class Broken(FakeExecutor):
            def submit(self, spec):
                future = super().submit(spec)
                if spec.index == 1:
                    future.set_exception(OSError("no space left"))
                return future

        listener = RecordingListener()
        results = []
        driver = Driver(Broken(2, later()), listeners=[listener])
        with pytest.raises(OSError, match="no space left"):
            results.extend(driver.stream(specs(2)))
        assert results == []
        cancelled = [about.status for name, about in listener.events if name == "run_finished"]
        assert cancelled == ["cancelled", "cancelled"]
        assert listener.names[-1] == "flow_ended"

    def test_an_error_of_the_executor_goes_through(self, specs):
        class Broken(FakeExecutor):
            def submit(self, spec):
                raise OSError("no space left")

        executor = Broken()
        listener = RecordingListener()
        with pytest.raises(OSError, match="no space left"):
            list(Driver(executor, listeners=[listener]).stream(specs(1)))
        assert executor.shutdowns == [True]
        assert listener.names == ["flow_started", "run_started 0", "run_finished 0", "flow_ended"]

    def test_an_error_of_a_listener_ends_the_flow(self, specs):
        class Broken(Listener):
            def flow_started(self, total):
                raise OSError("no space left")

        executor = FakeExecutor()
        with pytest.raises(OSError, match="no space left"):
            list(Driver(executor, listeners=[Broken()]).stream(specs(1)))
        assert executor.shutdowns == [False]
        assert specs.asked == 0

    def test_a_future_that_its_executor_cancelled_is_a_cancelled_run(self, specs):
        class Cancelling(FakeExecutor):
            def submit(self, spec):
                future = Future()
                future.cancel()
                return future

        (result,) = Driver(Cancelling(), on_error="continue").stream(specs(1))
        assert result.status is RunStatus.CANCELLED


class TestListeners:
    def test_are_told_everything_in_order(self, specs):
        listener = RecordingListener()
        list(Driver(FakeExecutor(), listeners=[listener]).stream(specs(2), 2))
        assert listener.events[0] == ("flow_started", 2)
        assert listener.names == [
            "flow_started",
            "run_started 0",
            "run_finished 0",
            "run_started 1",
            "run_finished 1",
            "flow_ended",
        ]

    def test_may_leave_every_method_out(self, specs):
        listener = Listener()
        executor = FakeExecutor(1, lambda e, s: (e.fail if s.attempt == 1 else e.succeed)(0))
        assert len(list(Driver(executor, retries=1, listeners=[listener]).stream(specs(1)))) == 1


def test_memory_stays_flat_over_a_long_generator(script):
    made = script("def main(): pass")

    class Forgetful(FakeExecutor):
        def submit(self, spec):
            future = super().submit(spec)
            self.submitted.clear()
            return future

    def peak(count):
        runs = (RunSpec(index, made, Config({"x": index})) for index in range(count))
        tracemalloc.start()
        try:
            for _ in Driver(Forgetful(2)).stream(runs):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(5000) < peak(100) + 50_000
