from textwrap import dedent

import pytest

from kohakuengine import Config, ConfigGenerator, Script, Sequential, load_config_file
from kohakuengine.config.sweep import Sweep
from kohakuengine.errors import (
    ConfigTypeError,
    EntrypointNotFound,
    FlowFailed,
    FlowInterrupted,
    RunFailed,
    WorkflowError,
)
from kohakuengine.flow.base import ScriptWorkflow, Workflow
from kohakuengine.flow.runs import RunStatus
from kohakuengine.testing import FakeExecutor, RecordingListener

X = "x = 0\ndef main(): return x"


def sweep(*values):
    return ConfigGenerator.from_sweep(Sweep(Config(), [{"x": list(values)}]))


def once(*values):
    """A generator that can be run through only once."""
    return ConfigGenerator(Config({"x": value}) for value in values)


class TestScripts:
    def test_paths_and_scripts(self, script):
        made = script(X)
        assert Sequential([made, made.path, str(made.path)]).run() == [0, 0, 0]

    def test_none_are_an_error(self):
        with pytest.raises(ValueError, match=r"^Workflow must have at least one script$") as caught:
            Sequential([])
        assert isinstance(caught.value, WorkflowError)

    def test_anything_else_is_an_error(self):
        with pytest.raises(WorkflowError, match="a script is a Script or a path, got int"):
            Sequential([1])

    @pytest.mark.parametrize("options", [{"on_error": "x"}, {"retries": -1}, {"retry_delay_s": -1}])
    def test_what_the_driver_refuses_is_refused_at_once(self, script, options):
        with pytest.raises(WorkflowError):
            Sequential([script(X)], **options)

    def test_it_is_abstract(self):
        with pytest.raises(TypeError, match="abstract"):
            Workflow()
        with pytest.raises(TypeError, match="make_executor"):
            ScriptWorkflow(["x.py"])


class TestConfigs:
    def test_a_generator_is_one_run_for_each(self, script):
        made = script(X)
        scripts = [Script(made.path, sweep(1, 2)), made, Script(made.path, once(3, 4))]
        assert Sequential(scripts).run() == [1, 2, 0, 3, 4]

    def test_one_sweep_given_to_several_scripts_runs_for_each(self, script):
        made, shared = script(X), sweep(1, 2)
        assert Sequential([Script(made.path, shared) for _ in "abc"]).run() == [1, 2] * 3

    def test_so_does_one_generator_that_can_be_run_through_only_once(self, script):
        made, shared = script(X), once(1, 2)
        assert Sequential([Script(made.path, shared) for _ in "abc"]).run() == [1, 2] * 3

    def test_one_config_used_by_several_scripts_is_copied(self, script):
        made = script("x = None\ndef main():\n    x.append(1)\n    return x")
        config = Config({"x": []})
        assert Sequential([Script(made.path, config) for _ in "ab"]).run() == [[1], [1]]
        assert config == Config({"x": []})

    def test_so_are_those_of_a_shared_generator(self, script):
        made, shared = script("x = None\ndef main():\n    x.append(1)\n    return x"), once([], [])
        assert Sequential([Script(made.path, shared) for _ in "ab"]).run() == [[1]] * 4

    def test_a_config_of_one_script_is_that_very_object(self, script):
        value = []
        made = script(X, Config({"x": value}))
        assert Sequential([made]).run()[0] is value

    def test_generators_are_expanded_lazily(self, script):
        taken = []

        def configs():
            for number in range(10):
                taken.append(number)
                yield Config({"x": number})

        stream = Sequential([Script(script(X).path, ConfigGenerator(configs()))]).stream()
        assert taken == []
        assert next(stream).value == 0
        assert taken == [0]
        stream.close()

    def test_an_abandoned_generator_is_closed(self, script):
        ended = []

        def configs():
            try:
                yield Config({"x": 1})
                yield Config({"x": 2})
            finally:
                ended.append(True)

        stream = Sequential([Script(script(X).path, ConfigGenerator(configs()))]).stream()
        next(stream)
        stream.close()
        assert ended == [True]

    def test_what_is_no_config_is_an_error(self, script):
        made = Script(script(X).path, ConfigGenerator(iter([Config({"x": 1}), 2])))
        results = []
        with pytest.raises(
            TypeError, match=r"^Generator must yield Config objects, got int$"
        ) as caught:
            results.extend(Sequential([made]).stream())
        assert isinstance(caught.value, ConfigTypeError)
        assert [result.value for result in results] == [1]


