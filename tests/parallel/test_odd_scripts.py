"""What scripts do to the process that they are in; the next run does not suffer by it."""

import sys

import pytest
from processes import until

from kohakuengine.flow.runs import RunStatus

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

FINE = "def main(): return 'fine'"


@pytest.fixture
def and_next(write, flow):
    """The results of a script, and of two runs after it in the same slot."""

    def and_next(script, executor, **options):
        after = [write(FINE, "after.py"), script.__class__(script.location, script.config)]
        results = flow([script, *after], executor, max_workers=1, **options).results()
        assert results[1].value == "fine"
        assert results[0].status == results[2].status
        return results[0]

    return and_next


# -- threads ---------------------------------------------------------------------------------------


def test_a_thread_that_outlives_main_is_waited_for(isolated, write, run, tmp_path):
    script = write("""
        import pathlib, threading, time
        def later():
            threading.main_thread().join()
            pathlib.Path(__file__).with_name("done").touch()
        def main():
            threading.Thread(target=later).start()
            return 1
    """)
    assert run(script, isolated).value == 1
    assert script.path.with_name("done").exists()


def test_a_daemon_thread_is_not_waited_for(mode, write, and_next):
    script = write("""
        import threading
        def main():
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            return threading.active_count() > 1
    """)
    assert and_next(script, mode).value is True


def test_a_pool_of_threads_works(mode, write, and_next):
    script = write("""
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(4)
        def main(): return list(pool.map(abs, range(-9, 0)))
    """)
    assert and_next(script, mode).value == list(range(9, 0, -1))


def test_a_run_has_one_thread_when_it_begins(isolated, write, run):
    script = write("import threading\ndef main(): return threading.enumerate().__len__()")
    assert run(script, isolated).value == 1


# -- files -----------------------------------------------------------------------------------------


@linux
def test_closing_every_file_loses_no_value(mode, write, and_next):
    script = write("""
        import os
        def main():
            os.closerange(3, 256)
            return "value"
    """)
    assert and_next(script, mode).value == "value"


@linux
def test_closing_every_file_and_opening_others_loses_no_value(mode, write, and_next):
    script = write("""
        import os
        kept = []
        def main():
            os.closerange(0, 256)
            for number in range(40):
                kept.append(os.open("/dev/null", os.O_RDWR))
            return b"value" * 100_000
    """)
    assert and_next(script, mode).value == b"value" * 100_000


@linux
def test_sockets_in_the_place_of_closed_ones_hear_nothing(isolated, write, run):
    script = write("""
        import os, socket
        def main():
            os.closerange(3, 256)
            pairs = [socket.socketpair() for _ in range(20)]
            script_ends = [end for pair in pairs for end in pair]
            for end in script_ends:
                end.setblocking(False)
            global check
            def check():
                import pathlib
                heard = 0
                for end in script_ends:
                    try:
                        heard += len(end.recv(10))
                    except BlockingIOError:
                        pass
                pathlib.Path(__file__).with_name("heard").write_text(str(heard))
            import atexit
            atexit.register(check)
            return 5
    """)
    assert run(script, isolated).value == 5
    assert script.path.with_name("heard").read_text() == "0"


@linux
def test_a_run_has_no_files_but_its_streams_and_one_socket(write, run, mark):
    script = write("""
        import os
        def links():
            for number in sorted(os.listdir("/proc/self/fd"), key=int):
                try:
                    yield os.readlink(f"/proc/self/fd/{number}").partition(":")[0]
                except FileNotFoundError:  # that of the listing itself
                    pass
        def main(): return list(links())
    """)
    null, out, err, *rest = run(script, "fork").value
    assert null == "/dev/null"
    assert out == err
    assert out.endswith(".log")
    assert rest == ["socket"]


