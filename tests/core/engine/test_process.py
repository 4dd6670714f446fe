"""What a run changes in the interpreter, and that it puts it back."""

import os
import sys
import threading
from types import ModuleType

import pytest

from kohakuengine import Config, Script, ScriptExecutor
from kohakuengine.engine import process
from kohakuengine.engine.executor import run_script
from kohakuengine.engine.process import MainProgram, main_module


def run(script, config=None):
    return ScriptExecutor(script).execute(config)


def state():
    streams = sys.stdin, sys.stdout, sys.stderr
    return (
        sys.argv,
        sys.argv[:],
        sys.path,
        sys.path[:],
        os.getcwd(),
        streams,
        sys.modules["__main__"],
    )


class TestPutBack:
    @pytest.mark.parametrize(
        "source",
        [
            "sys.argv.append('x')",
            "sys.argv = ['x']",
            "sys.path.insert(0, '/x')",
            "sys.path = ['/x']",
            "sys.path.clear()",
            "import os; os.chdir('/')",
            "import io; sys.stdin = sys.stdout = sys.stderr = io.StringIO()",
            "sys.modules['__main__'] = None",
            "import types; sys.modules['__main__'] = types.ModuleType('x')",
            "import os, tempfile; os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())",
            "1/0",
            "sys.exit(3)",
        ],
    )
    def test_whatever_the_script_did(self, script, source):
        before = state()
        run_script(script(f"import sys\n{source}"))
        assert state() == before

    def test_also_after_an_interrupt(self, script):
        before = state()
        with pytest.raises(KeyboardInterrupt):
            run_script(
                script("import os, sys\nos.chdir('/')\nsys.argv = []\nraise KeyboardInterrupt")
            )
        assert state() == before

    def test_a_folder_that_the_script_removed_is_left(self, script, tmp_path, monkeypatch):
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        run(
            script(
                "import os\nos.chdir('/')\nos.rmdir(os.path.dirname(__file__) + '/gone')\ndef main(): pass"
            )
        )
        assert os.getcwd() == "/"

    def test_a_folder_that_was_gone_before_is_left(self, script, tmp_path, monkeypatch):
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        assert run(script("def main(): return 1")) == 1

    def test_where_there_was_no_main_module(self, script, monkeypatch):
        monkeypatch.delitem(sys.modules, "__main__")
        made = script("def main(): return __name__")
        assert run(made) == "__main__"

    def test_safe_path_is_honoured(self, script, python):
        made = script("import sys\nprint(sys.path[0])")
        code = "import sys, kohakuengine; kohakuengine.Script(sys.argv[1]).run()"
        folder = str(made.path.parent)
        assert python(code, argv=[made.location]) == f"{folder}\n"
        assert python(code, "-P", argv=[made.location]) != f"{folder}\n"


class TestSiblings:
    def test_two_folders_each_with_a_helper(self, script):
        scripts = []
        for name in ("one", "two"):
            script(f"name = {name!r}", name=f"{name}/helper.py")
            scripts.append(
                script("import helper\ndef main(): return helper.name", name=f"{name}/s.py")
            )
        assert [run(made) for made in (*scripts, *scripts)] == ["one", "two", "one", "two"]
        assert "helper" not in sys.modules

    def test_packages_and_their_submodules_too(self, script):
        script("", name="pkg/__init__.py")
        script("x = 1", name="pkg/deep/mod.py")
        run(script("import pkg.deep.mod\ndef main(): pass"))
        assert not [name for name in sys.modules if name.partition(".")[0] == "pkg"]

    def test_a_helper_that_was_edited_is_read_again(self, script):
        made = script("import helper\ndef main(): return helper.x", name="s.py")
        script("x = 1", name="helper.py")
        assert run(made) == 1
        script("x = 22", name="helper.py")
        assert run(made) == 22

    def test_a_helper_that_is_new_is_found(self, script):
        made = script(
            "def main():\n    try:\n        import helper\n    except ImportError: return 0\n    return helper.x"
        )
        assert run(made) == 0
        script("x = 1", name="helper.py")
        assert run(made) == 1

    def test_what_a_script_imports_from_elsewhere_stays(self, script, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "stays_here.py").touch()
        source = "import sys\nsys.path.append('elsewhere')\nimport stays_here\ndef main(): pass"
        made = script(source.replace("elsewhere", str(tmp_path / "elsewhere"), 1))
        run(made)
        assert sys.modules.pop("stays_here")

    def test_a_file_shadows_a_loaded_module_only_while_the_script_runs(self, script):
        import colorsys
        import json
        import json.decoder

        script("x = 'own'", name="json/__init__.py")
        script("x = 'own'", name="colorsys.py")
        source = "import colorsys, json, sys\ndef main(): return colorsys.x, json.x, 'json.decoder' in sys.modules"
        assert run(script(source)) == ("own", "own", False)
        assert sys.modules["json"] is json
        assert sys.modules["json.decoder"] is json.decoder
        assert sys.modules["colorsys"] is colorsys

    def test_not_what_every_interpreter_has_loaded_before(self, script):
        script("1/0", name="os.py")
        assert run(script("import os\ndef main(): return os.getcwd()")) == os.getcwd()

    def test_not_by_a_folder_that_is_no_package(self, script):
        script("", name="json/train.py")
        assert run(script("import json\ndef main(): return json.dumps(1)")) == "1"

    def test_a_module_that_stands_there_already_is_shared(self, script, monkeypatch):
        folder = script("x = []", name="shared_helper.py").path.parent
        monkeypatch.syspath_prepend(folder)
        import shared_helper

        made = script("import shared_helper\ndef main(): return shared_helper.x")
        assert run(made) is shared_helper.x
        assert sys.modules.pop("shared_helper") is shared_helper

    def test_a_library_folder_shadows_nothing(self, script):
        script("1/0", name="site-packages/colorsys.py")
        import colorsys

        made = script(
            "import sys\ndef main(): return sys.modules['colorsys']", name="site-packages/s.py"
        )
        assert run(made) is colorsys

    def test_what_a_library_script_imports_stays(self, script):
        script("", name="site-packages/kogine_test_library.py")
        run(script("import kogine_test_library\ndef main(): pass", name="site-packages/s.py"))
        assert sys.modules.pop("kogine_test_library")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_that_cannot_be_listed_shadows_nothing(self, script, tmp_path):
        made = script("def main(): return 1", name="closed/s.py")
        made.path.parent.chmod(0o300)
        try:
            assert run(made) == 1
        finally:
            made.path.parent.chmod(0o700)

    def test_a_folder_that_is_gone_shadows_nothing(self, tmp_path):
        assert process._importable(str(tmp_path / "gone")) == frozenset()

    def test_no_more_folders_are_remembered_than_the_bound(self, tmp_path, monkeypatch):
        monkeypatch.setattr(process, "_MAX_LISTINGS", 2)
        monkeypatch.setattr(process, "_listings", {})
        for name in "abc":
            (tmp_path / name).mkdir()
            (tmp_path / name / "mod.py").touch()
            assert process._importable(str(tmp_path / name)) == {"mod"}
        assert list(process._listings) == [str(tmp_path / "b"), str(tmp_path / "c")]


