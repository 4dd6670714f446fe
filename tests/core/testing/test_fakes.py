from concurrent.futures import wait

import pytest

from kohakuengine.errors import EntrypointNotFound, RunFailed, RunLost, RunTimeout
from kohakuengine.flow.driver import Driver
from kohakuengine.flow.runs import RunSpec, RunStatus
from kohakuengine.testing import FakeExecutor, RecordingListener


@pytest.fixture
def spec(script):
    def make(index, **options):
        return RunSpec(index, script(""), **options)

    return make


class TestFakeExecutor:
    def test_by_itself_each_run_succeeds_at_once_with_its_index(self, spec):
        executor = FakeExecutor()
        assert executor.submit(spec(3)).result(0).value == 3
        assert [given.index for given in executor.submitted] == [3]
        assert executor.under_way == {}

    def test_or_each_run_ends_as_the_test_says(self, spec):
        executor = FakeExecutor(5, lambda executor, spec: None)
        futures = [executor.submit(spec(index)) for index in range(5)]
        assert not wait(futures, timeout=0).done
        executor.fail(2, "why", where="train.py:1")
        executor.succeed(0, "value")
        executor.lose(1, exit_code=7)
        executor.time_out(4)
        executor.refuse(3, EntrypointNotFound("none"))
        results = [future.result(0) for future in futures]
        statuses = [result.status for result in results]
        assert statuses == ["success", "lost", "failed", "failed", "timeout"]
        assert results[0].value == "value"
        kinds = [type(result.error) for result in results]
        assert kinds == [type(None), RunLost, RunFailed, EntrypointNotFound, RunTimeout]
        assert (str(results[2].error), results[2].error.where) == ("why", "train.py:1")
        assert results[1].error.exit_code == 7

    def test_a_result_is_of_the_last_attempt(self, spec):
        executor = FakeExecutor(1, lambda executor, spec: None)
        executor.submit(spec(0, attempt=1))
        executor.succeed(0)
        future = executor.submit(spec(0, attempt=2, slot=1))
        executor.succeed(0)
        assert (future.result(0).attempt, future.result(0).slot) == (2, 1)

    def test_shutdown_is_noted_and_cancels_if_told(self, spec):
        executor = FakeExecutor(1, lambda executor, spec: None)
        future = executor.submit(spec(0))
        executor.shutdown()
        assert not future.done()
        executor.shutdown(cancel=True)
        assert future.cancelled()
        assert executor.shutdowns == [False, True]


def test_a_listener_that_writes_down_what_it_is_told(spec):
    listener = RecordingListener()
    executor = FakeExecutor(1, lambda e, s: (e.fail if s.attempt == 1 else e.succeed)(0))
    list(Driver(executor, retries=1, listeners=[listener]).stream((s for s in [spec(0)]), 1))
    assert listener.names == [
        "flow_started",
        "run_started 0",
        "run_retried 0",
        "run_started 0",
        "run_finished 0",
        "flow_ended",
    ]
    about = dict(listener.events)
    assert about["flow_started"] == 1
    assert about["run_retried"].status is RunStatus.FAILED
    assert about["run_finished"].ok
    assert about["flow_ended"] is None
