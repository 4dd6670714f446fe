import math
import os
import subprocess
import sys

import pytest

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.memory import check_limit, limit_memory
from kohakuengine_parallel.oom_kills import OomKills

V2 = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1 = "33 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


class TestCheck:
    @pytest.mark.parametrize("megabytes", [None, 1, 512, 1.5, 10**9])
    def test_sizes_pass(self, megabytes):
        check_limit(megabytes)

    @pytest.mark.parametrize("nonsense", [0, -1, 0.5, math.nan, math.inf, 1e300, True, "1GB"])
    def test_nonsense_is_refused(self, nonsense):
        with pytest.raises(
            WorkflowError, match="memory_limit_mb must be a number of at least 1, go"
        ):
            check_limit(nonsense)

    def test_a_platform_without_the_module_is_refused(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "resource", None)
        with pytest.raises(WorkflowError, match=rf"cannot be enforced .* \({sys.platform}\)"):
            check_limit(512)
        check_limit(None)

    def test_a_platform_that_ignores_the_limit_is_refused(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(WorkflowError, match=r"cannot be enforced on this platform \(darwin\)"):
            check_limit(512)


def limited(code):
    """What code prints in a process of its own, for a limit is for good."""
    code = (
        "import resource\nfrom kohakuengine_parallel.memory import limit_memory\n"
        f"limit = lambda: resource.getrlimit(resource.RLIMIT_AS)\n{code}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="no such limit is enforced here")
class TestLimit:
    def test_it_holds_and_cannot_be_raised(self):
        assert limited("limit_memory(2048.5); print(limit())") == str((2048 * 2**20 + 2**19,) * 2)

    def test_what_is_beyond_it_is_a_memory_error(self):
        assert limited(
            "limit_memory(2048)\ntry: bytearray(4 << 30)\nexcept MemoryError: print('caught')"
        ) == "caught"  # fmt: skip

    def test_a_lower_limit_remains(self):
        assert limited(
            "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
            "limit_memory(10**9); print(limit())"
        ) == str((3 << 30,) * 2)  # fmt: skip

    def test_the_largest_size_that_passes_the_check_can_be_set(self):
        largest = math.nextafter(2**43, 0)
        check_limit(largest)
        assert limited(f"limit_memory({largest!r}); print('set')") == "set"

    def test_this_very_process_is_what_is_limited(self, monkeypatch):
        import resource

        calls = []
        hard = iter([resource.RLIM_INFINITY, 2**30])
        monkeypatch.setattr(resource, "getrlimit", lambda _: (5, next(hard)))
        monkeypatch.setattr(resource, "setrlimit", lambda *call: calls.append(call))
        limit_memory(512)
        limit_memory(2048)
        assert calls == [(resource.RLIMIT_AS, (size, size)) for size in (2**29, 2**30)]


@pytest.fixture
def system(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return write


def events(kills):
    return f"low 0\nhigh 0\nmax 7\noom 3\noom_kill {kills}\noom_group_kill 0\n"


def kernel(system, source, kills):
    """A machine whose nearest counter is the one named."""
    shown = {
        "v2": {"proc__self__cgroup": "0::/job\n", "proc__self__mountinfo": V2},
        "v1": {"proc__self__cgroup": "4:memory:/job\n0::/\n", "proc__self__mountinfo": V1},
        "machine": {},
    }[source]
    counter = {
        "v2": ("sys/fs/cgroup/job/memory.events", events(kills)),
        "v1": (
            "sys/fs/cgroup/memory/job/memory.oom_control",
            f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n",
        ),
        "machine": ("proc/vmstat", f"nr_free_pages 5\noom_kill {kills}\n"),
    }[source]
    return system(proc__vmstat="oom_kill 99\n", **shown) and system(**dict([counter]))


class TestOomKills:
    @pytest.mark.parametrize("source", ["v2", "v1", "machine"])
    def test_what_was_killed_before_does_not_count(self, system, source):
        oom = OomKills(kernel(system, source, 4))
        assert oom.since() == 0
        assert not oom.claim()

    @pytest.mark.parametrize("source", ["v2", "v1", "machine"])
    def test_what_is_killed_from_then_on_does(self, system, source):
        oom = OomKills(kernel(system, source, 4))
        kernel(system, source, 6)
        assert oom.since() == 2

    def test_one_kill_explains_one_death(self, system):
        oom = OomKills(kernel(system, "v2", 4))
        kernel(system, "v2", 6)
        assert [oom.claim() for _ in range(4)] == [True, True, False, False]
        assert oom.since() == 0
        kernel(system, "v2", 7)
        assert oom.claim()

    def test_the_group_above_counts_where_ours_is_without_the_controller(self, system):
        root = kernel(system, "v2", 4)
        os.unlink(f"{root}/sys/fs/cgroup/job/memory.events")
        system(sys__fs__cgroup__memory_events="")
        above = os.path.join(root, "sys/fs/cgroup/memory.events")
        with open(above, "w") as file:
            file.write(events(1))
        oom = OomKills(root)
        with open(above, "w") as file:
            file.write(events(2))
        assert oom.since() == 1

    def test_a_kernel_whose_groups_do_not_count_leaves_the_machines(self, system):
        root = kernel(system, "v1", 0)
        system(**{"sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\n"})
        oom = OomKills(root)
        system(proc__vmstat="oom_kill 100\n")
        assert oom.since() == 1

    def test_without_any_counter_nothing_is_counted(self, tmp_path):
        oom = OomKills(str(tmp_path))
        assert oom.since() == 0
        assert not oom.claim()

    def test_a_counter_that_is_gone_counts_nothing(self, system):
        root = kernel(system, "v2", 4)
        oom = OomKills(root)
        os.unlink(f"{root}/sys/fs/cgroup/job/memory.events")
        assert oom.since() == 0

    def test_this_machine(self):
        assert OomKills().since() == 0