class TestThreads:
    def test_those_that_python_would_wait_for_are_waited_for(self, script):
        source = """
            import threading
            done = []
            ready = threading.Event()
            def work():
                ready.wait()
                done.append(1)
            threading.Thread(target=work).start()
            def main():
                ready.set()
                return done
        """
        assert run(script(source)) == [1]

    def test_daemons_are_not(self, script):
        source = """
            import threading
            stop = threading.Event()
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            def main(): return stop, thread
        """
        stop, thread = run(script(source))
        assert thread.is_alive()
        stop.set()
        thread.join()

    def test_nor_are_those_of_the_caller(self, script):
        stop = threading.Event()
        other = threading.Thread(target=stop.wait)
        other.start()
        try:
            run(script("import threading\ndef main(): pass"))
            assert other.is_alive()
        finally:
            stop.set()
            other.join()

    def test_a_run_in_a_thread_does_not_wait_for_itself(self, script):
        made = script("def main(): return 1")
        values = []
        # Started inside a run, so that it is new to it.
        outer = ModuleType("__main__")
        with MainProgram(made, outer, []):
            thread = threading.Thread(target=lambda: values.append(run(made)))
            thread.start()
        assert values == [1]

    @pytest.mark.parametrize("kind", ["Thread", "Process"])
    def test_executors_that_nobody_shut_down_do_not_hang_it(self, script, python, kind):
        source = f"""
            from concurrent.futures import {kind}PoolExecutor
            pool = {kind}PoolExecutor(1)
            def main(): return list(pool.map(abs, [-1, -2]))
        """
        code = """
            import sys, kohakuengine
            if __name__ == "__main__":
                print(kohakuengine.Script(sys.argv[1]).run())
        """
        assert python(code, argv=[script(source).location]) == "[1, 2]\n"

    def test_a_threading_of_the_scripts_own_is_no_trouble(self, script):
        script("x = 1", name="threading.py")
        assert run(script("import threading\ndef main(): return threading.x")) == 1
        assert sys.modules["threading"] is threading

    def test_an_interrupt_while_waiting_puts_all_back(self, script):
        before = state()

        class Interrupting(threading.Thread):
            def join(self, timeout=None):
                raise KeyboardInterrupt

        stop = threading.Event()
        thread = Interrupting(target=stop.wait)
        with pytest.raises(KeyboardInterrupt), MainProgram(script(""), ModuleType("__main__"), []):
            thread.start()
        stop.set()
        threading.Thread.join(thread)
        assert state() == before


class TestMainModule:
    def test_a_files(self, script):
        made = script("")
        module = main_module(made)
        assert (module.__name__, module.__file__) == ("__main__", made.filename)
        assert (module.__package__, module.__spec__, module.__cached__) == (None, None, None)
        assert module.__loader__.get_filename() == made.filename

    def test_a_modules(self, script, monkeypatch):
        monkeypatch.chdir(script("", name="pkg/mod.py").path.parents[1])
        made = Script("pkg.mod")
        module = main_module(made)
        assert module.__package__ == made.spec.parent
        assert module.__spec__ is made.spec

    def test_is_as_pythons_own(self, script, python):
        made = script("print(sorted(name for name in vars()))")
        code = "import sys, runpy; sys.argv[:] = sys.argv[1:]; import kohakuengine; kohakuengine.Script(sys.argv[0]).run()"
        import subprocess

        ours = python(code, argv=[made.location])
        theirs = subprocess.run(
            [sys.executable, made.location], capture_output=True, text=True, check=True
        )
        assert ours == theirs.stdout


def test_overrides_of_a_module_script_keep_its_package(script, monkeypatch):
    script("", name="pkg/__init__.py")
    script("y = 2", name="pkg/other.py")
    source = "x = 1\nfrom .other import y\ndef main(): return x, y, __package__, __spec__.parent"
    monkeypatch.chdir(script(source, name="pkg/mod.py").path.parents[1])
    assert Script("pkg.mod").run(Config({"x": 5})) == (5, 2, "pkg", "pkg")
