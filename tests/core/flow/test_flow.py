import os

import pytest

from kohakuengine import Config, ConfigGenerator, Flow, Script, Sequential
from kohakuengine.errors import EntrypointNotFound, WorkflowError

PID = "import os\ndef main(): return os.getpid()"


class Recording(Sequential):
    def __init__(self, scripts, **options):
        self.options = options
        super().__init__(scripts)


def test_sequential_by_default(script):
    flow = Flow([script(PID)])
    assert (flow.mode, flow.run()) == ("sequential", [os.getpid()])


def test_in_subprocesses(script):
    assert Flow([script(PID)], use_subprocess=True).run() != [os.getpid()]


def test_parallel_is_the_siblings(script):
    parallel = pytest.importorskip("kohakuengine_parallel")
    flow = Flow([script(PID)], mode="parallel", max_workers=1)
    assert isinstance(flow._workflow, parallel.Parallel)


def test_a_bad_mode_is_an_error_that_names_the_nearest(script):
    message = (
        r"^Invalid mode 'paralel'; it is one of sequential, parallel\. Did you mean 'parallel'\?$"
    )
    with pytest.raises(ValueError, match=message) as caught:
        Flow([script(PID)], mode="paralel")
    assert isinstance(caught.value, WorkflowError)


def test_an_empty_list_is_an_error():
    with pytest.raises(ValueError, match="Workflow must have at least one script"):
        Flow([])


def test_a_class_of_ones_own(script):
    flow = Flow([script(PID)], executor_class=Recording)
    assert flow.run() == [os.getpid()]
    assert flow._workflow.options == {}
    flow = Flow([script(PID)], "parallel", Recording, 4, False, retries=2)
    assert flow._workflow.options == {"max_workers": 4, "use_subprocess": False, "retries": 2}


def test_an_executor_is_for_parallel_flows(script):
    flow = Flow([script(PID)], "parallel", Recording, executor="fork", timeout_s=3)
    assert flow._workflow.options == {"max_workers": None, "executor": "fork", "timeout_s": 3}
    with pytest.raises(WorkflowError, match="executor='fork' takes mode='parallel'"):
        Flow([script(PID)], executor="fork")


def test_the_rest_is_the_workflows(script):
    made = script("x = 0\ndef main(): return x")
    configs = ConfigGenerator(Config({"x": number}) for number in range(2))
    flow = Flow([Script(made.path, configs), made])
    assert [made.name for made in flow.scripts] == ["script", "script"]
    assert [result.value for result in flow.stream()] == [0, 1, 0]
    assert [result.value for result in Flow([made]).results()] == [0]
    with pytest.raises(EntrypointNotFound):
        Flow([script("x = 1", Config())]).validate()
