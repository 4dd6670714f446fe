"""As on systems whose forks cannot be supervised: processes are this one's own children."""

from __future__ import annotations

from typing import Any

import pytest
from processes import until

from kohakuengine import Parallel
from kohakuengine.testing import ExecutorContract
from kohakuengine_parallel import PoolExecutor


@pytest.fixture(autouse=True)
def _there_is_none(monkeypatch):
    for module in ("fork", "launcher", "parallel", "pool", "subprocesses"):
        monkeypatch.setattr(f"kohakuengine_parallel.{module}.can_fork", lambda: False)


class TestPoolExecutor(ExecutorContract):
    elsewhere = waits = True

    @pytest.fixture(autouse=True)
    def _logs_go_to_a_folder_of_the_test(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.log_dir = tmp_path_factory.mktemp("logs")

    def make_executor(self) -> Any:
        return PoolExecutor(2, log_dir=self.log_dir)


def test_fork_says_that_it_cannot(write, flow):
    script = write("import os\ndef main(): return os.getppid()")
    with pytest.warns(UserWarning, match="in fresh interpreters, not in forks: only Linux"):
        assert len(flow([script] * 3, "fork").run()) == 3


def test_auto_does_without_a_word(write, tmp_path):
    script = write("def main(): return 1")
    assert Parallel([script] * 3, max_workers=2, log_dir=tmp_path).run() == [1] * 3


@pytest.mark.parametrize("mode", ["subprocess", "pool"])
def test_a_time_limit_ends_a_run_and_what_it_started(mode, write, flow, mark):
    script = write("""
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        def main():
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
    """)
    [result] = flow(script, mode, timeout_s=1, grace_s=0.2).results()
    assert result.status == "timeout"
    until(lambda: not mark.pids(), 2, "the end of all processes")
