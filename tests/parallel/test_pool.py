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


def test_windows_is_told_what_to_use_instead(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(WorkflowError, match=r"'pool' does not work on Windows.*'subprocess'"):
        PoolExecutor(2)


def test_each_run_finds_its_own_variables(tmp_path):
    script = tmp_path / "script.py"
    names = ("KOGINE_WORKER_ID", "KOGINE_RUN_INDEX", "KOGINE_ATTEMPT")
    script.write_text(
        f"import os\nnames = {names}\n"
        "def main():\n"
        "    found = [os.environ.get(name) for name in names]\n"
        "    for name in names: os.environ[name] = 'changed by the run before'\n"
        "    return found\n"
    )
    scripts = [Script(script, Config()) for _ in range(3)]
    parallel = Parallel(scripts, max_workers=1, executor="pool", log_dir=tmp_path)
    assert parallel.run() == [["0", str(index), "1"] for index in range(3)]
