"""How scripts end, in processes of their own: as ``python script.py`` would."""

import signal
import subprocess
import sys

import pytest

from kohakuengine.errors import RunFailed, RunLost
from kohakuengine.flow.runs import RunStatus


@pytest.fixture
def ended(write, run, tmp_path):
    """Run a script that writes to ``note``, and return the result and what was noted."""

    def ended(source, executor):
        script = write(source)
        note = script.path.with_name("note")
        result = run(script, executor)
        return result, note.read_text() if note.exists() else ""

    return ended


NOTING = """
import pathlib
def note(text):
    with open(pathlib.Path(__file__).with_name("note"), "a") as file:
        file.write(text + ".")
"""


# -- exits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"), [("7", 7), ("'text'", 1), ("-1", -1), ("True", 1), ("2.0", 1), ("256", 256)]
)
def test_sys_exit_is_a_failure_with_its_status(mode, code, status, write, run):
    result = run(write(f"import sys\ndef main(): sys.exit({code})"), mode)
    assert isinstance(result.error, RunFailed)
    assert result.error.exit_code == status
    assert result.traceback == ""


@pytest.mark.parametrize("code", ["", "0", "None", "False"])
def test_sys_exit_with_nothing_is_success(mode, code, write, run):
    result = run(write(f"import sys\ndef main(): sys.exit({code})"), mode)
    assert (result.status, result.value) == (RunStatus.SUCCESS, None)


def test_sys_exit_of_main_keeps_the_value(mode, write, run):
    source = (
        "import sys\ndef main(): return {'a': 1}\nif __name__ == '__main__': sys.exit(main())\n"
    )
    assert run(write(source), mode).value == {"a": 1}


def test_a_text_given_to_sys_exit_is_in_the_log(isolated, write, run, log):
    result = run(write("import sys\ndef main(): sys.exit('the text')"), isolated)
    assert log(result) == "the text\n"


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_os_exit_is_a_lost_run(mode, status, write, run):
    result = run(write(f"import os\ndef main(): os._exit({status})"), mode)
    assert isinstance(result.error, RunLost)
    assert f"exit code {status} before" in str(result.error)


def test_os_exit_in_a_handler_of_atexit_comes_too_late_to_lose_the_value(isolated, write, run):
    source = "import atexit, os\natexit.register(os._exit, 3)\ndef main(): return 5"
    assert run(write(source), isolated).value == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has forks of a zygote")
def test_a_run_is_not_over_while_its_handlers_of_atexit_run(write, flow):
    # Not in a fresh interpreter: Python 3.12 refuses to fork while it ends.
    script = write(f"""{NOTING}
import atexit, os, time
def late():
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        time.sleep(0.2)
        note("over")
atexit.register(late)
def main(): return 5
""")
    stream = flow(script, "fork").stream()
    assert next(stream).value == 5
    assert script.path.with_name("note").read_text() == "over."
    stream.close()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM", "SIGINT", "SIGBUS"])
def test_a_signal_that_ends_the_process_is_named(mode, name, write, run):
    script = write(f"""
        import os, signal
        def main():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.{name})
            signal.pause()
    """)
    result = run(script, mode)
    assert isinstance(result.error, RunLost)
    assert f"killed by {name} " in str(result.error)
    assert result.error.exit_code == -getattr(signal, name)


def test_a_crash_of_the_interpreter_is_a_lost_run(mode, write, flow):
    crashing = write("import ctypes\ndef main(): ctypes.string_at(0)")
    fine = write("def main(): return 1", "fine.py")
    crashed, after = flow([crashing, fine], mode, max_workers=1).results()
    assert "SIGSEGV" in str(crashed.error)
    assert after.value == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="C recursion has its own limit")
def test_a_recursion_that_overflows_the_stack_is_a_lost_run(isolated, write, run):
    script = write("""
        import sys
        sys.setrecursionlimit(10**9)
        def deeper(_): return max([0], key=deeper)
        def main(): return deeper(0)
    """)
    assert "SIGSEGV" in str(run(script, isolated).error)


def test_a_recursion_is_a_failure(mode, write, run):
    result = run(write("def main(): return main()"), mode)
    assert isinstance(result.error, RunFailed)
    assert result.error.kinds[0] == "RecursionError"


# -- atexit and finalizers -------------------------------------------------------------------------


