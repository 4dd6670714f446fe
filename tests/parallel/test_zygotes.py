"""What a zygote holds, when it does not serve, and when it is replaced."""

import os
import signal
import sys
import threading
import time

import pytest
from processes import is_gone, until

from kohakuengine import Config, Script
from kohakuengine.errors import EntrypointArgumentError
from kohakuengine.flow.runs import RunStatus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks need Linux")


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Write a module as if it were installed; each import of it adds a byte to its count."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def library(name, source="", *, counted=True):
        path = folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        counting = f"with open({str(path) + '.count'!r}, 'a') as file: file.write('1')\n"
        path.write_text((counting if counted else "") + source)
        return path

    return library


def count(path):
    counted = path.with_name(path.name + ".count")
    return counted.stat().st_size if counted.exists() else 0


# -- what is held ----------------------------------------------------------------------------------


def test_what_a_script_imports_is_imported_once(library, write, flow):
    first, second = library("alib"), library("blib")
    script = write("""
        '''A script.'''
        from __future__ import annotations
        import os, sys
        import alib
        try:
            from blib import nothing
        except ImportError:
            nothing = None
        def main(): return alib.__name__, nothing
    """)
    assert flow([script] * 6, "fork").run() == [("alib", None)] * 6
    assert (count(first), count(second)) == (1, 1)


def test_what_its_own_modules_import_is_imported_once_and_they_are_not(library, write, flow):
    held = library("alib")
    helper = write(
        "import alib\nwith open(__file__ + '.count', 'a') as file: file.write('1')\nvalue = 5\n",
        "helper.py",
    )
    script = write("import helper\ndef main():\n    helper.value += 1\n    return helper.value")
    assert flow([script] * 4, "fork").run() == [6] * 4
    assert (count(held), count(helper.path)) == (1, 4)


def test_a_package_and_its_submodules_are_held(library, write, flow):
    library("pkg.__init__")
    inner = library("pkg.inner", "value = 3\n")
    script = write("from pkg import inner\ndef main(): return inner.value")
    assert flow([script] * 3, "fork").run() == [3] * 3
    assert count(inner) == 1


def test_what_comes_after_the_first_act_of_a_script_is_not_held(library, write, flow):
    early, late = (
        library("early_lib"),
        library("late_lib", "import os\nseen = os.environ['MODE']\n"),
    )
    script = write("""
        import os
        import early_lib
        os.environ["MODE"] = "mine"
        import late_lib
        def main(): return late_lib.seen
    """)
    assert flow([script] * 3, "fork").run() == ["mine"] * 3
    assert (count(early), count(late)) == (1, 3)


def test_what_is_imported_only_under_a_condition_is_not_held(library, write, flow):
    held = library("seldom")
    script = write("""
        import sys
        if sys.platform == "never":
            import seldom
        def main(): return "seldom" in sys.modules
    """)
    assert flow([script] * 2, "fork").run() == [False] * 2
    assert count(held) == 0


def test_an_import_that_fails_is_the_runs_failure(library, write, flow):
    library("broken_lib", "raise ValueError('in the library')\n", counted=False)
    script = write("import broken_lib\ndef main(): pass")
    results = flow([script, write("def main(): return 1", "fine.py")], "fork").results()
    assert "ValueError: in the library" in str(results[0].error)
    assert results[1].value == 1


def test_an_import_that_exits_is_the_runs_own(library, write, flow):
    library("exits_lib", "raise SystemExit(3)\n", counted=False)
    [result] = flow(write("import exits_lib\ndef main(): pass"), "fork").results()
    assert result.error.exit_code == 3


def test_an_import_that_is_not_there(write, flow):
    [result] = flow(write("import there_is_no_such_thing\ndef main(): pass"), "fork").results()
    assert "ModuleNotFoundError: No module named 'there_is_no_such_thing'" in str(result.error)


def test_what_a_library_prints_while_it_is_held_is_in_no_runs_log(library, write, flow, log, capfd):
    library("loud_lib", "import sys\nprint('loud')\nprint('err', file=sys.stderr)\n")
    results = flow([write("import loud_lib\ndef main(): pass")] * 3, "fork").results()
    assert [log(result) for result in results] == [""] * 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", [r"no\0file", r"\ud800"])
def test_a_library_that_says_it_comes_from_what_cannot_be_a_file(library, write, flow, name):
    path = library("odd", f"__file__ = '{name}'")
    script = write("import odd\ndef main(): return odd.__name__")
    assert flow([script] * 3, "fork").run() == ["odd"] * 3
    assert count(path) == 1