class TestFeedback:
    def test_an_adaptive_search_is_a_plain_loop(self, script):
        """Halves the step until the value stops growing."""
        seen = []

        def configs():
            x = 0
            while True:
                result = yield Config({"x": x})
                seen.append((result.config.globals_dict["x"], result.value))
                if result.value >= 6:
                    return
                x += 2

        made = script("x = 0\ndef main(): return x * 2", ConfigGenerator(configs()))
        assert Sequential([made]).run() == [0, 4, 8]
        assert seen == [(0, 0), (2, 4), (4, 8)]

    def test_is_of_the_generators_own_runs(self, script):
        """In a parallel flow the newest result may be of the script before."""
        heard = []

        def configs(name):
            for _ in "ab":
                result = yield Config({"x": name})
                heard.append((name, result and result.config.globals_dict["x"]))

        def react(executor, spec):
            if spec.index % 2:
                executor.succeed(spec.index)
                executor.succeed(spec.index - 1)

        class Flow(ScriptWorkflow):
            def make_executor(self):
                return FakeExecutor(2, react)

        made = script(X)
        Flow([Script(made.path, ConfigGenerator(configs(name))) for name in "ab"]).run()
        assert all(result in (None, name) for name, result in heard)


class TestWorkers:
    SOURCE = """
        from kohakuengine import Config
        def config_gen(worker_id=None):
            for i in range(6):
                told = yield Config({"x": (worker_id, i)})
                if worker_id == 0:
                    print("told of", told and told.index)
    """

    @pytest.fixture
    def configs(self, tmp_path):
        path = tmp_path / "configs.py"
        path.write_text(dedent(self.SOURCE))
        return lambda: load_config_file(path)

    def test_a_sequential_flow_has_slot_0_which_is_told_of_its_runs(self, script, configs, capsys):
        assert Sequential([Script(script(X).path, configs())]).run() == [(0, i) for i in range(6)]
        told = [f"told of {index}\n" for index in range(6)]
        assert capsys.readouterr().out == "".join(told)

    def test_each_run_has_the_config_of_its_index_for_its_slot(self, script, configs):
        class Flow(ScriptWorkflow):
            def make_executor(self):
                def react(executor, spec):
                    if spec.index % 2:
                        for index in list(executor.under_way):
                            executor.succeed(index)

                return FakeExecutor(2, react)

        made = script(X)
        several = Script(made.path, configs())
        results = Flow([made, several, made]).results()
        assert [result.config.globals_dict["x"] for result in results[1:7]] == [
            (result.slot, index) for index, result in enumerate(results[1:7])
        ]
        assert {result.slot for result in results[1:7]} == {0, 1}

    def test_one_generator_for_several_scripts(self, script, configs):
        shared, made = configs(), script(X)
        flow = Sequential([Script(made.path, shared), Script(made.path, shared)])
        assert flow.run() == [(0, i) for i in range(6)] * 2


class TestTotal:
    @pytest.mark.parametrize(
        ("configs", "total"),
        [
            ([None], 1),
            ([Config(), None], 2),
            ([sweep(1, 2, 3), None], 4),
            ([once(1, 2)], None),
        ],
    )
    def test_is_told_where_it_is_known(self, script, configs, total):
        listener = RecordingListener()
        made = script(X)
        Sequential([Script(made.path, c) for c in configs], listeners=[listener]).run()
        assert listener.events[0] == ("flow_started", total)


