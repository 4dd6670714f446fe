import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.cpus import usable_cpus
from kohakuengine_parallel.slots import Slots

THREADS = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
]


@pytest.fixture(autouse=True)
def eight_cpus_and_nothing_set(monkeypatch):
    monkeypatch.setenv("PYTHON_CPU_COUNT", "8")
    for name in [*THREADS, "CUDA_VISIBLE_DEVICES"]:
        monkeypatch.delenv(name, raising=False)


def test_there_are_as_many_as_usable_cpus():
    assert Slots().count == usable_cpus() == 8


def test_there_are_as_many_as_were_asked_for():
    assert Slots(20).count == 20


@pytest.mark.parametrize("number", [0, -3])
@pytest.mark.parametrize("what", ["max_workers", "threads_per_run"])
def test_fewer_than_one_is_refused(what, number):
    with pytest.raises(WorkflowError, match=f"^{what} must be at least 1, got {number}$"):
        Slots(**{what: number})


@pytest.mark.parametrize("number", ["2", 1.5, True])
@pytest.mark.parametrize("what", ["max_workers", "threads_per_run"])
def test_what_is_no_whole_number_is_refused(what, number):
    with pytest.raises(WorkflowError, match=f"^{what} must be a whole number, got {number!r}$"):
        Slots(**{what: number})


class TestThreads:
    @pytest.mark.parametrize(("workers", "threads"), [(1, "8"), (3, "2"), (8, "1"), (20, "1")])
    def test_the_cpus_are_divided_among_the_slots(self, workers, threads):
        assert Slots(workers).common_environment == dict.fromkeys(THREADS, threads)

    def test_a_variable_that_the_user_set_stands(self, monkeypatch):
        monkeypatch.setenv("MKL_NUM_THREADS", "3")
        monkeypatch.setenv("NUMBA_NUM_THREADS", "")
        others = [name for name in THREADS if name != "MKL_NUM_THREADS"]
        assert Slots(2).common_environment == dict.fromkeys(others, "4")

    def test_and_so_do_those_that_fall_back_to_it(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        assert Slots(2).common_environment == dict.fromkeys(THREADS[5:], "4")

    def test_an_explicit_number_beats_the_environment(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        assert Slots(2, threads_per_run=5).common_environment == dict.fromkeys(THREADS, "5")

    def test_all_slots_get_the_same(self):
        slots = Slots(2)
        assert slots.environment(0) == slots.environment(1) == slots.common_environment

    def test_what_a_run_gets_may_be_changed(self):
        slots = Slots(2)
        slots.environment(0)["OMP_NUM_THREADS"] = "9"
        assert slots.environment(0) == slots.common_environment == dict.fromkeys(THREADS, "4")


class TestGpus:
    def test_each_slot_has_its_lease(self):
        slots = Slots(gpus="0,1,2,3", gpus_per_run=2)
        assert slots.count == 2
        assert [slots.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in (0, 1)] == [
            "0,1",
            "2,3",
        ]

    def test_the_threads_are_in_it_too(self):
        slots = Slots(gpus=[5])
        assert slots.environment(0) == {"CUDA_VISIBLE_DEVICES": "5", **slots.common_environment}
        assert "CUDA_VISIBLE_DEVICES" not in slots.common_environment

    def test_workers_that_share_are_spread_over_the_devices(self):
        slots = Slots(3, gpus="0,1", gpus_per_run=0.5)
        names = [slots.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(3)]
        assert names == ["0", "1", "0"]

    def test_there_are_no_more_slots_than_leases(self):
        assert Slots(gpus="0,1").count == 2
        assert Slots(gpus="0,1").common_environment["OMP_NUM_THREADS"] == "4"

    def test_nor_more_than_cpus(self):
        assert Slots(gpus="0,1", gpus_per_run=0.1).count == 8

    def test_more_workers_than_leases_are_refused(self):
        with pytest.raises(
            WorkflowError,
            match=r"max_workers is 3, but the GPUs are enough for 2 at once with gpus_per_run=1;",
        ):
            Slots(3, gpus="0,1")

    def test_more_per_run_than_there_are_is_refused(self):
        with pytest.raises(WorkflowError, match="gpus_per_run is 3, but gpus names only 0, 1"):
            Slots(gpus="0,1", gpus_per_run=3)

    def test_no_devices_is_refused(self):
        with pytest.raises(WorkflowError, match="names no device"):
            Slots(gpus=[])

    def test_a_number_per_run_alone_is_refused(self):
        with pytest.raises(WorkflowError, match=r"gpus_per_run=0.5 needs gpus='auto', or names"):
            Slots(gpus_per_run=0.5)

    def test_devices_that_are_too_few_for_another_run_are_named(self):
        with pytest.warns(
            UserWarning, match="no run will use GPU 2: there are 1 workers, with gpus_per_run=2"
        ) as caught:
            Slots(gpus="0,1,2", gpus_per_run=2)
        assert caught[0].filename == __file__

    def test_devices_without_a_cpu_are_named(self, monkeypatch):
        monkeypatch.setenv("PYTHON_CPU_COUNT", "1")
        with pytest.warns(UserWarning, match="no run will use GPU 1, 2: there are 1 workers"):
            assert Slots(gpus="0,1,2").count == 1

    def test_who_chose_the_number_of_workers_knows(self):
        assert Slots(1, gpus="0,1,2").count == 1


@given(st.integers(1, 8), st.sampled_from([0.25, 0.5, 1]))
def test_every_slot_has_a_lease(devices, per_run):
    slots = Slots(gpus=range(devices), gpus_per_run=per_run)
    used = {slots.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(slots.count)}
    assert used == {str(device) for device in range(devices)}