def test_what_a_held_library_has_in_its_buffers_is_written_once(library, write, flow, tmp_path):
    out = tmp_path / "library.out"
    library("keeps_open", f"file = open({str(out)!r}, 'a')\nfile.write('imported.')\n")
    script = write("import keeps_open\nkeeps_open.file.write('run.')\ndef main(): pass")
    assert flow([script] * 3, "fork", max_workers=1).run() == [None] * 3
    assert sorted(out.read_text().rstrip(".").split(".")) == ["imported", "run", "run", "run"]


def test_a_library_that_changes_the_folder_while_it_is_held(library, write, flow):
    library("goes_away", "import os\nos.chdir('/')\n")
    script = write("import os\nhere = os.getcwd()\nimport goes_away\ndef main(): return here")
    assert flow([script] * 2, "fork").run() == [os.getcwd()] * 2


def test_a_library_that_replaces_stdout(library, write, flow, log):
    library("wraps", "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\n")
    results = flow([write("import wraps\nprint('said')\ndef main(): pass")] * 2, "fork").results()
    assert [log(result) for result in results] == ["said\n"] * 2


def test_a_library_that_handles_signals(library, write, flow):
    library("handles", "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n")
    script = write("""
        import handles, subprocess
        def main(): return subprocess.run(["true"]).returncode
    """)
    assert flow([script] * 3, "fork").run() == [0] * 3


def test_a_library_that_registers_an_exit_handler(library, write, flow, log):
    library("at_exit", "import atexit\natexit.register(print, 'library over')\n")
    results = flow([write("import at_exit\ndef main(): pass")] * 2, "fork").results()
    assert [log(result) for result in results] == ["library over\n"] * 2


def test_a_zygote_that_hears_of_two_ends_at_once(library, write, flow, tmp_path, monkeypatch):
    """That of its last fork and that of the flow. It does not end by way of Python's own exit."""
    monkeypatch.setenv("ENDED", str(tmp_path / "ended"))
    library(
        "at_exit",
        "import atexit, os\n"
        "def tell():\n"
        "    with open(os.environ['ENDED'], 'a') as file: print(os.getpid(), file=file)\n"
        "atexit.register(tell)\n",
    )
    script = write("""
        import at_exit, os, pathlib, signal
        def main():
            pids = os.getppid(), os.getpid()
            pathlib.Path(__file__).with_name("pids").write_text("{} {}".format(*pids))
            os.kill(os.getppid(), signal.SIGSTOP)
            return pids
    """)

    def go_on():
        pids = script.path.with_name("pids")
        zygote, fork = map(int, until(lambda: pids.exists() and pids.read_text()).split())
        until(lambda: is_gone(fork))
        time.sleep(0.2)  # by then it has been told of the flow's end, too
        os.kill(zygote, signal.SIGCONT)

    thread = threading.Thread(target=go_on)
    thread.start()
    [(zygote, fork)] = flow(script, "fork").run()
    thread.join()
    assert (tmp_path / "ended").read_text().split() == [str(fork)]
    assert is_gone(zygote)


def test_a_library_that_starts_a_child(library, write, flow, mark):
    library(
        "starts_child",
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n",
    )
    script = write("import starts_child\ndef main(): return 1")
    assert flow([script] * 2, "fork").run() == [1] * 2


# -- where forks are not safe ----------------------------------------------------------------------

PYTHON_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""

UNKNOWN_PYTHON_THREAD = """
import _thread, time
_thread.start_new_thread(time.sleep, (60,))
"""

NATIVE_THREAD = """
import ctypes
libc = ctypes.CDLL(None)
handle = ctypes.c_void_p()
libc.pthread_create(ctypes.byref(handle), None, libc.pause, None)
"""


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (PYTHON_THREAD, "1 Python thread is running"),
        (UNKNOWN_PYTHON_THREAD, "1 .* thread is running"),
        (NATIVE_THREAD, "1 native thread is running"),
    ],
)
def test_a_thread_in_a_held_module_makes_runs_fresh_with_a_warning(
    source, kind, library, write, flow, mark
):
    held = library("threaded", source)
    script = write("import threaded\nimport os\ndef main(): return os.getppid()")
    with pytest.warns(UserWarning, match=f"not in forks: after the import of threaded, {kind}"):
        values = flow([script] * 3, "fork").run()
    assert len(values) == 3
    assert count(held) == 1 + 3
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_the_warning_comes_once_and_other_scripts_are_forked(library, write, flow, recwarn):
    threaded, held = library("threaded", PYTHON_THREAD), library("alib")
    scripts = [
        write("import threaded\ndef main(): return 'fresh'"),
        write("import alib\ndef main(): return 'forked'", "other.py"),
    ]
    with pytest.warns(UserWarning, match="is run in fresh interpreters") as caught:
        assert flow(scripts * 3, "fork").run() == ["fresh", "forked"] * 3
    assert len(caught) == 1
    assert (count(threaded), count(held)) == (1 + 3, 1)