class TestValidate:
    def test_checks_every_script_and_runs_none(self, script):
        good = script("1/0", name="good.py")
        bad = script("x = 1", Config(), name="bad.py")
        with pytest.raises(EntrypointNotFound, match=r"bad\.py"):
            Sequential([good, bad]).validate()

    def test_a_flow_begins_with_it(self, script):
        executors = []

        class Flow(ScriptWorkflow):
            def make_executor(self):
                executors.append(FakeExecutor())
                return executors[0]

        with pytest.raises(EntrypointNotFound):
            Flow([script("x = 1", Config())]).stream()
        assert executors == []

    def test_an_executor_is_made_only_when_something_runs(self, script):
        executors = []

        class Flow(ScriptWorkflow):
            def make_executor(self):
                executors.append(FakeExecutor())
                return executors[-1]

        stream = Flow([script(X)]).stream()
        assert executors == []
        list(stream)
        assert executors[0].shutdowns == [False]


class TestRunning:
    FAILING = "x = 0\ndef main(): return 1 // x"

    def scripts(self, script, *values):
        return [Script(script(self.FAILING).path, once(*values))]

    def test_run_gives_the_values_in_order(self, script):
        assert Sequential(self.scripts(script, 1, -1)).run() == [1, -1]

    def test_values_of_runs_that_end_out_of_order_are_in_order(self, script):
        def react(executor, spec):
            if spec.index == 2:
                for index in (2, 0, 1):
                    executor.succeed(index, index)

        class Flow(ScriptWorkflow):
            def make_executor(self):
                return FakeExecutor(3, react)

        made = script(X)
        assert Flow([made] * 3).run() == [0, 1, 2]

    def test_a_failure_stops_it_and_carries_every_result(self, script):
        with pytest.raises(FlowFailed, match=r"run 2 .*ZeroDivisionError") as caught:
            Sequential(self.scripts(script, 1, 0, 1)).run()
        assert [result.status for result in caught.value.results] == ["success", "failed"]
        assert isinstance(caught.value, RuntimeError)
        assert isinstance(caught.value.__cause__, RunFailed)
        assert isinstance(caught.value.__cause__.__cause__, ZeroDivisionError)

    def test_with_continue_it_comes_after_all_have_run(self, script):
        with pytest.raises(
            FlowFailed,
            match=r"^2 runs of the flow did not succeed \(2 ZeroDivisionError at script.py:2\); "
            r"the first is run 1: ",
        ) as caught:
            Sequential(self.scripts(script, 0, 1, 0, 1), on_error="continue").run()
        assert [result.ok for result in caught.value.results] == [False, True, False, True]

    def test_results_with_continue_are_all_there(self, script):
        results = Sequential(self.scripts(script, 0, 1), on_error="continue").results()
        assert [(result.index, result.status, result.value) for result in results] == [
            (0, RunStatus.FAILED, None),
            (1, RunStatus.SUCCESS, 1),
        ]

    def test_an_interrupt_carries_every_result(self, script):
        made = script("x = 0\ndef main():\n    if x == 2: raise KeyboardInterrupt\n    return x")
        with pytest.raises(FlowInterrupted) as caught:
            Sequential([Script(made.path, once(1, 2, 3))]).run()
        assert [(result.value, result.status) for result in caught.value.results] == [
            (1, "success"),
            (None, "cancelled"),
        ]

    def test_retries_and_strict_and_argv_arrive(self, script, tmp_path):
        source = """
            import pathlib, sys
            tries = pathlib.Path(__file__).with_name("tries")
            def main(a=1):
                with tries.open("a") as file: file.write(".")
                assert len(tries.read_text()) == 3
                return sys.argv[1:]
        """
        flow = Sequential([script(source)], retries=2, argv=["--x"])
        assert flow.run() == [["--x"]]
        flow = Sequential([script(source, Config(kwargs={"b": 1}))], strict=True)
        with pytest.raises(FlowFailed, match="does not take the argument b"):
            flow.run()

    def test_a_flow_can_run_again(self, script):
        flow = Sequential([script(X)])
        assert flow.run() == flow.run() == [0]
