"""All executors of this package keep what every executor promises."""

from __future__ import annotations

from typing import Any

import pytest

from kohakuengine.testing import ExecutorContract
from kohakuengine_parallel import ForkExecutor, PoolExecutor, SubprocessExecutor


class _Contract(ExecutorContract):
    elsewhere = waits = True

    @pytest.fixture(autouse=True)
    def _logs_go_to_a_folder_of_the_test(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.log_dir = tmp_path_factory.mktemp("logs")


class TestForkExecutor(_Contract):
    isolated = True

    def make_executor(self) -> Any:
        return ForkExecutor(2, log_dir=self.log_dir)


class TestSubprocessExecutor(_Contract):
    isolated = True

    def make_executor(self) -> Any:
        return SubprocessExecutor(2, log_dir=self.log_dir)


class TestPoolExecutor(_Contract):
    def make_executor(self) -> Any:
        return PoolExecutor(2, log_dir=self.log_dir)


class TestWithoutAZygote(_Contract):
    """As on systems whose forks cannot be supervised: processes are this one's own children."""

    isolated = True

    @pytest.fixture(autouse=True)
    def _there_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("launcher", "subprocesses"):
            monkeypatch.setattr(f"kohakuengine_parallel.{module}.can_fork", lambda: False)

    def make_executor(self) -> Any:
        return SubprocessExecutor(2, log_dir=self.log_dir)