def test_a_thread_that_has_ended_is_no_reason(library, write, flow):
    source = "import threading\none = threading.Thread(target=print)\none.start()\none.join()\n"
    held = library("was_threaded", source)
    script = write("import was_threaded\ndef main(): return 1")
    assert flow([script] * 3, "fork").run() == [1] * 3
    assert count(held) == 1


def test_a_library_that_kills_its_process_makes_runs_fresh(library, write, flow):
    library("kills", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    script = write("import kills\ndef main(): pass")
    with pytest.warns(UserWarning, match="was killed by SIGKILL"):
        [result] = flow(script, "fork").results()
    assert result.status is RunStatus.LOST
    assert "SIGKILL" in str(result.error)


# -- what has changed ------------------------------------------------------------------------------

WAITING = """
    import pathlib, time
    import alib
    number = 0
    def main():
        return alib.value
"""


def stepwise(flow, scripts, executor="fork", **options):
    """The results of a flow that does one run at a time, each when it is asked for."""
    return flow(scripts, executor, max_workers=1, **options).stream()


def test_a_held_module_that_changes_is_replaced(library, write, flow, mark):
    path = library("alib", "value = 'old'\n")
    script = write(
        "import alib\nimport time\ndef main():\n    time.sleep(0.05)\n    return alib.value"
    )
    stream = stepwise(flow, [script] * 100)
    assert next(stream).value == "old"
    path.write_text("value = 'the new one'\n")
    changed = time.monotonic()
    for result in stream:
        assert result.ok
        if result.value == "the new one":
            break
        assert time.monotonic() - changed < 2.5
    else:
        pytest.fail("the change was not seen")
    assert time.monotonic() - changed < 4
    stream.close()
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_a_held_module_that_is_removed_is_not_held_on_to(library, write, flow):
    path = library("alib", "value = 'old'\n")
    script = write("""
        import time
        try:
            from alib import value
        except ImportError:
            value = "gone"
        def main():
            time.sleep(0.05)
            return value
    """)
    stream = stepwise(flow, [script] * 100)
    assert next(stream).value == "old"
    path.unlink()
    removed = time.monotonic()
    while next(stream).value == "old":
        assert time.monotonic() - removed < 4
    stream.close()


def test_a_run_under_way_is_not_ended_because_a_module_changes(library, write, flow, mark):
    path = library("alib", "value = 'old'\n")
    script = write("""
        import pathlib, time
        import alib
        number = 0
        folder = pathlib.Path(__file__).parent
        def main():
            if number == 0:
                (folder / "begun").touch()
                deadline = time.monotonic() + 30
                while not (folder / "seen").exists():
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            else:
                time.sleep(0.02)
            return alib.value
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in range(200)]
    stream = flow(scripts, "fork").stream()
    assert next(stream).index > 0
    path.write_text("value = 'newer'\n")
    values = {}
    for result in stream:
        values[result.index] = result.value
        if result.value == "newer":
            script.path.with_name("seen").touch()
    assert values[0] == "old"
    assert values[199] == "newer"


def test_an_edit_of_the_script_is_seen_at_once(mode, write, flow):
    script = write("def main(): return 'old'")
    stream = stepwise(flow, [script] * 3, mode)
    assert next(stream).value == "old"
    script.path.write_text("def main(): return 'the new one'")
    assert [result.value for result in stream][-1] == "the new one"


def test_an_edit_that_makes_it_no_python_costs_those_runs(isolated, write, flow):
    script = write("def main(): return 'old'")
    stream = stepwise(flow, [script] * 6, isolated)
    assert next(stream).value == "old"
    script.path.write_text("def main(:")
    assert next(stream).status is not RunStatus.LOST
    result = next(stream)
    assert result.status is RunStatus.FAILED
    assert "SyntaxError" in str(result.error)
    script.path.write_text("def main(): return 'mended'")
    assert next(stream).status is not RunStatus.LOST
    assert [result.value for result in stream][-1] == "mended"


def test_an_edit_of_its_own_modules_is_seen_at_once(isolated, write, flow):
    helper = write("value = 'old'", "helper.py")
    script = write("import helper\ndef main(): return helper.value")
    stream = stepwise(flow, [script] * 3, isolated)
    assert next(stream).value == "old"
    helper.path.write_text("value = 'the new one'")
    assert [result.value for result in stream][-1] == "the new one"


def test_a_module_installed_meanwhile_is_found(library, write, flow):
    script = write("""
        import time
        try:
            import comes_later
        except ImportError:
            comes_later = None
        def main():
            time.sleep(0.02)
            return comes_later is not None
    """)
    library("other")  # so that the folder has been looked into
    stream = stepwise(flow, [script] * 100)
    assert next(stream).value is False
    library("comes_later")
    deadline = time.monotonic() + 5
    while not next(stream).value:
        assert time.monotonic() < deadline
    stream.close()


# -- several scripts, and scripts of all kinds -----------------------------------------------------


def test_each_of_two_scripts_has_its_own_imports(library, write, flow):
    first, second = library("alib"), library("blib")
    asking = "import sys, {0}\ndef main(): return 'alib' in sys.modules, 'blib' in sys.modules"
    scripts = [
        write(asking.format("alib"), "one.py"),
        write(asking.format("blib"), "two.py"),
    ]
    assert flow(scripts * 3, "fork").run() == [(True, False), (False, True)] * 3
    assert (count(first), count(second)) == (1, 1)


def test_many_scripts_one_after_the_other(write, flow, mark):
    scripts = [write(f"def main(): return {number}", f"s{number}.py") for number in range(12)]
    assert flow(scripts, "fork").run() == list(range(12))
    until(lambda: not mark.pids(), 2, "the end of all processes")


def test_scripts_of_one_name_in_two_folders(write, flow):
    scripts = [
        write(f"import helper\ndef main(): return helper.value, {n}", f"{n}/script.py")
        for n in (1, 2)
    ]
    for number in (1, 2):
        write(f"value = {number}", f"{number}/helper.py")
    assert flow(scripts * 3, "fork").run() == [(1, 1), (2, 2)] * 3


def test_a_script_that_is_named_like_a_module_of_python(mode, write, flow):
    script = write("import random as other\nvalue = 1\ndef main(): return value", "random.py")
    assert flow([script] * 3, mode).run() == [1] * 3


def test_a_module_of_the_scripts_folder_named_like_one_of_python(isolated, write, flow):
    write("value = 'mine'", "json.py")
    script = write("import json\ndef main(): return json.value")
    assert flow([script] * 3, isolated).run() == ["mine"] * 3


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the current folder, whose import is counted."""
    folder = tmp_path / "project" / "pkg"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "with open(__file__ + '.count', 'a') as file: file.write('1')\n"
    )
    (folder / "limits.py").write_text("limit = 7\n")
    (folder / "tool.py").write_text(
        "import sys\nfrom . import limits\nfrom .limits import limit\nn = 1\n"
        "def main(*args): return n * limit, __name__, __package__, args, len(sys.argv)\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    (folder / "__main__.py").write_text("from . import limits\ndef main(): return limits.limit\n")
    monkeypatch.chdir(folder.parent)
    return folder


def test_a_module_as_a_script(mode, package, flow):
    scripts = [Script("pkg.tool", Config({"n": n}, args=[n])) for n in range(3)]
    values = flow(scripts, mode).run()
    assert values == [(n * 7, "__main__", "pkg", (n,), 1) for n in range(3)]


def test_a_package_as_a_script(mode, package, flow):
    assert flow([Script("pkg")] * 3, mode).run() == [7] * 3


def test_the_package_of_a_module_is_imported_in_each_run(package, flow):
    flow([Script("pkg.tool")] * 3, "fork").run()
    assert count(package / "__init__.py") == 3


def test_a_named_entrypoint(mode, write, flow):
    script = write("def main(): return 'main'\ndef other(): return 'other'")
    scripts = [Script(script.location, entrypoint="other"), script]
    assert flow(scripts * 2, mode).run() == ["other", "main"] * 2


def test_strict_refuses_arguments_that_nothing_takes(mode, write, flow):
    script = Script(write("def main(lr=1): return lr").location, Config(kwargs={"lrr": 2}))
    [result] = flow(script, mode, strict=True).results()
    assert isinstance(result.error, EntrypointArgumentError)
    assert "lrr" in str(result.error)


def test_a_script_without_anything_to_run(mode, write, flow):
    assert flow([write("x = 1"), write("print('body')", "body.py")], mode).run() == [None, None]


def test_the_caller_may_go_elsewhere_meanwhile(isolated, write, flow, tmp_path, monkeypatch):
    script = write("import os\ndef main(): return os.getcwd()")
    here = os.getcwd()
    stream = stepwise(flow, [script] * 4, isolated)
    assert next(stream).value == here
    monkeypatch.chdir(tmp_path)
    assert [result.value for result in stream][-1] in {here, str(tmp_path)}


def test_a_spare_argument_list(mode, write, flow):
    script = write("import sys\ndef main(): return sys.argv")
    assert flow([script] * 2, mode, argv=["-v"]).run() == [[script.location, "-v"]] * 2


def test_the_scripts_place_is_what_python_says(mode, write, flow):
    script = write("""
        import os, sys
        def main(): return (
            __file__, __name__, sys.argv, sys.path[0], sys.modules["__main__"].__file__,
            os.path.basename(sys.executable))
    """)
    folder = str(script.path.parent)
    file = script.filename
    executable = os.path.basename(sys.executable)
    expected = (file, "__main__", [file], folder, file, executable)
    assert flow([script] * 2, mode).run() == [expected] * 2
