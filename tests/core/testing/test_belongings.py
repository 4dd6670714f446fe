import os
import subprocess
import sys
import threading

import pytest

from kohakuengine.testing.belongings import belongings


def test_threads():
    stop = threading.Event()
    before = belongings()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert belongings() - before == {("thread", thread)}
    stop.set()
    thread.join()
    assert belongings() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nothing tells here")
def test_files_and_children_where_proc_tells():
    before = belongings()
    code = "input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        kinds = sorted(kind for kind, _ in belongings() - before)
        assert kinds == ["child", "file"]
        assert ("child", str(child.pid)) in belongings()
        child.communicate(b"\n")
    assert belongings() == before


def test_threads_alone_where_nothing_tells_the_rest(monkeypatch):
    monkeypatch.setattr(os.path, "isdir", lambda path: False)
    assert belongings() == {("thread", thread) for thread in threading.enumerate()}
