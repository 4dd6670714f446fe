import copy
import pickle
import re

import pytest

from kohakuengine import errors
from kohakuengine.errors import (
    CoercionError,
    ConfigNotFound,
    ConfigTypeError,
    ConfigValueError,
    EntrypointArgumentError,
    EntrypointNotFound,
    FlowFailed,
    FlowInterrupted,
    KohakuEngineError,
    MissingDistribution,
    MultipleEntrypoints,
    NamedEntrypointNotFound,
    OverrideError,
    RunError,
    RunFailed,
    RunLost,
    RunTimeout,
    ScriptModuleNotFound,
    ScriptNotFound,
    ScriptValueError,
    TransportError,
    UnknownKey,
    WorkflowError,
    nearest,
)

CLASSES = [value for value in vars(errors).values() if isinstance(value, type)]


class TestTree:
    def test_every_class_is_public(self):
        assert {cls.__name__ for cls in CLASSES} | {"nearest"} == set(errors.__all__)

    def test_it_is_as_it_is_drawn(self):
        line = re.compile(
            r"^(?P<indent>[ │]*)(?:[├└]── )?(?P<name>[A-Z]\w+)(?: +\((?P<builtin>\w+)\))?"
        )
        path, drawn = {}, {}
        for match in map(line.match, errors.__doc__.split("\n\n")[1].splitlines()):
            name, depth = match["name"], match.start("name")
            above = [path[key] for key in sorted(path) if key < depth]
            path = {key: value for key, value in path.items() if key < depth} | {depth: name}
            drawn[name] = [*above[-1:], *filter(None, [match["builtin"]])]
        assert drawn.pop("KohakuEngineError") == []
        assert {cls.__name__ for cls in CLASSES} == {*drawn, "KohakuEngineError"}
        for name, bases in drawn.items():
            assert [base.__name__ for base in getattr(errors, name).__bases__] == bases

    def test_every_class_but_one_is_ours(self):
        assert [cls for cls in CLASSES if not issubclass(cls, KohakuEngineError)] == [
            FlowInterrupted
        ]

    @pytest.mark.parametrize(
        ("cls", "builtin"),
        [
            (ConfigNotFound, FileNotFoundError),
            (ConfigTypeError, TypeError),
            (ConfigValueError, ValueError),
            (OverrideError, ValueError),
            (UnknownKey, KeyError),
            (CoercionError, TypeError),
            (ScriptNotFound, FileNotFoundError),
            (ScriptValueError, ValueError),
            (ScriptModuleNotFound, ModuleNotFoundError),
            (EntrypointNotFound, RuntimeError),
            (NamedEntrypointNotFound, ValueError),
            (MultipleEntrypoints, RuntimeError),
            (EntrypointArgumentError, TypeError),
            (TransportError, TypeError),
            (WorkflowError, ValueError),
            (RunError, RuntimeError),
            (RunTimeout, TimeoutError),
            (FlowFailed, RuntimeError),
            (FlowInterrupted, KeyboardInterrupt),
            (MissingDistribution, ImportError),
        ],
    )
    def test_is_caught_as_it_always_has_been(self, cls, builtin):
        assert issubclass(cls, builtin)

    def test_a_flow_interrupted_is_no_exception_that_scripts_catch_by_accident(self):
        assert not issubclass(FlowInterrupted, Exception)


class TestMessages:
    @pytest.mark.parametrize("cls", CLASSES)
    def test_are_shown_as_they_are(self, cls):
        assert str(cls("unknown key 'lrr'")) == "unknown key 'lrr'"

    def test_an_unknown_key_may_have_none(self):
        assert str(UnknownKey()) == ""

    @pytest.mark.parametrize("cls", CLASSES)
    def test_survive_a_process_border(self, cls):
        error = pickle.loads(pickle.dumps(cls("the message")))
        assert (type(error), str(error)) == (cls, "the message")


class TestObjects:
    def test_a_run_error_carries_what_it_knows(self, script):
        made = script("")
        what = {"log_path": "l", "traceback": "t", "exit_code": 3, "kinds": ("E",), "where": "f:1"}
        for cls in (RunFailed, RunLost, RunTimeout):
            error = cls("x", script=made, config=None, **what)
            for again in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
                assert type(again) is cls
                assert again.script == made
                assert {name: getattr(again, name) for name in what} == what

    def test_without_knowing_anything(self):
        error = RunLost("x")
        assert (error.script, error.config, error.log_path) == (None, None, None)
        assert (error.traceback, error.exit_code) == ("", None)
        assert (error.kinds, error.where) == ((), "")

    @pytest.mark.parametrize("cls", [FlowFailed, FlowInterrupted])
    def test_an_ended_flow_carries_its_results(self, cls):
        results = (1, 2)
        error = cls("x", results)
        assert error.results == [1, 2]
        assert pickle.loads(pickle.dumps(error)).results == [1, 2]
        assert cls("x").results == []

    def test_an_interruption_has_a_message_of_its_own(self):
        assert str(FlowInterrupted()) == "interrupted"


class TestNearest:
    def test_ends_a_message_with_the_nearest_name(self):
        assert nearest("lrr", ["epochs", "lr"]) == " Did you mean 'lr'?"

    def test_or_with_nothing(self):
        assert nearest("x", ["epochs"]) == nearest("x", []) == ""
