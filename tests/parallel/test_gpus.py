import math
import os
import stat
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.gpus import gpu_names, leases

UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
MIG = "MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/0"
NEW_MIG = "MIG-1b5a7f2c-9d0e-5c9b-8f0a-0a4f7f0c1d2e"


@pytest.fixture(autouse=True)
def nothing_visible_is_set(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A fake on PATH, alone there: Python code that prints what it says."""

    def fake(code):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", str(tmp_path))
    return fake


@pytest.mark.parametrize(
    ("gpus", "names"),
    [
        ("0,1,2,3", ["0", "1", "2", "3"]),
        (" 0, 2 ", ["0", "2"]),
        ([0, 1], ["0", "1"]),
        ((3, "1"), ["3", "1"]),
        (range(3), ["0", "1", "2"]),
        (["07"], ["7"]),
        ([UUID, MIG, NEW_MIG], [UUID, MIG, NEW_MIG]),
        (f"{UUID},{MIG}", [UUID, MIG]),
    ],
)
def test_devices_by_index_and_by_name(gpus, names):
    assert gpu_names(gpus) == names


@pytest.mark.parametrize(
    ("gpus", "named"),
    [
        ("0,,1", "''"),
        ("0,", "''"),
        ("0-3", "'0-3'"),
        ("cuda:0", "'cuda:0'"),
        ([-1], "-1"),
        ([0.5], "0.5"),
        ([True], "True"),
        ([None], "None"),
        (["0,1"], "'0,1'"),
        (["auto"], "'auto'"),
        ("٣", "'٣'"),
    ],
)
def test_what_is_no_device_is_refused_with_what_is_accepted(gpus, named):
    with pytest.raises(WorkflowError, match=rf"{named} in gpus is no device; accepted: '0,1', \["):
        gpu_names(gpus)


@pytest.mark.parametrize("gpus", ["", " ", [], ()])
def test_no_device_is_refused(gpus):
    with pytest.raises(WorkflowError, match=r"names no device; accepted: .* or 'auto'"):
        gpu_names(gpus)


def test_a_number_is_no_list_of_devices():
    with pytest.raises(WorkflowError, match=r"gpus=2 does not say which; accepted: '0,1'"):
        gpu_names(2)


@pytest.mark.parametrize("gpus", ["0,1,0", ["1", 1], ["01", "1"], [UUID, UUID]])
def test_a_device_that_is_named_twice_is_refused(gpus):
    with pytest.raises(WorkflowError, match=r"twice; gpus_per_run=0.5 lets runs share it"):
        gpu_names(gpus)


class TestAuto:
    @pytest.mark.parametrize(
        ("visible", "names"),
        [("2,3", ["2", "3"]), (f"{UUID}, 1", [UUID, "1"]), ("1,-1,2", ["1"]), ("1,x,2", ["1"])],
    )
    def test_takes_the_devices_that_are_visible(self, monkeypatch, visible, names):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert gpu_names("auto") == names

    @pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
    def test_where_none_is_visible_none_is_looked_for(self, monkeypatch, nvidia_smi, visible):
        nvidia_smi("print(0)")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with pytest.raises(WorkflowError, match=f"no GPU: CUDA_VISIBLE_DEVICES is '{visible}'"):
            gpu_names("auto")

    def test_a_device_that_is_visible_twice_is_refused(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,1")
        with pytest.raises(WorkflowError, match="CUDA_VISIBLE_DEVICES names the device 1 twice"):
            gpu_names("auto")

    def test_asks_nvidia_smi_for_the_indices(self, nvidia_smi):
        nvidia_smi(
            "assert sys.argv[1:] == ['--query-gpu=index', '--format=csv,noheader'], sys.argv\n"
            "print('0\\n1\\n2')"
        )
        assert gpu_names("auto") == ["0", "1", "2"]

    def test_a_machine_without_gpus(self, nvidia_smi):
        nvidia_smi("")
        with pytest.raises(WorkflowError, match="found no GPU: nvidia-smi lists none"):
            gpu_names("auto")

    def test_a_machine_without_nvidia_smi(self, nvidia_smi):
        with pytest.raises(WorkflowError, match=r"no nvidia-smi is on PATH; name the devices, as"):
            gpu_names("auto")

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("print('NVIDIA-SMI has failed.\\nMore'); sys.exit(9)", "NVIDIA-SMI has failed."),
            ("sys.exit('Driver mismatch')", "Driver mismatch"),
            ("sys.exit(6)", "exit code 6"),
            ("print('No devices were found')", "No devices were found"),
        ],
    )
    def test_what_nvidia_smi_complains_of_is_passed_on(self, nvidia_smi, code, said):
        nvidia_smi(code)
        with pytest.raises(WorkflowError, match=f"no list from nvidia-smi: {said}; name the"):
            gpu_names("auto")

    def test_an_nvidia_smi_that_cannot_be_started(self, nvidia_smi, tmp_path):
        nvidia_smi("")
        (tmp_path / "nvidia-smi").write_text("#!/nowhere/python\n")
        with pytest.raises(WorkflowError, match=r"no list from nvidia-smi: .*No such file"):
            gpu_names("auto")

    def test_an_nvidia_smi_that_hangs(self, nvidia_smi, monkeypatch):
        monkeypatch.setattr("kohakuengine_parallel.gpus._NVIDIA_SMI_TIMEOUT_S", 0.05)
        nvidia_smi("sys.stdin = open(0); import signal; signal.pause()")
        with pytest.raises(WorkflowError, match=r"no list from nvidia-smi: .*timed out") as caught:
            gpu_names("auto")
        assert isinstance(caught.value.__cause__, subprocess.TimeoutExpired)


@pytest.mark.parametrize(
    ("per_run", "expected"),
    [
        (1, [("0",), ("1",), ("2",)]),
        (1.0, [("0",), ("1",), ("2",)]),
        (2, [("0", "1")]),
        (3, [("0", "1", "2")]),
        (0.5, [("0",), ("1",), ("2",), ("0",), ("1",), ("2",)]),
        (0.51, [("0",), ("1",), ("2",)]),
    ],
)
def test_leases_of_three_devices(per_run, expected):
    assert leases(["0", "1", "2"], per_run) == expected


def test_three_runs_of_0_3_fit_on_a_device():
    assert leases(["7"], 0.3) == [("7",)] * 3


@pytest.mark.parametrize(
    "per_run", [0, -1, 1.5, 2.0001, math.nan, math.inf, 0.0001, True, "1", None]
)
def test_numbers_that_make_no_sense_are_refused(per_run):
    with pytest.raises(WorkflowError, match=r"gpus_per_run must be a whole number of GPUs, or a f"):
        leases(["0", "1"], per_run)


def test_fewer_devices_than_a_run_needs_are_refused():
    with pytest.raises(WorkflowError, match="gpus_per_run is 3, but gpus names only 0, 1"):
        leases(["0", "1"], 3)


DEVICES = st.integers(1, 40).map(lambda count: [str(number) for number in range(count)])


@given(DEVICES, st.integers(1, 40))
def test_no_device_has_two_whole_leases(devices, size):
    if size > len(devices):
        return
    found = leases(devices, size)
    used = [device for lease in found for device in lease]
    assert {len(lease) for lease in found} == {size}
    assert used == devices[: len(used)]
    assert len(devices) - len(used) < size


@given(DEVICES, st.integers(2, 1000))
def test_the_nth_part_of_a_device_is_leased_n_times(devices, parts):
    assert Counter(leases(devices, 1 / parts)) == {(device,): parts for device in devices}


@given(DEVICES, st.floats(0.001, 1))
def test_shares_never_exceed_their_device(devices, share):
    (number,) = set(Counter(leases(devices, share)).values())
    assert number * share <= 1 + 1e-6
    assert (number + 1) * share > 1


def test_nothing_in_the_environment_is_changed_by_looking(nvidia_smi):
    before = dict(os.environ)
    nvidia_smi("print(0)")
    gpu_names("auto")
    assert dict(os.environ) == before
