"""Ctrl-C, SIGTERM and SIGHUP: how a command ends, and that nothing is left of it."""

import json
import os
import signal
import threading
import time

import pytest

from kohakuengine_cli.signals import Stopped, stopped_by_signals

WAITS = """
    import os, sys, threading
    x = 1
    def main():
        print("ready", os.getpid(), flush=True)
        if x != 1:
            threading.Event().wait(60)
        return x
"""


@pytest.fixture
def scratch(tmp_path_factory):
    """A folder for temporary files of what is started."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def begin(start, write, scratch):
    """Start ``kogine`` as a terminal would, in a group of its own, and wait for the last run."""

    def run(*argv, stream="stdout", runs=1):
        write(script=WAITS)
        env = {"TMPDIR": str(scratch)}
        process = start("run", "script.py", *argv, start_new_session=True, env=env)
        pid = 0
        while runs:
            words = getattr(process, stream).readline().split()
            assert words, process.communicate()
            if words[0] == b"ready":
                runs, pid = runs - 1, int(words[1])
        return process, pid

    return run


def ended(process, sent, *, to_group=True):
    """Send a signal, wait for the end, and tell what was said."""
    if to_group:
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    return out.decode(), err.decode()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_ctrl_c_ends_one_run_as_it_would_end_python(begin, folder):
    process, _ = begin("--set", "x=2")
    out, err = ended(process, signal.SIGINT)
    assert (process.returncode, out) == (130, "")
    files = [line.split(",")[0] for line in err.splitlines() if line.startswith("  File")]
    assert files[0] == f'  File "{folder}/script.py"'
    assert "kohakuengine" not in err
    assert err.endswith("KeyboardInterrupt\n")


def test_ctrl_c_ends_a_child_too(begin, scratch):
    process, child = begin("--set", "x=2", "--subprocess")
    _, err = ended(process, signal.SIGINT)
    assert process.returncode == 130
    assert err.count("Traceback") == 1  # the child's
    assert "kohakuengine" not in err
    assert is_gone(child)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("flags", [[], ["--subprocess"], ["--keep-going", "--retries", "3"]])
def test_ctrl_c_ends_a_sweep_after_its_table(begin, flags, scratch):
    process, pid = begin("--sweep", "x=1,2,3", *flags, runs=2)
    _, err = ended(process, signal.SIGINT)
    assert process.returncode == 130
    assert "2 of 3 runs in " in err
    assert ": 1 succeeded, 1 cancelled\n" in err
    assert err.endswith("Interrupted.\n")
    assert "kohakuengine" not in err
    assert is_gone(pid)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
def test_an_interrupted_document_is_whole(begin, flags):
    process, _ = begin("--sweep", "x=1,2,3", "--json", *flags, stream="stderr", runs=2)
    out, _ = ended(process, signal.SIGINT)
    assert process.returncode == 130
    told = json.loads(out)
    assert told["counts"] == {"success": 1, "cancelled": 1}
    assert [run["globals"]["x"] for run in told["runs"]] == [1, 2]
    assert told["error"] == "interrupted"


def test_one_interrupted_run_is_a_document_too(begin):
    process, _ = begin("--set", "x=2", "--json", stream="stderr")
    out, err = ended(process, signal.SIGINT)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "cancelled"
    assert err.endswith("Interrupted.\n")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("flags", [["--set", "x=2"], ["--sweep", "x=2,3"]])
def test_a_command_that_is_told_to_end_ends_its_child_first(begin, sent, flags, scratch):
    process, child = begin(*flags, "--subprocess")
    ended(process, sent, to_group=False)
    is_as_ctrl_c = flags[0] == "--sweep" and sent == signal.SIGTERM
    assert process.returncode == (130 if is_as_ctrl_c else -sent)
    assert is_gone(child)
    assert list(scratch.iterdir()) == []


def test_a_sweep_that_is_told_to_end_has_its_table(begin):
    process, _ = begin("--sweep", "x=1,2,3", runs=2)
    _, err = ended(process, signal.SIGTERM)
    assert process.returncode == 130
    assert "2 of 3 runs in " in err
    assert err.endswith("Interrupted.\n")


def test_a_document_is_whole_also_then(begin):
    process, _ = begin("--sweep", "x=1,2,3", "--json", stream="stderr", runs=2)
    out, _ = ended(process, signal.SIGTERM)
    assert process.returncode == 130
    assert json.loads(out)["counts"] == {"success": 1, "cancelled": 1}


def test_one_run_in_this_process_is_ended_by_a_signal_as_python_is(begin):
    process, _ = begin("--set", "x=2")
    assert ended(process, signal.SIGTERM) == ("", "")
    assert process.returncode == -signal.SIGTERM


def test_what_a_script_forks_is_ended_by_a_signal_as_ever(kogine, write):
    write(
        script="""
            import multiprocessing, threading
            x = 1
            if __name__ == "__main__":
                context = multiprocessing.get_context("fork")
                child = context.Process(target=threading.Event().wait)
                child.start()
                child.terminate()
                child.join()
                print(child.exitcode)
        """
    )
    done = kogine("run", "script.py", "--sweep", "x=1,2")
    assert (done.code, done.out) == (0, "-15\n-15\n")


def test_ctrl_c_while_a_config_is_loaded_is_no_traceback(start, write):
    write(
        script="", conf="print('ready', flush=True)\nimport threading\nthreading.Event().wait(60)"
    )
    process = start("run", "script.py", "-c", "conf.py", start_new_session=True)
    process.stdout.readline()
    assert ended(process, signal.SIGINT) == ("", "Interrupted.\n")
    assert process.returncode == 130


# -- runs in parallel ------------------------------------------------------------------------------


@pytest.fixture
def parallel(start, write, folder):
    """Start parallel runs as a terminal would, and wait until two of them run."""

    def run(*argv, deaf=False):
        write(
            script=f"""
                import os, signal, threading
                x = 1
                def main():
                    if x == 1:
                        return x
                    if {deaf}:
                        signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    open(f"{{os.getpid()}}.pid", "w").close()
                    threading.Event().wait(60)
            """
        )
        words = ["--sweep", "x=1,2,3,4", "-j", "2", "--json", *argv]
        process = start("run", "script.py", *words, start_new_session=True)
        deadline = time.monotonic() + 30
        while len(found := list(folder.glob("*.pid"))) < 2:
            assert time.monotonic() < deadline, process.poll()
            threading.Event().wait(0.02)
        return process, [int(path.stem) for path in found]

    return run


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("mode", ["fork", "subprocess", "pool"])
def test_parallel_runs_are_ended_and_what_is_there_is_kept(parallel, sent, mode):
    process, pids = parallel("--mode", mode)
    out, err = ended(process, sent, to_group=False)
    assert process.returncode == 130
    told = json.loads(out)
    assert told["counts"] == {"success": 1, "cancelled": 2}
    assert told["error"] == "interrupted"
    assert "3 of 4 runs in " in err
    assert err.endswith("Interrupted.\n")
    assert all(map(is_gone, pids))


def test_the_second_ctrl_c_kills(parallel):
    process, pids = parallel("--grace", "10m", deaf=True)
    process.send_signal(signal.SIGINT)
    expected = b"Stopping: waiting up to 600 s for 2 runs; press Ctrl-C again to kill them.\n"
    while (line := process.stderr.readline()) != expected:
        assert line
    out, err = ended(process, signal.SIGINT, to_group=False)
    assert process.returncode == 130
    assert json.loads(out)["counts"] == {"success": 1, "cancelled": 2}
    assert "3 of 4 runs in " in err
    assert all(map(is_gone, pids))


# -- the signals themselves ----------------------------------------------------------------------


def test_the_end_comes_by_the_signal_once_all_is_cleared_away(monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda *call: sent.append(call))

    def stop():
        with stopped_by_signals():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                assert sent == []

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_after_a_signal_that_is_not_deadly_there_is_no_other_end(monkeypatch):
    monkeypatch.setattr(os, "kill", None)
    with pytest.raises(Stopped), stopped_by_signals([signal.SIGHUP]):
        signal.raise_signal(signal.SIGTERM)


def test_ctrl_c_is_counted_too_where_it_is_to_be():
    before = signal.getsignal(signal.SIGINT)
    counted = []

    def count():
        counted.append(1)
        return len(counted)

    with stopped_by_signals([], count):
        for kind in (KeyboardInterrupt, KeyboardInterrupt):
            with pytest.raises(kind):
                signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # what is being cleared away is left in peace
        signal.raise_signal(signal.SIGTERM)
    assert len(counted) == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_handler_that_the_script_sets_stays_with_it():
    def own(number, frame):
        raise AssertionError

    before = signal.getsignal(signal.SIGHUP)
    try:
        with stopped_by_signals():
            signal.signal(signal.SIGHUP, own)
        assert signal.getsignal(signal.SIGHUP) is own
    finally:
        signal.signal(signal.SIGHUP, before)


def test_forked_processes_get_the_signals_back(monkeypatch):
    hooks = {}
    monkeypatch.setattr(os, "register_at_fork", hooks.update)
    with stopped_by_signals():
        hooks["before"]()
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        hooks["after_in_child"]()
        assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_where_nothing_can_fork_there_is_nothing_to_do_about_it(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork")
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL


def test_other_threads_leave_signals_alone():
    seen = []

    def look():
        before = signal.getsignal(signal.SIGTERM)
        with stopped_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]
