"""Processes that a script starts by ``multiprocessing`` see the overridden values too."""

import sys
from importlib.util import find_spec
from types import ModuleType

import pytest

from kohakuengine import Config, Script
from kohakuengine.engine.respawn import Payload, RespawningMain, replay
from kohakuengine.errors import TransportError

POOL = """
    import multiprocessing, sys
    lr = 0.1
    decay = lr / 10
    class Model:
        width: int = 1
    def work(n): return n, lr, decay, Model.width, __name__
    def main(method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            return pool.apply(work, (1,))
    if __name__ == "__main__":
        main("spawn")
"""


@pytest.fixture
def private(tmp_path, monkeypatch):
    import tempfile

    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


class TestPools:
    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    def test_children_have_the_values_and_what_follows_from_them(self, script, python, method):
        code = """
            import sys
            from kohakuengine import Config, Script
            if __name__ == "__main__":
                made = Script(sys.argv[1])
                print(made.run(Config({"lr": 10.0, "Model.width": 7}, args=[sys.argv[2]])))
                print(made.run(Config({"lr": 20.0}, args=[sys.argv[2]])))
                print(made.run(Config(args=[sys.argv[2]])))
        """
        assert python(code, argv=[script(POOL).location, method]).splitlines() == [
            "(1, 10.0, 1.0, 7, '__mp_main__')",
            "(1, 20.0, 2.0, 1, '__mp_main__')",
            "(1, 0.1, 0.01, 1, '__mp_main__')",
        ]

    def test_of_a_module_with_relative_imports(self, script, python, tmp_path):
        script("", name="pkg/__init__.py")
        script("x = 1", name="pkg/other.py")
        script(
            "from .other import x\n"
            + POOL.replace("\n    ", "\n").replace("return n,", "return x,"),
            name="pkg/mod.py",
        )
        code = """
            from kohakuengine import Config, Script
            if __name__ == "__main__":
                print(Script("pkg.mod").run(Config({"lr": 10.0}, args=["spawn"])))
        """
        assert python(code) == "(1, 10.0, 1.0, 1, '__mp_main__')\n"

    def test_of_a_worker_that_was_forked(self, script, private):
        source = """
            import multiprocessing
            lr = 0.1
            def work(queue): queue.put(lr)
            def start(method, target, *args):
                process = multiprocessing.get_context(method).Process(target=target, args=args)
                process.start()
                process.join()
            def main():
                queue = multiprocessing.get_context("spawn").SimpleQueue()
                start("fork", start, "spawn", work, queue)
                return queue.get()
        """
        assert script(source).run(Config({"lr": 10.0}), use_subprocess=True) == 10.0
        assert list(private.iterdir()) == []

    def test_in_a_process_of_the_runs_own(self, script):
        value = script(POOL).run(Config({"lr": 10.0}, args=["spawn"]), use_subprocess=True)
        assert value == (1, 10.0, 1.0, 1, "__mp_main__")

    def test_with_objects_that_only_the_parents_guard_makes(self, script, capfd):
        source = """
            import multiprocessing
            def work(): return __name__
            if __name__ == "__main__":
                cfg = {"lr": 1}
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(cfg, pool.apply(work))
        """
        script(source).run(Config({"cfg.lr": 5}), use_subprocess=True)
        assert capfd.readouterr().out == "{'lr': 5} __mp_main__\n"


