import hashlib
import inspect
from decimal import Decimal
from pathlib import Path

import pytest

from wflo import RetryPolicy, StepType, Workflow, WorkflowContext, WorkflowPolicies
from wflo.errors import DefinitionError
from wflo.models import Isolation, LoopSpec, MapSpec
from wflo.runtime.code import code_digest


def fetch(url: str) -> list[int]:
    return [len(url)]


def summarise(ctx, fetch: list[int]) -> str:
    return str(fetch)


def check(fetch):
    return bool(fetch)


def double(item):
    return 2 * item


def grow(previous=0):
    return previous + 1


def plain():
    return None


async def waiting():
    return None


@pytest.fixture
def wf():
    return Workflow("report")


def steps(wf):
    return {step.id: step for step in wf.definition.steps}


class TestWorkflow:
    def test_is_its_name_version_policies_and_metadata(self):
        wf = Workflow(
            "report",
            "2",
            timeout_s=60,
            retry=2,
            max_cost_usd="1.50",
            metadata={"team": "data"},
        )
        wf.step()(plain)
        definition = wf.definition
        assert (definition.name, definition.version) == ("report", "2")
        assert definition.metadata == {"team": "data"}
        assert definition.policies == WorkflowPolicies(
            timeout_seconds=60,
            retry_policy=RetryPolicy(max_attempts=3),
            max_cost_micro_usd=1_500_000,
        )
        assert repr(wf) == "<Workflow 'report' version '2', 1 steps>"

    def test_policies_as_a_whole(self):
        policies = WorkflowPolicies(timeout_seconds=5)
        assert Workflow("w", policies=policies).policies is policies

    def test_policies_as_data(self):
        policies = Workflow("w", policies={"timeout_seconds": 5}).policies
        assert policies == WorkflowPolicies(timeout_seconds=5)

    @pytest.mark.parametrize(
        ("policies", "message"),
        [({"timeout_s": 5}, "timeout_s: Extra inputs"), ("strict", "should be a valid dictionary")],
    )
    def test_policies_that_are_none(self, policies, message):
        with pytest.raises(DefinitionError, match=f"^workflow 'w': policies: .*{message}"):
            Workflow("w", policies=policies)

    def test_policies_twice_are_refused(self):
        with pytest.raises(DefinitionError, match="has policies, and also what is short for them"):
            Workflow("w", policies=WorkflowPolicies(), timeout_s=5)

    @pytest.mark.parametrize(
        ("amount", "micro_usd"), [(2, 2_000_000), (Decimal("0.000001"), 1), ("0", 0)]
    )
    def test_amounts_in_dollars(self, amount, micro_usd):
        assert Workflow("w", max_cost_usd=amount).policies.max_cost_micro_usd == micro_usd

    @pytest.mark.parametrize("amount", [0.1, True, "a lot", "nan", "0.0000001", "-1", "inf"])
    def test_amounts_that_are_none(self, amount):
        with pytest.raises(DefinitionError, match=r"'w': max_cost_usd is an amount such as '2.50'"):
            Workflow("w", max_cost_usd=amount)

    def test_a_timeout_that_is_none(self):
        with pytest.raises(DefinitionError, match=r"'w': timeout_seconds: .*, got -1 "):
            Workflow("w", timeout_s=-1)

    @pytest.mark.parametrize("name", ["two words", "", 3, "-a"])
    def test_names_that_cannot_be(self, name):
        with pytest.raises(DefinitionError, match="cannot be the name of a workflow: up to 100"):
            Workflow(name)

    def test_without_steps_is_refused(self, wf):
        with pytest.raises(DefinitionError, match="workflow 'report' has no steps"):
            wf.definition  # noqa: B018

    def test_metadata_that_is_no_json(self, wf):
        wf.metadata["when"] = object()
        wf.step()(plain)
        with pytest.raises(
            DefinitionError, match=r"'report': metadata: .*object, which is not JSON"
        ):
            wf.definition  # noqa: B018

    def test_a_version_that_is_none(self):
        wf = Workflow("w", version="")
        wf.step()(plain)
        with pytest.raises(DefinitionError, match="'w': version: String should have at least 1"):
            wf.definition  # noqa: B018

    def test_is_built_again_when_a_step_is_added(self, wf):
        wf.step()(plain)
        assert wf.code is wf.code
        wf.step()(waiting)
        assert list(steps(wf)) == ["plain", "waiting"]
        assert wf.plan.leaves == ["plain", "waiting"]


