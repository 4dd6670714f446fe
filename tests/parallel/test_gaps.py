"""What is done so that forks copy few pages, and that scripts see nothing of."""

from __future__ import annotations

import platform
import sys
from operator import sub
from pathlib import Path

import pytest

from kohakuengine import Script
from kohakuengine.flow.runs import RunSpec
from kohakuengine_parallel.fork import ForkExecutor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has forks of a zygote")


def linking_seen(folder: Path) -> str | None:
    file = folder / "script.py"
    file.write_text("import os\ndef main():\n    return os.environ.get('LD_BIND_NOW')\n")
    executor = ForkExecutor(1, log_dir=folder / "logs")
    try:
        return executor.submit(RunSpec(0, Script(file))).result(30).value
    finally:
        executor.shutdown()


def test_scripts_do_not_see_how_the_zygote_is_linked(tmp_path, monkeypatch):
    monkeypatch.delenv("LD_BIND_NOW", raising=False)
    assert linking_seen(tmp_path) is None


def test_scripts_see_how_the_user_wants_programs_linked(tmp_path, monkeypatch):
    monkeypatch.setenv("LD_BIND_NOW", "1")
    assert linking_seen(tmp_path) == "1"


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info >= (3, 15),
    reason="of an allocator that may change",
)
def test_what_is_allocated_next_lies_together():
    from kohakuengine_parallel.zygote.gaps import fill_gaps  # which Linux alone can import

    before = [bytes(200) for _ in range(2000)]
    del before[::40]  # gaps, one or two in each pool
    fill_gaps()
    pools = {id(made) >> 14 for made in [bytes(200) for _ in range(20)]}
    assert len(pools) <= 3


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have other allocators"
)
def test_what_the_c_library_allocates_next_lies_together():
    from kohakuengine_parallel.zygote.gaps import fill_gaps

    size = 3000
    before = [bytes(size) for _ in range(400)]
    del before[::2]  # gaps that are just large enough
    fill_gaps()
    places = [id(made) for made in [bytes(size) for _ in range(20)]]
    jumps = [step for step in map(sub, places[1:], places) if not size <= step <= size + 100]
    assert len(jumps) <= 2