def test_handlers_of_atexit_run_last_registered_first(isolated, ended):
    source = """
import atexit
atexit.register(note, "first")
atexit.register(note, "second")
def main(): note("main")
"""
    assert ended(NOTING + source, isolated)[1] == "main.second.first."


def test_a_handler_of_atexit_that_raises_stops_no_other(isolated, ended, log):
    source = """
import atexit
atexit.register(note, "last")
def fails(): raise ValueError("at exit")
atexit.register(fails)
def main(): return 1
"""
    result, noted = ended(NOTING + source, isolated)
    assert (result.value, noted) == (1, "last.")
    assert "ValueError: at exit" in log(result)


def test_handlers_of_atexit_run_after_a_failure(isolated, ended):
    source = """
import atexit
atexit.register(note, "exit")
def main(): raise ValueError
"""
    result, noted = ended(NOTING + source, isolated)
    assert (result.status, noted) == (RunStatus.FAILED, "exit.")


FINALIZED = {
    "finalizers of weakref": "kept = Thing()\nweakref.finalize(kept, print, 'finalized')",
    "objects": "kept = Deleted()",
    "objects in a circle": "kept = Deleted()\nkept.kept = kept",
    "generators": "left = numbers()\nnext(left)",
    "an object in a default": "def keeping(kept=Deleted()): pass",
    "objects of main": "def main():\n    kept = Deleted()\n    return 1",
    "objects beside what is no module": "sys.modules['absent'] = None\nkept = Deleted()",
    "objects that take modules along": """
class Removing(Deleted):
    def __del__(self, modules=sys.modules): modules.pop("two", None)
sys.modules.update({name: type(sys)(name) for name in ("one", "two")})
sys.modules["one"].kept, sys.modules["two"].kept = Removing(), Deleted()
""",
    "one that a handler of atexit makes": "atexit.register(lambda: setattr(sys, 'kept', Deleted()))",
}


@pytest.mark.parametrize("name", FINALIZED)
def test_what_a_script_leaves_is_finalized_as_by_python(isolated, name, write, run, log):
    source = f"""\
import atexit, sys, weakref
class Thing: pass
class Deleted:
    name = "object"
    def __del__(self): print("deleted", self.name)
def numbers():
    try:
        yield 1
    finally:
        print("finally")
def main(): print("main")
{FINALIZED[name]}
if __name__ == "__main__":
    main()
"""
    script = write(source)
    command = [sys.executable, script.filename]
    python = subprocess.run(command, capture_output=True, text=True, check=True)
    told = log(run(script, isolated))
    assert told.replace("\n", " ").split() == (python.stdout + python.stderr).split()


def test_a_finalizer_that_raises_is_told_of(isolated, write, run, log):
    source = (
        "class Bad:\n    def __del__(self): raise ValueError\nkept = Bad()\ndef main(): return 1"
    )
    result = run(write(source), isolated)
    assert result.value == 1
    assert "Exception ignored" in log(result)


def test_temporary_folders_of_a_script_are_removed(isolated, ended, scratch):
    source = """
import tempfile
folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
def main():
    note(folder.name)
    return 1
"""
    result, noted = ended(NOTING + source, isolated)
    assert result.value == 1
    assert noted.startswith(str(scratch))
    assert list(scratch.iterdir()) == []


# -- what is in buffers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "opening",
    [
        'open(name, "w")',
        'open(name, "a", encoding="utf-8")',
        'io.TextIOWrapper(open(name, "wb"))',
        "codecs.open(name, 'w', 'utf-8')",
    ],
)
@pytest.mark.parametrize("kept", ["file = None", "pass"])
def test_files_that_are_not_closed_have_their_content(isolated, opening, kept, write, run):
    script = write(f"""
        import codecs, io, pathlib, warnings
        warnings.simplefilter("ignore")
        name = pathlib.Path(__file__).with_name("written")
        def main():
            global file
            file = {opening}
            file.write("content " * 3)
            {kept}
            return 1
    """)
    assert run(script, isolated).value == 1
    assert script.path.with_name("written").read_text() == "content " * 3


def test_logging_to_a_file_is_complete(isolated, write, run):
    script = write("""
        import logging, logging.handlers, pathlib
        name = pathlib.Path(__file__).with_name("written")
        target = logging.FileHandler(name)
        handler = logging.handlers.MemoryHandler(1000, target=target)
        logging.basicConfig(handlers=[handler], level="INFO", format="%(message)s")
        def main():
            logging.info("the record")
    """)
    assert run(script, isolated).ok
    assert script.path.with_name("written").read_text() == "the record\n"


