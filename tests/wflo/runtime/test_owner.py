import subprocess
import sys

import pytest

from wflo.runtime.local.owner import is_dead, new_owner


def test_each_has_another_name():
    assert new_owner() != new_owner()
    assert len(new_owner()) <= 255


def test_who_lives_is_not_dead():
    assert not is_dead(new_owner())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lease has to expire")
def test_who_has_ended_is_dead():
    code = "from wflo.runtime.local.owner import new_owner; print(new_owner())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert is_dead(done.stdout.strip())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lease has to expire")
def test_another_process_with_the_same_number_is_another():
    machine, pid, _, rest = new_owner().split("|")
    assert is_dead(f"{machine}|{pid}|1|{rest}")


@pytest.mark.parametrize("owner", ["elsewhere|1|1|1", "odd", "", "{machine}|x|1|1"])
def test_of_others_nothing_is_known(owner):
    machine = new_owner().partition("|")[0]
    assert not is_dead(owner.format(machine=machine))
