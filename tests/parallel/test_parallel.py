import sys
import threading
from pathlib import Path

import pytest

import kohakuengine
from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.engine.script import Script
from kohakuengine.errors import FlowFailed, KohakuEngineError, WorkflowError
from kohakuengine.flow.parallel import Parallel as UpstreamParallel
from kohakuengine_parallel import Parallel


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Logs go to the current folder where nothing else is said."""
    monkeypatch.chdir(tmp_path)


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


# -- which executor --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "ForkExecutor" if sys.platform == "linux" else "SubprocessExecutor"),
        ({"executor": "fork"}, "ForkExecutor"),
        ({"executor": "subprocess"}, "SubprocessExecutor"),
        ({"executor": "pool"}, "PoolExecutor"),
        ({"use_subprocess": True}, "SubprocessExecutor"),
        ({"use_subprocess": False}, "PoolExecutor"),
        ({"use_subprocess": True, "executor": "subprocess"}, "SubprocessExecutor"),
        ({"use_subprocess": False, "executor": "pool"}, "PoolExecutor"),
    ],
)
@pytest.mark.parametrize("through", [Parallel, kohakuengine.Flow])
def test_executors_by_their_names(given, kind, through, script, tmp_path):
    mode = {} if through is Parallel else {"mode": "parallel"}
    flow = through([script], max_workers=3, log_dir=tmp_path, **mode, **given)
    made = getattr(flow, "_workflow", flow).make_executor()
    made.shutdown()
    assert type(made).__name__ == kind
    assert made.capacity == 3


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"use_subprocess": True, "executor": "pool"}, "subprocess"),
        ({"use_subprocess": True, "executor": "fork"}, "subprocess"),
        ({"use_subprocess": False, "executor": "subprocess"}, "pool"),
        ({"use_subprocess": False, "executor": "fork"}, "pool"),
    ],
)
def test_two_executors_at_once_are_refused(given, meant, script):
    message = f"use_subprocess={given['use_subprocess']} means executor='{meant}', but executor="
    with pytest.raises(WorkflowError, match=message):
        Parallel([script], **given)


def test_an_executor_that_there_is_not_is_refused_with_the_nearest(script):
    with pytest.raises(KohakuEngineError, match=r"'forks'; there are .*Did you mean 'fork'\?"):
        Parallel([script], executor="forks")


def test_an_option_that_there_is_not_is_refused(script):
    with pytest.raises(TypeError, match="timeout"):
        Parallel([script], timeout=3)


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_that_make_no_sense_are_refused(workers, mode, script):
    with pytest.raises(WorkflowError, match=f"max_workers must be at least 1, got {workers}"):
        Parallel([script], max_workers=workers, executor=mode)


# -- order, and results as they come ---------------------------------------------------------------


def test_a_stream_is_in_the_order_of_ends_and_values_in_the_order_given(mode, write, flow):
    script = write("""
        import pathlib, time
        number = 0
        def main():
            deadline = time.monotonic() + 30
            while not pathlib.Path(__file__).with_name(f"go-{number}").exists():
                assert time.monotonic() < deadline
                time.sleep(0.005)
            return number
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in range(3)]
    made = flow(scripts, mode, max_workers=3)
    stream = made.stream()
    for number in (2, 0, 1):
        script.path.with_name(f"go-{number}").touch()
        assert next(stream).index == number
    assert list(stream) == []
    assert made.run() == [0, 1, 2]


def test_a_result_is_yielded_while_others_run(mode, write, flow):
    script = write("""
        import pathlib, time
        number = 0
        def main():
            deadline = time.monotonic() + 30
            while number and not pathlib.Path(__file__).with_name("go").exists():
                assert time.monotonic() < deadline
                time.sleep(0.005)
            return number
    """)
    scripts = [Script(script.location, Config({"number": number})) for number in (1, 0)]
    stream = flow(scripts, mode).stream()
    assert next(stream).index == 1
    script.path.with_name("go").touch()
    assert [result.index for result in stream] == [0]


def test_a_flow_may_be_run_again(mode, write, flow):
    made = flow([write("def main(): return 1")] * 3, mode)
    assert made.run() == made.run() == [1] * 3


