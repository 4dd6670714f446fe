import pytest

from kohakuengine import Config, Script
from kohakuengine.errors import WorkflowError
from kohakuengine.flow.executors import executor_named
from kohakuengine_parallel import ForkExecutor, Parallel, PoolExecutor, SubprocessExecutor


def test_executors_are_found_by_their_names():
    assert executor_named("pool") is PoolExecutor
    assert executor_named("fork") is ForkExecutor
    assert executor_named("subprocess") is SubprocessExecutor


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(WorkflowError, match="max_workers must be at least 1, got 0"):
        PoolExecutor(0)


def test_a_worker_serves_run_after_run(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import os\ndef main(): return os.getpid()")
    scripts = [Script(script, Config()) for _ in range(6)]
    parallel = Parallel(scripts, max_workers=1, executor="pool", log_dir=tmp_path)
    assert len(set(parallel.run())) == 1
