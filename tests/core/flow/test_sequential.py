import os

import pytest

from kohakuengine import Config, ConfigGenerator, Pipeline, Script, Sequential
from kohakuengine.flow.executors import InlineExecutor, SubprocessExecutor

PID = "import os\ndef main(): return os.getpid()"


def test_in_this_process_by_default(script):
    assert Sequential([script(PID)]).run() == [os.getpid()]
    assert isinstance(Sequential([script(PID)]).make_executor(), InlineExecutor)


def test_or_each_in_one_of_its_own(script):
    made = script(PID)
    first, second = Sequential([made, made], use_subprocess=True).run()
    assert len({first, second, os.getpid()}) == 3
    assert isinstance(Sequential([made], True).make_executor(), SubprocessExecutor)


def test_one_after_the_other(script):
    source = "import os\nx = 0\ndef main(): return os.path.exists(f'{__file__}.{x - 1}'), open(f'{__file__}.{x}', 'w').close()"
    configs = ConfigGenerator(Config({"x": number}) for number in range(3))
    values = Sequential([Script(script(source).path, configs)]).run()
    assert [before for before, _ in values] == [False, True, True]


def test_a_failing_run_in_a_subprocess_names_its_exit_code(script):
    with pytest.raises(RuntimeError, match="exit code 3"):
        Sequential([script("import sys\nsys.exit(3)")], use_subprocess=True).run()
    with pytest.raises(RuntimeError, match="exit code -9"):
        Sequential([script("import os\nos.kill(os.getpid(), 9)")], use_subprocess=True).run()


def test_children_know_their_slot(script):
    made = script("import os\ndef main(): return os.environ['KOGINE_WORKER_ID']")
    assert Sequential([made, made], use_subprocess=True).run() == ["0", "0"]


def test_a_pipeline_is_a_sequential(script):
    assert issubclass(Pipeline, Sequential)
    assert Pipeline([script(PID)]).run() == [os.getpid()]
