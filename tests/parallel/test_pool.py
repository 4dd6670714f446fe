import os

import pytest

from kohakuengine.config.base import Config
from kohakuengine.engine.script import Script
from kohakuengine.flow.executors import executor_named, executor_names
from kohakuengine.testing import ExecutorContract
from kohakuengine_parallel import PoolExecutor
from kohakuengine_parallel.pool import usable_cpus


class TestPoolExecutor(ExecutorContract):
    elsewhere = waits = True

    def make_executor(self):
        return PoolExecutor(2)


def test_the_pool_is_found_by_its_name():
    assert executor_named("pool") is PoolExecutor
    assert "pool" in executor_names()


def test_holds_as_many_runs_as_this_process_may_use_cpus():
    executor = PoolExecutor()
    executor.shutdown()
    assert executor.capacity == usable_cpus() == len(os.sched_getaffinity(0))


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(ValueError, match="max_workers must be at least 1, got 0"):
        PoolExecutor(0)


def test_a_worker_serves_run_after_run(tmp_path):
    from kohakuengine_parallel import Parallel

    script = tmp_path / "script.py"
    script.write_text("import os\ndef main(): return os.getpid()")
    scripts = [Script(script, Config()) for _ in range(6)]
    assert len(set(Parallel(scripts, max_workers=1).run())) == 1