@linux
def test_a_program_that_a_run_starts_gets_no_files_of_ours(mode, write, run):
    script = write("""
        import subprocess, sys
        asking = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
        def main():
            command = [sys.executable, "-c", asking]
            return subprocess.run(command, stdout=-1, text=True, close_fds=False).stdout
    """)
    assert run(script, mode).value == "[0, 1, 2, 3]\n"  # the last is that of the listing


def test_standard_input_is_empty(mode, write, run):
    script = write("import sys\ndef main(): return sys.stdin.read()")
    assert run(script, mode).value == ""


# -- the current folder and the streams ------------------------------------------------------------


def test_the_log_and_the_value_arrive_from_another_folder(mode, write, and_next, log):
    script = write("""
        import os
        def main():
            os.chdir("/")
            print("from", os.getcwd())
            return 1
    """)
    result = and_next(script, mode)
    assert result.value == 1
    assert "from /\n" in log(result)


def test_a_current_folder_that_is_removed(isolated, write, and_next):
    script = write("""
        import os, tempfile
        def main():
            folder = tempfile.mkdtemp()
            os.chdir(folder)
            os.rmdir(folder)
            return 1
    """)
    assert and_next(script, isolated).value == 1


def test_a_replaced_stdout(mode, write, and_next, log):
    script = write("""
        import io, sys
        def main():
            print("before")
            sys.stdout = io.StringIO()
            print("into it")
            return sys.stdout.getvalue()
    """)
    result = and_next(script, mode)
    assert result.value == "into it\n"
    assert "before\n" in log(result)
    assert "into it" not in log(result)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_is_in_the_buffer_of_a_replaced_stream(name, write, and_next, log, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    script = write(f"""
        import io, sys
        def main():
            sys.{name}.write("before")
            sys.{name} = io.StringIO()
    """)
    assert log(and_next(script, "fork")).endswith("before")


@pytest.mark.parametrize(
    "how",
    [
        "sys.stdout.close()",
        "sys.stdout = None",
        "del sys.stdout",
        "sys.stdout = sys.stderr = object()",
        "sys.stdout.detach()",
        "os.close(1)",
        "sys.stdout.close(); sys.stderr.close()",
    ],
)
def test_a_stdout_that_is_gone(isolated, how, write, and_next):
    script = write(f"import os, sys\ndef main():\n    {how}\n    return 1")
    assert and_next(script, isolated).value == 1


@pytest.mark.parametrize("how", ["sys.stdout = None", "sys.stdout = object()", "del sys.stdout"])
def test_a_worker_survives_a_stdout_that_is_gone(how, write, and_next):
    script = write(f"import os, sys\ndef main():\n    {how}\n    return 1")
    assert and_next(script, "pool").value == 1


# -- processes -------------------------------------------------------------------------------------


def test_a_fork_of_the_scripts_own(mode, write, and_next):
    script = write("""
        import os
        def main():
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(write, b"from the child")
                os._exit(3)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            return os.read(read, 100), status
    """)
    assert and_next(script, mode).value == (b"from the child", 3)


def test_a_fork_whose_child_returns_from_main_too(mode, write, and_next):
    script = write("""
        import os
        def main():
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0
            return "parent" if child else "child"
    """)
    assert and_next(script, mode).value == "parent"


def test_a_fork_whose_child_fails(mode, write, and_next):
    script = write("""
        import os
        def main():
            child = os.fork()
            if not child:
                raise ValueError("in the child")
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    """)
    assert and_next(script, mode).value == 1


def test_a_script_that_becomes_another_program_is_lost(isolated, write, and_next, log):
    script = write("""
        import os, sys
        def main(): os.execv(sys.executable, [sys.executable, "-c", "print('another')"])
    """)
    result = and_next(script, isolated)
    assert result.status is RunStatus.LOST
    assert "exit code 0" in str(result.error)
    assert log(result) == "another\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(isolated, method, write, run):
    script = write(
        """
        import multiprocessing
        scale, method = 1, ""
        offset = scale * 10
        def work(number): return number * scale + offset
        def main():
            with multiprocessing.get_context(method).Pool(2) as pool:
                return pool.map(work, range(3))
        if __name__ == "__main__":
            main()
        """,
        scale=2,
        method=method,
    )
    assert run(script, isolated).value == [20, 22, 24]


def test_a_flow_of_the_scripts_own(mode, write, run, mark):
    inner = write("n = 0\ndef main(): return n * 2", "inner.py")
    script = write(
        """
        import pathlib
        from kohakuengine import Config, Parallel, Script
        location, mode = "", ""
        def main():
            scripts = [Script(location, Config({"n": n})) for n in range(4)]
            logs = pathlib.Path(__file__).parent / "inner-logs"
            return Parallel(scripts, max_workers=2, executor=mode, log_dir=logs).run()
        """,
        location=inner.location,
        mode=mode,
    )
    assert run(script, mode).value == [0, 2, 4, 6]
    if sys.platform == "linux":
        until(lambda: not mark.pids(), 2, "the end of all processes")


def test_a_program_left_running_does_not_hold_up_the_run(mode, write, run, mark):
    script = write("""
        import subprocess, sys
        def main():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            return 1
    """)
    assert run(script, mode).value == 1


@linux
def test_a_run_is_a_group_and_a_session_of_its_own(isolated, write, run):
    script = write("""
        import os
        def main(): return os.getpid() == os.getpgrp() == os.getsid(0)
    """)
    assert run(script, isolated).value is True


def test_signals_have_their_usual_handlers(isolated, write, run):
    script = write("""
        import signal
        def main(): return {
            name: signal.getsignal(getattr(signal, name)) for name in (
                "SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP", "SIGUSR1", "SIGPIPE")
        }
    """)
    import signal

    handlers = run(script, isolated).value
    assert handlers.pop("SIGINT") is signal.default_int_handler
    assert handlers.pop("SIGPIPE") is signal.SIG_IGN
    assert set(handlers.values()) == {signal.SIG_DFL}


def test_no_signals_are_blocked_but_those_of_the_program(isolated, write, run):
    script = write("""
        import signal
        def main(): return sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    """)
    import signal

    blocked = {signal.SIGUSR2, signal.SIGWINCH}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        expected = sorted(map(int, before | blocked))
        assert run(script, isolated).value == expected
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert run(script, isolated).value == sorted(map(int, before))


def test_the_collector_works(mode, write, run):
    script = write("""
        import gc, weakref
        class Node: pass
        def main():
            node = Node()
            node.self = node
            reference = weakref.ref(node)
            del node
            gc.collect()
            return gc.isenabled(), reference() is None
    """)
    assert run(script, mode).value == (True, True)


# -- random numbers --------------------------------------------------------------------------------

NUMBERS = """
    import random, uuid, tempfile
    {imports}
    def main(): return random.random(), {expression}
"""


def test_random_numbers_differ_from_run_to_run(mode, write, flow):
    source = NUMBERS.format(imports="", expression="uuid.uuid4().hex")
    values = flow([write(source)] * 6, mode).run()
    for column in zip(*values, strict=True):
        assert len(set(column)) == 6


def test_random_numbers_of_numpy_differ_from_run_to_run(mode, write, flow):
    pytest.importorskip("numpy")
    expression = "float(numpy.random.random()), float(numpy.random.default_rng().random())"
    source = NUMBERS.format(imports="import numpy", expression=expression)
    values = flow([write(source)] * 4, mode).run()
    for column in zip(*values, strict=True):
        assert len(set(column)) == 4


def test_random_numbers_of_a_script_that_seeds_are_the_same(mode, write, flow):
    pytest.importorskip("numpy")
    script = write("""
        import random
        import numpy
        random.seed(7)
        numpy.random.seed(7)
        def main(): return random.random(), float(numpy.random.random())
    """)
    assert len(set(flow([script] * 4, mode).run())) == 1