# -- signals ---------------------------------------------------------------------------------------

CLEANS_UP = """
import signal, sys, time
def stop(*_):
    note("handler")
    sys.exit(4)
signal.signal(signal.SIGTERM, stop)
def main():
    try:
        note("main")
        time.sleep(60)
    finally:
        note("finally")
"""


def test_a_handler_of_sigterm_has_its_time(mode, write, run):
    script = write(NOTING + CLEANS_UP)
    result = run(script, mode, timeout_s=1.0, grace_s=20)
    assert result.status is RunStatus.TIMEOUT
    assert result.duration_s < 15
    assert script.path.with_name("note").read_text() == "main.handler.finally."


def test_a_script_that_exits_by_its_own_sigterm_has_failed(isolated, ended):
    source = CLEANS_UP.replace("time.sleep(60)", "signal.raise_signal(signal.SIGTERM)")
    result, noted = ended(NOTING + source, isolated)
    assert isinstance(result.error, RunFailed)
    assert result.error.exit_code == 4
    assert noted == "main.handler.finally."


def test_an_interrupt_that_a_script_raises_is_its_failure(mode, write, run):
    result = run(write("def main(): raise KeyboardInterrupt"), mode)
    assert isinstance(result.error, RunFailed)
    assert result.error.exit_code == 130
    assert result.error.kinds == ("KeyboardInterrupt",)


# -- exceptions ------------------------------------------------------------------------------------

ODD = {
    "needs arguments": (
        "class Odd(Exception):\n    def __init__(self, a, *, b): super().__init__(f'{a} {b}')",
        "raise Odd(1, b=2)",
        "Odd: 1 2",
    ),
    "broken __str__": (
        "class Odd(Exception):\n    def __str__(self): raise KeyError('no')",
        "raise Odd",
        "Odd: <its message cannot be shown: KeyError>",
    ),
    "__str__ of another type": (
        "class Odd(Exception):\n    def __str__(self): return 5",
        "raise Odd",
        "Odd: <its message cannot be shown: TypeError>",
    ),
    "broken __reduce__": (
        "class Odd(Exception):\n    def __reduce__(self): raise KeyError('no')",
        "raise Odd('text')",
        "Odd: text",
    ),
    "unpicklable attribute": (
        "import threading\nclass Odd(Exception):\n    lock = threading.Lock()",
        "error = Odd('text'); error.it = Odd.lock; raise error",
        "Odd: text",
    ),
    "no module": ("Odd = type('Odd', (Exception,), {'__module__': None})", "raise Odd('a')", "a"),
    "base exception": ("class Odd(BaseException): pass", "raise Odd('text')", "Odd: text"),
    "group": ("", "raise ExceptionGroup('several', [ValueError(1)])", "ExceptionGroup: several"),
    "no text in any encoding": ("", r"raise ValueError('\udcff')", "ValueError: \udcff"),
    "nul": ("", r"raise ValueError('a\0b')", "ValueError: a\0b"),
    "long": ("", "raise ValueError('x' * 10**6)", "ValueError: " + "x" * 10**6),
    "cause": ("", "raise ValueError('outer') from KeyError('inner')", "ValueError: outer"),
    "itself as context": (
        "",
        "error = ValueError('round'); other = KeyError(); other.__context__ = error; raise error",
        "ValueError: round",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_exceptions_are_failures_all_the_same(mode, name, write, run):
    preparing, raising, told = ODD[name]
    result = run(write(f"{preparing}\ndef main():\n    {raising}"), mode)
    assert isinstance(result.error, RunFailed), result.error
    assert told in str(result.error)
    assert result.error.exit_code == 1
    assert result.error.where.startswith("script.py:")
    assert "in main" in result.traceback


def test_an_exception_while_a_handler_shows_it(isolated, write, run, log):
    script = write("""
        import sys
        def hook(*_): raise KeyError("in the hook")
        sys.excepthook = hook
        def main(): raise ValueError("the error")
    """)
    result = run(script, isolated)
    assert "ValueError: the error" in str(result.error)
    assert "Error in sys.excepthook" in log(result)
    assert "ValueError: the error" in log(result)
