"""For the tests of executors and of whatever listens to flows.

- `contract`: `ExecutorContract`: what every executor promises, as tests to inherit (`scripts`,
  `belongings`: its means).
- `fakes`: `FakeExecutor`, whose runs end when the test says so; `RecordingListener`.
"""

from __future__ import annotations

from kohakuengine.testing.contract import ExecutorContract
from kohakuengine.testing.fakes import FakeExecutor, RecordingListener

__all__ = ["ExecutorContract", "FakeExecutor", "RecordingListener"]