def test_two_flows_at_once(mode, write, flow):
    first = flow([write("def main(): return 1")] * 4, mode).stream()
    second = flow([write("def main(): return 2", "other.py")] * 4, mode).stream()
    pairs = [(one.value, two.value) for one, two in zip(first, second, strict=True)]
    assert pairs == [(1, 2)] * 4


def test_a_flow_in_a_thread(mode, write, flow):
    found = []
    script = write("def main(): return 1")
    thread = threading.Thread(target=lambda: found.extend(flow([script] * 4, mode).run()))
    thread.start()
    thread.join(60)
    assert found == [1] * 4


def test_a_flow_in_a_thread_that_ends_before_the_flow_does(mode, write, flow):
    stream = flow([write("def main(): return 1")] * 4, mode).stream()
    found = []
    for _ in range(4):
        thread = threading.Thread(target=lambda: found.append(next(stream).value))
        thread.start()
        thread.join(60)
    assert list(stream) == []
    assert found == [1] * 4


def test_no_more_configs_are_asked_for_than_there_are_workers(mode, write, flow):
    asked = []

    def configs():
        for number in range(50):
            asked.append(number)
            yield Config({"n": number})

    script = Script(write("n = 0\ndef main(): return n").location, ConfigGenerator(configs()))
    for done, _ in enumerate(flow(script, mode).stream()):
        assert len(asked) <= done + 1 + 2 + 1


def test_a_generator_hears_of_results(mode, write, flow):
    heard = []

    def configs():
        for number in range(6):
            result = yield Config({"n": number})
            heard.append(None if result is None else result.value)

    script = Script(write("n = 0\ndef main(): return n * n").location, ConfigGenerator(configs()))
    values = flow(script, mode).run()
    assert values == [0, 1, 4, 9, 16, 25]
    assert set(heard) - {None} <= set(values)
    assert any(value is not None for value in heard)


def test_a_generator_that_fails_ends_the_flow_after_the_runs_under_way(mode, write, flow):
    def configs():
        yield Config({"n": 1})
        raise RuntimeError("no more")

    script = Script(write("n = 0\ndef main(): return n").location, ConfigGenerator(configs()))
    stream = flow(script, mode).stream()
    assert next(stream).value == 1
    with pytest.raises(RuntimeError, match="no more"):
        next(stream)


# -- logs ------------------------------------------------------------------------------------------


def test_logs_go_to_the_folder_named(mode, write, flow, tmp_path):
    result = flow(write("print('x')\ndef main(): pass"), mode, log_dir=tmp_path / "a/b").results()[
        0
    ]
    path = Path(result.log_path)
    assert path.parent.parent == tmp_path / "a/b"
    assert path.read_text() == "x\n"


def test_logs_go_to_a_folder_of_the_current_one_that_git_ignores(
    mode, write, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    script = write("print('x')\ndef main(): pass")
    [result] = Parallel([script], executor=mode, max_workers=1).results()
    assert Path(result.log_path).parent.parent == tmp_path / ".kogine" / "logs"
    assert (tmp_path / ".kogine" / ".gitignore").read_text() == "*\n"


def test_a_quiet_flow_leaves_no_folder(mode, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = write("def main(): pass")
    [result] = Parallel([script], executor=mode, max_workers=1).results()
    assert result.ok
    assert not (tmp_path / ".kogine").exists()


def test_a_folder_for_logs_that_cannot_be_made_is_told(mode, write, flow, tmp_path):
    (tmp_path / "file").touch()
    [result] = flow(write("def main(): pass"), mode, log_dir=tmp_path / "file").results()
    assert isinstance(result.error, WorkflowError)
    assert "set log_dir" in str(result.error)


def test_an_executor_of_another_kind_is_refused(script):
    with pytest.raises(WorkflowError, match="'inline' cannot be made with max_workers"):
        Parallel([script], executor="inline").run()


def test_a_number_of_workers_that_is_a_text_is_refused(script):
    with pytest.raises(WorkflowError, match="max_workers must be a whole number, got '2'"):
        Parallel([script], max_workers="2")
