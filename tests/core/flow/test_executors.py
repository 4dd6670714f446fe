import sys

import pytest

from kohakuengine.errors import KohakuEngineError, MissingDistribution, RunTimeout
from kohakuengine.flow import executors
from kohakuengine.flow.executors import (
    InlineExecutor,
    SubprocessExecutor,
    executor_named,
    executor_names,
    timed,
)
from kohakuengine.flow.runs import RunSpec, RunStatus
from kohakuengine.testing import ExecutorContract

SIBLINGS = {"fork": "ForkExecutor", "pool": "PoolExecutor", "subprocess": "SubprocessExecutor"}


class TestInlineExecutor(ExecutorContract):
    def make_executor(self):
        return InlineExecutor()


class TestSubprocessExecutor(ExecutorContract):
    elsewhere = isolated = True

    def make_executor(self):
        return SubprocessExecutor()


class TestRegistry:
    def test_the_built_in_ones_by_name(self):
        assert executor_named("inline") is InlineExecutor
        for name, attribute in SIBLINGS.items():
            parallel = pytest.importorskip("kohakuengine_parallel")
            assert executor_named(name) is getattr(parallel, attribute)

    @pytest.mark.parametrize("name", ["fork", "pool"])
    def test_one_of_an_absent_sibling_is_explained(self, name, monkeypatch):
        monkeypatch.setitem(sys.modules, "kohakuengine_parallel", None)
        message = rf'executor \'{name}\' is not .*: pip install "kohakuengine\[parallel\]"'
        with pytest.raises(MissingDistribution, match=message):
            executor_named(name)

    def test_without_it_there_is_a_subprocess_all_the_same(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "kohakuengine_parallel", None)
        assert executor_named("subprocess") is SubprocessExecutor

    def test_the_siblings_are_listed_if_they_are_there(self, monkeypatch):
        monkeypatch.setattr(executors, "has_parallel", lambda: True)
        assert {"inline", *SIBLINGS} <= set(executor_names())

    def test_they_are_found_without_reading_metadata(self, python):
        code = """
            import sys
            from kohakuengine.flow.executors import executor_named
            print(executor_named("inline").capacity, "importlib.metadata" in sys.modules)
        """
        assert python(code) == "1 False\n"

    def test_those_of_other_distributions_by_their_entry_points(self, tmp_path, monkeypatch):
        (tmp_path / "cluster_plugin.py").write_text("class ClusterExecutor: capacity = 64\n")
        info = tmp_path / "cluster_plugin-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cluster-plugin\nVersion: 1\n")
        entry = "[kohakuengine.executors]\ncluster = cluster_plugin:ClusterExecutor\n"
        (info / "entry_points.txt").write_text(entry)
        monkeypatch.syspath_prepend(tmp_path)
        try:
            assert executor_named("cluster").capacity == 64
            assert {"cluster", "inline", "subprocess"} <= set(executor_names())
        finally:
            sys.modules.pop("cluster_plugin", None)

    def test_an_unknown_name_is_an_error_that_lists_those_there_are(self):
        with pytest.raises(
            KohakuEngineError, match=r"named 'inlin'; there are .*inline.* Did you mean 'inline'\?"
        ):
            executor_named("inlin")


class TestInlineFailures:
    def test_the_scripts_own_exception_is_the_cause(self, script):
        future = InlineExecutor().submit(RunSpec(0, script("def main(): raise KeyError('k')")))
        error = future.result().error
        assert isinstance(error.__cause__, KeyError)
        assert error.script is future.result().script

    def test_one_that_took_too_long_has_a_status_of_its_own(self, script):
        def run(spec):
            raise RunTimeout("it took too long")

        assert timed(RunSpec(0, script("")), run).status is RunStatus.TIMEOUT

    def test_an_interrupt_is_the_callers(self, script):
        with pytest.raises(KeyboardInterrupt):
            InlineExecutor().submit(RunSpec(0, script("raise KeyboardInterrupt")))