class TestStep:
    def test_leaves_the_function_as_it_is(self, wf):
        assert wf.step()(plain) is plain

    def test_says_where_its_code_is_and_what_it_is_now(self, wf):
        wf.step()(plain)
        code = steps(wf)["plain"].code
        source = inspect.getsource(plain)
        assert (code.module, code.qualname) == (__name__, "plain")
        assert code.digest == hashlib.sha256(source.encode()).hexdigest()

    def test_without_a_source_it_is_known_by_what_it_was_compiled_to(self):
        def made(text):
            namespace = {"__name__": "made"}
            exec(text, namespace)
            return code_digest(namespace["f"])

        text = "def f(x): return [y for y in x if y in {'a', 'b', 1}]"
        assert made(text) == made(text)
        assert made(text) != made(text.replace("1", "2"))

    def test_one_function_may_be_several_steps(self, wf):
        wf.step("a")(plain)
        wf.step("b", depends_on=["a"])(plain)
        assert steps(wf)["a"].code == steps(wf)["b"].code
        assert steps(wf)["b"].depends_on == ("a",)

    def test_waits_for_the_steps_whose_results_it_takes(self, wf):
        wf.step()(summarise)  # the one that it takes comes later
        wf.step()(fetch)
        assert steps(wf)["summarise"].depends_on == ("fetch",)
        assert wf.code.steps["summarise"].needs == {"fetch"}
        assert wf.code.steps["fetch"].needs == frozenset()

    def test_waits_for_the_steps_that_when_takes(self, wf):
        wf.step()(fetch)
        wf.step(when=lambda fetch, level=0: fetch or level)(plain)
        step = steps(wf)["plain"]
        assert step.depends_on == ("fetch",)
        assert step.conditional
        assert not wf.inputs["level"].required

    def test_options(self, wf):
        policy = RetryPolicy(max_attempts=5)
        wf.step(type="agent", retry=policy, timeout_s=30, isolation="process")(plain)
        step = steps(wf)["plain"]
        assert step.type is StepType.AGENT
        assert (step.retry_policy, step.timeout_s) == (policy, 30)
        assert step.config == {"isolation": "process"}

    @pytest.mark.parametrize(
        ("function", "given", "isolation"),
        [
            (plain, None, Isolation.THREAD),
            (plain, "thread", Isolation.THREAD),
            (plain, "process", Isolation.PROCESS),
            (waiting, None, Isolation.ASYNC),
            (waiting, "process", Isolation.PROCESS),
        ],
    )
    def test_isolation(self, wf, function, given, isolation):
        wf.step(isolation=given)(function)
        assert wf.code.steps[function.__name__].isolation is isolation

    def test_map(self, wf):
        wf.step()(fetch)
        wf.step(map_over="fetch", max_items=5, concurrency=2)(double)
        step = steps(wf)["double"]
        assert step.type is StepType.PARALLEL
        assert step.map == MapSpec(over="fetch", max_items=5, concurrency=2)
        assert wf.code.steps["double"].needs == {"fetch"}
        assert wf.plan.steps["double"].depends_on == ("fetch",)

    def test_map_of_an_agent_stays_one(self, wf):
        wf.step(type=StepType.AGENT, map_over="items")(double)
        assert steps(wf)["double"].type is StepType.AGENT

    def test_map_over_an_input(self, wf):
        wf.step(map_over="numbers")(double)
        assert wf.inputs["numbers"].mapped_by == "double"
        assert wf.code.steps["double"].needs == frozenset()

    def test_loop(self, wf):
        wf.step(until=lambda result: result > 3, max_iterations=9)(grow)
        assert steps(wf)["grow"].loop == LoopSpec(max_iterations=9)

    def test_condition(self, wf):
        wf.step()(fetch)
        wf.condition("has_any", retry=1)(check)
        step = steps(wf)["has_any"]
        assert step.type is StepType.CONDITION
        assert step.retry_policy == RetryPolicy(max_attempts=2)

    def test_any_parameter_may_be_the_context(self, wf):
        wf.step()(with_context)
        assert wf.code.steps["with_context"].body.signature.contexts == ("a", "b", "ctx")
        assert list(wf.inputs) == []


