import pytest

import kohakuengine
from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.engine.script import Script
from kohakuengine.errors import FlowFailed, WorkflowError
from kohakuengine.flow.parallel import Parallel as UpstreamParallel
from kohakuengine_parallel import Parallel


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("n = 1\ndef main(): return 12 // n\n")
    return path


def configs(*values):
    return ConfigGenerator(Config({"n": value}) for value in values)


def test_it_is_found_under_the_names_that_users_know():
    assert kohakuengine.Parallel is Parallel
    assert UpstreamParallel is Parallel


def test_values_come_back_in_the_order_given(script):
    assert Parallel([Script(script, configs(*range(1, 7)))], max_workers=2).run() == [
        12, 6, 4, 3, 2, 2,
    ]  # fmt: skip


def test_a_flow_in_parallel_mode_is_one(script):
    flow = kohakuengine.Flow([Script(script, configs(3, 4))], mode="parallel", max_workers=2)
    assert flow.run() == [4, 3]


def test_a_failure_is_raised_with_all_results(script):
    flow = Parallel([Script(script, configs(1, 0, 2))], max_workers=1, on_error="continue")
    with pytest.raises(FlowFailed, match="ZeroDivisionError") as caught:
        flow.run()
    assert [result.value for result in caught.value.results] == [12, None, 6]


def test_fewer_than_one_worker_is_refused(script):
    with pytest.raises(WorkflowError, match="max_workers must be at least 1, got 0"):
        Parallel([script], max_workers=0)


def test_names_that_it_does_not_have():
    import kohakuengine_parallel

    with pytest.raises(AttributeError, match="has no attribute 'Serial'"):
        kohakuengine_parallel.Serial  # noqa: B018
