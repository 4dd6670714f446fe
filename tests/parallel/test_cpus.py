import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine_parallel.cpus import cgroup_chains, usable_cpus

V2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" + "".join(
    f"{number} 31 0:29 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
    for number, name in ((32, "cpu,cpuacct"), (33, "memory"))
)


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)


@pytest.fixture
def system(tmp_path):
    """Writes what the kernel would show, and returns the root of it."""

    def write(cgroup, mountinfo, files=()):
        files = {"proc/self/cgroup": cgroup, "proc/self/mountinfo": mountinfo, **dict(files)}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return write


def test_where_no_group_has_a_quota_all_permitted_cpus_are_usable(system):
    assert usable_cpus(system("0::/a/b\n", V2, {"sys/fs/cgroup/a/cpu.max": "max 100000\n"})) == 8


def test_without_proc_all_permitted_cpus_are_usable(tmp_path):
    assert usable_cpus(str(tmp_path)) == 8


@pytest.mark.parametrize(
    ("quota", "expected"), [(1000, 1), (100000, 1), (100001, 2), (250000, 3), (900000, 8)]
)
def test_a_quota_is_rounded_up(system, quota, expected):
    root = system("0::/\n", V2, {"sys/fs/cgroup/cpu.max": f"{quota} 100000\n"})
    assert usable_cpus(root) == expected


@pytest.mark.parametrize("where", ["", "a/", "a/b/"])
def test_the_quota_of_every_group_above_holds(system, where):
    files = {"sys/fs/cgroup/a/b/cpu.max": "700000 100000\n"}
    files[f"sys/fs/cgroup/{where}cpu.max"] = "200000 100000\n"
    assert usable_cpus(system("0::/a/b\n", V2, files)) == 2


def test_the_quota_of_a_neighbour_does_not(system):
    assert usable_cpus(system("0::/a\n", V2, {"sys/fs/cgroup/b/cpu.max": "100000 100000\n"})) == 8


def test_version_1_has_its_quota_in_two_files(system):
    files = {
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "50000\n",
    }
    cgroup = "5:name=systemd:/x\n4:cpu,cpuacct:/job\n3:memory:/other\n0::/\n"
    assert usable_cpus(system(cgroup, V1, files)) == 3


def test_a_quota_over_no_time_is_none(system):
    assert usable_cpus(system("0::/\n", V2, {"sys/fs/cgroup/cpu.max": "100000 0\n"})) == 8


def test_a_container_that_sees_the_names_of_its_host_finds_its_own_group(system):
    mounts = "40 30 0:9 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
    root = system("0::/docker/abc/inner\n", mounts)
    base = os.path.join(root, "sys/fs/cgroup")
    assert cgroup_chains("cpu", root) == [[f"{base}/inner", base]]


def test_of_several_mounts_the_one_that_shows_the_group_is_taken(system):
    mounts = (
        "40 30 0:9 /docker/ab /mnt/other ro - cgroup2 cgroup rw\n"
        "41 30 0:9 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
    )
    root = system("0::/docker/abc\n", mounts)
    assert cgroup_chains("cpu", root) == [[os.path.join(root, "sys/fs/cgroup")]]


@pytest.mark.parametrize("path", ["/../elsewhere", "/system.slice"])
def test_a_group_that_is_not_shown_leaves_the_top_of_what_is(system, path):
    root = system(f"0::{path}\n", "40 30 0:9 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n")
    assert cgroup_chains("cpu", root) == [[os.path.join(root, "sys/fs/cgroup")]]


def test_a_hierarchy_that_is_not_mounted_has_no_folders(system):
    assert cgroup_chains("cpu", system("0::/a\n", "")) == []


def test_mount_points_may_hold_spaces_and_groups_colons(system):
    root = system("0::/a:b\n", "40 30 0:9 / /my\\040groups rw - cgroup2 cgroup rw\n")
    base = os.path.join(root, "my groups")
    assert cgroup_chains("cpu", root) == [[f"{base}/a:b", base]]


def test_the_count_that_the_user_gave_stands_against_any_quota(system, monkeypatch):
    root = system("0::/\n", V2, {"sys/fs/cgroup/cpu.max": "100000 100000\n"})
    monkeypatch.setenv("PYTHON_CPU_COUNT", "5")
    assert usable_cpus(root) == 5
    monkeypatch.setitem(sys._xoptions, "cpu_count", "3")
    assert usable_cpus(root) == 3
    monkeypatch.setitem(sys._xoptions, "cpu_count", "default")
    assert usable_cpus(root) == 1


def test_pythons_switch_against_environment_variables_holds():
    code = "from kohakuengine_parallel.cpus import usable_cpus; print(usable_cpus())"
    done = subprocess.run(
        [sys.executable, "-E", "-c", code],
        env={**os.environ, "PYTHON_CPU_COUNT": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) <= (os.cpu_count() or 1) < 77


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_affinity_of_this_process_holds():
    code = (
        "import os; from kohakuengine_parallel.cpus import usable_cpus; "
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(usable_cpus())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


class TestWithoutAffinity:
    @pytest.fixture(autouse=True)
    def no_affinity(self, monkeypatch):
        monkeypatch.undo()
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    def test_newer_pythons_know_the_count(self, monkeypatch, tmp_path):
        monkeypatch.setattr(os, "process_cpu_count", lambda: 6, raising=False)
        assert usable_cpus(str(tmp_path)) == 6

    def test_older_pythons_know_that_of_the_machine(self, monkeypatch, tmp_path):
        monkeypatch.delattr(os, "process_cpu_count", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: None)
        assert usable_cpus(str(tmp_path)) == 1


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=5), st.integers(1000, 10**6))
def test_the_least_of_all_nested_quotas_decides(tmp_path_factory, quotas, period):
    root = tmp_path_factory.mktemp("root")
    (root / "proc/self").mkdir(parents=True)
    depth = range(len(quotas))
    (root / "proc/self/cgroup").write_text("0::/" + "/".join(f"g{n}" for n in depth[1:]) + "\n")
    (root / "proc/self/mountinfo").write_text(V2)
    folder = root / "sys/fs/cgroup"
    for number, quota in enumerate(quotas):
        folder = folder / f"g{number}" if number else folder
        folder.mkdir(parents=True)
        (folder / "cpu.max").write_text(f"{quota} {period}\n")
    assert usable_cpus(str(root)) == min(8, math.ceil(min(quotas) / period))