class TestSpec:
    def test_a_run_without_overrides_has_none(self, script):
        source = "import sys\ndef main(): return __spec__, type(sys.modules['__main__'])"
        assert script(source).run(Config()) == (None, ModuleType)
        assert script(source).run(Config({"x": 1})) == (None, RespawningMain)

    def test_only_those_who_start_processes_see_another_spec(self, script):
        source = """
            import sys, types
            starter = types.ModuleType("some.spawn")
            exec("import sys\\ndef asked(): return sys.modules['__main__'].__spec__", vars(starter))
            def main():
                return sys.modules["__main__"].__spec__, starter.asked().name
        """
        shown, name = script(source).run(Config({"x": 1}))
        assert shown is None
        assert name.startswith("kohakuengine.engine.spawned.at_")

    def test_a_script_may_give_itself_another(self, script):
        source = "import sys\nmain = sys.modules['__main__']\nmain.__spec__ = 'other'\ndone = main.__spec__"
        source += "\ndef run(): return done, __spec__"
        assert script(source).run(Config({"x": 1})) == ("other", "other")

    def test_a_run_that_starts_no_processes_writes_nothing(self, script, private):
        spec = Payload(script(""), {"x": 1})
        assert list(private.iterdir()) == []
        spec.close()

    def test_to_who_only_looks_it_is_main(self, script, private):
        source = """
            import inspect, os, sys
            def main():
                module, before = sys.modules["__main__"], os.listdir(folder)
                shown, source = repr(module), inspect.getsource(module.main)
                return shown, source[:8], [name for name in os.listdir(folder) if name not in before]
        """
        made = script(source)
        shown, source, written = made.run(Config({"folder": str(private)}))
        assert (shown, source, written) == (
            f"<module '__main__' from {made.filename!r}>",
            "def main",
            [],
        )

    def test_what_it_writes_only_this_user_can_reach_until_it_is_closed(self, script, private):
        spec = Payload(script(""), {"x": 1})
        assert spec.name() == spec.name()
        (folder,) = private.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        spec.close()
        spec.close()
        assert list(private.iterdir()) == []

    def test_the_end_of_the_run_closes_it(self, script, private):
        source = f"""
            import os, sys
            from kohakuengine.engine.respawn import payload_of
            def main():
                return payload_of(sys.modules["__main__"]).name(), os.listdir({str(private)!r})
        """
        name, there = script(source).run(Config({"x": 1}))
        assert name.startswith("kohakuengine.engine.spawned.at_")
        assert len(there) == 1
        assert list(private.iterdir()) == []

    def test_a_forked_child_does_not_take_it_away(self, script, private):
        source = """
            import os, sys
            from kohakuengine.engine.respawn import payload_of
            name = payload_of(sys.modules["__main__"]).name()
            path = bytes.fromhex(name.rpartition("at_")[2]).decode()
            pid = os.fork()
            def main():
                if pid: os.waitpid(pid, 0)
                return os.path.exists(path)
        """
        assert script(source).run(Config({"x": 1}), use_subprocess=True)
        assert list(private.iterdir()) == []

    def test_an_override_that_cannot_cross_is_an_error_that_names_it(self, script):
        import threading

        source = """
            import multiprocessing
            def main():
                process = multiprocessing.get_context("spawn").Process(target=print)
                process.start()
        """
        message = r"the config of script: \['the_lock'\] \(lock\) cannot cross a process border"
        with pytest.raises(TransportError, match=message):
            script(source).run(Config({"fine": 1, "the_lock": threading.Lock()}))


class TestReplay:
    def payload(self, tmp_path, script, overrides):
        spec = Payload(script, overrides)
        name = spec.name()
        path = bytes.fromhex(name.rpartition("at_")[2]).decode()
        return spec, name, path

    def test_executes_the_script_with_its_overrides(self, script, tmp_path, private):
        made = script("x = 1\ny = x * 2\nif __name__ == '__main__': 1/0")
        spec, _, path = self.payload(tmp_path, made, {"x": 5, "new": 6})
        namespace = {"__name__": "__mp_main__"}
        replay(namespace, path)
        assert (namespace["y"], namespace["new"], namespace["__file__"]) == (10, 6, made.filename)
        spec.close()

    def test_imports_the_package_of_a_module(self, script, tmp_path, private, monkeypatch):
        script("", name="pkg/__init__.py")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.chdir(script("y = 1", name="pkg/other.py").path.parents[1])
        script("x = 1\nfrom .other import y", name="pkg/mod.py")
        spec, _, path = self.payload(tmp_path, Script("pkg.mod"), {"x": 5})
        namespace = {"__name__": "__mp_main__"}
        try:
            replay(namespace, path)
            assert (namespace["x"], namespace["y"], namespace["__package__"]) == (5, 1, "pkg")
        finally:
            del sys.modules["pkg"], sys.modules["pkg.other"]
            spec.close()

    def test_the_name_in_the_spec_is_importable(self, script, tmp_path, private):
        """As ``multiprocessing`` does it: `runpy.run_module` under another name."""
        import runpy

        made = script("x = 1\ny = x * 2")
        spec, name, _ = self.payload(tmp_path, made, {"x": 5})
        namespace = runpy.run_module(name, run_name="__mp_main__", alter_sys=True)
        assert namespace["y"] == 10
        spec.close()

    def test_other_names_of_its_package_are_not(self):
        assert find_spec("kohakuengine.engine.spawned.other") is None

    def test_values_arrive_whole(self, script, tmp_path, private):
        made = script("x = None")
        spec, _, path = self.payload(tmp_path, made, {"x": (float("nan"), tmp_path)})
        namespace = {"__name__": "__mp_main__"}
        replay(namespace, path)
        assert str(namespace["x"]) == str((float("nan"), tmp_path))
        spec.close()