def with_context(a: WorkflowContext, b: "lazily.WorkflowContext", ctx: "Unknown") -> None:  # noqa: F821
    pass


class TestTimer:
    def test_waits(self, wf):
        wf.step()(fetch)
        wf.timer("pause", seconds=2.5, depends_on=["fetch"])
        step = steps(wf)["pause"]
        assert step.type is StepType.TIMER
        assert step.config == {"duration_s": 2.5}
        assert step.depends_on == ("fetch",)
        assert not step.conditional

    def test_may_be_conditional(self, wf):
        wf.timer("pause", seconds=1, when=lambda patient: patient)
        assert steps(wf)["pause"].conditional
        assert list(wf.inputs) == ["patient"]

    def test_a_time_that_is_none(self, wf):
        with pytest.raises(DefinitionError, match="step 'pause': seconds is a number, not 'long'"):
            wf.timer("pause", seconds="long")


class TestSubWorkflow:
    @pytest.fixture
    def child(self):
        child = Workflow("child")
        child.step()(fetch)
        return child

    def test_takes_its_inputs_by_their_names(self, wf, child):
        wf.workflow("pages", child)
        step = steps(wf)["pages"]
        assert step.type is StepType.WORKFLOW
        assert step.config == {"definition": child.definition.model_dump(mode="json")}
        assert wf.inputs["url"].annotation is str
        assert wf.code.children["pages"] is child.code

    def test_takes_results_of_steps(self, wf, child):
        wf.step("url")(plain)
        wf.workflow("pages", child)
        assert steps(wf)["pages"].depends_on == ("url",)
        assert wf.code.steps["pages"].needs == {"url"}

    def test_inputs_may_have_other_names_here(self, wf, child):
        wf.step("address")(plain)
        wf.workflow("pages", child, inputs={"url": "address"})
        assert steps(wf)["pages"].depends_on == ("address",)
        assert steps(wf)["pages"].config["inputs"] == {"url": "address"}

    def test_optional_inputs_stay_optional(self, wf):
        child = Workflow("child")
        child.step(until=lambda result: True, max_iterations=1)(grow)
        child.step()(optional)
        wf.workflow("pages", child)
        assert not wf.inputs["level"].required
        assert wf.inputs["level"].default == 3

    def test_an_input_that_was_named_is_wanted(self, wf):
        child = Workflow("child")
        child.step()(optional)
        wf.workflow("pages", child, inputs={"level": "depth"})
        assert wf.inputs["depth"].required

    def test_may_be_mapped(self, wf, child):
        wf.workflow("pages", child, map_over="urls", item="url")
        assert steps(wf)["pages"].map == MapSpec(over="urls", item="url")
        assert list(wf.inputs) == ["urls"]

    def test_an_input_that_it_has_not(self, wf, child):
        wf.workflow("pages", child, inputs={"ulr": "x"})
        with pytest.raises(
            DefinitionError, match=r"'child' has no input 'ulr'; did you mean 'url'?"
        ):
            wf.definition  # noqa: B018

    def test_that_is_none(self, wf):
        with pytest.raises(DefinitionError, match="step 'pages': 'child' is no Workflow"):
            wf.workflow("pages", "child")

    def test_of_itself(self, wf):
        wf.workflow("again", wf)
        with pytest.raises(DefinitionError, match="'report' has itself among its sub-workflows"):
            wf.definition  # noqa: B018
        with pytest.raises(DefinitionError, match="has itself"):  # and says so each time
            wf.definition  # noqa: B018

    def test_errors_of_the_child_have_its_name(self, wf):
        wf.workflow("pages", Workflow("child"))
        with pytest.raises(DefinitionError, match=r"^workflow 'child' has no steps"):
            wf.definition  # noqa: B018


def optional(level: int = 3):
    return level


class TestScript:
    @pytest.fixture
    def script(self, tmp_path):
        path = tmp_path / "train.py"
        path.write_text("lr = 0.1\ndef main(): return lr\n")
        return path

    def test_is_a_file_with_a_config(self, wf, script):
        wf.step()(fetch)
        wf.script("train", script, config={"lr": 1}, inputs={"data": "fetch"}, entrypoint="main")
        step = steps(wf)["train"]
        assert step.type is StepType.SCRIPT
        assert step.config == {
            "script": str(script),
            "config": {"lr": 1},
            "entrypoint": "main",
            "inputs": {"data": "fetch"},
        }
        assert step.depends_on == ("fetch",)
        assert step.code.qualname == "main"
        assert step.code.digest == hashlib.sha256(script.read_bytes()).hexdigest()

    def test_relative_paths_start_at_the_workflows_file(self, wf):
        name = Path(__file__).name
        wf.script("me", name)
        script = wf.code.steps["me"].script
        assert script.path == __file__
        assert script.config == {}
        assert steps(wf)["me"].config["script"] == name

    def test_a_config_file_is_a_part_of_its_code(self, wf, script, tmp_path):
        config = tmp_path / "config.py"
        config.write_text("lr = 0.5\n")
        wf.script("train", str(script), config=config)
        both = script.read_bytes() + config.read_bytes()
        assert steps(wf)["train"].code.digest == hashlib.sha256(both).hexdigest()
        assert wf.code.steps["train"].script.config == str(config)

    def test_may_be_mapped(self, wf, script):
        wf.script("train", script, inputs={"lr": "item"}, map_over="rates", retry=1, timeout_s=9)
        assert steps(wf)["train"].map == MapSpec(over="rates")
        assert list(wf.inputs) == ["rates"]

    def test_that_is_not_there(self, wf, script):
        wf.script("train", script.with_name("trian.py"))
        with pytest.raises(DefinitionError, match=r"no file .*trian.py; did you mean 'train.py'?"):
            wf.definition  # noqa: B018

    def test_in_a_folder_that_is_not_there(self, wf):
        wf.script("train", "nowhere/train.py")
        with pytest.raises(DefinitionError, match=r"there is no file nowhere/train.py \(from"):
            wf.definition  # noqa: B018

    @pytest.mark.parametrize("path", [3, b"train.py"])
    def test_a_path_that_is_none(self, wf, path):
        with pytest.raises(DefinitionError, match="step 'train': the path of a file is expected"):
            wf.script("train", path)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("train.txt", r"train.txt is no script: its name does not end in .py$"),
            ("train.py:main", r"train.py:main is no script: .*; give .* entrypoint='main'$"),
        ],
    )
    def test_a_file_that_is_none(self, wf, path, message):
        with pytest.raises(DefinitionError, match=f"'report': step 'train': {message}"):
            wf.script("train", path)

    def test_an_entrypoint_that_is_none(self, wf, script):
        with pytest.raises(
            DefinitionError, match=r"entrypoint is the name of a function of .*, no"
        ):
            wf.script("train", script, entrypoint=print)

    def test_a_config_that_is_no_json(self, wf, script):
        wf.script("train", script, config={"model": object()})
        with pytest.raises(DefinitionError, match=r"step 'train': config: .*object"):
            wf.definition  # noqa: B018

    def test_needs_kohakuengine(self, wf, script, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ImportError, match=r'pip install "wflo\[scripts\]"'):
            wf.script("train", script)
