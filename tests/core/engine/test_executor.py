import os

import pytest

from kohakuengine import Config, ConfigGenerator, Script, ScriptExecutor
from kohakuengine.engine.executor import check_runnable, run_script, single_config
from kohakuengine.errors import (
    ConfigTypeError,
    ConfigValueError,
    EntrypointArgumentError,
    EntrypointNotFound,
    MultipleEntrypoints,
    NamedEntrypointNotFound,
    RunFailed,
)

HEAD = "import kohakuengine as kogine\n"
GUARD = "\nif __name__ == '__main__':\n    "


def value(script, config=None, **options):
    outcome = run_script(script, config, **options)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


class TestCascade:
    """Explicit name; @entrypoint; the main guard; main; run; the body itself."""

    ALL = """
        import kohakuengine as kogine
        calls = []
        def named(): return "named"
        @kogine.entrypoint(name="alias")
        def decorated(): return "decorated"
        def guarded(): return "guarded"
        def main(): return "main"
        def run(): return "run"
        if __name__ == "__main__":
            calls.append("guard")
            guarded()
        calls.append("body")
    """

    def test_an_explicit_name_beats_all(self, script):
        made = script(self.ALL, entrypoint="named")
        assert value(made) == "named"
        assert value(Script(f"{made.location}:run")) == "run"
        assert value(Script(made.location, entrypoint="alias")) == "decorated"

    def test_then_the_decorated_function_without_the_guard(self, script):
        outcome = run_script(script(self.ALL))
        assert (outcome.value, outcome.module.calls) == ("decorated", ["body"])

    def test_then_the_guard_as_written(self, script):
        outcome = run_script(script(self.ALL.replace('@kogine.entrypoint(name="alias")', "")))
        assert (outcome.value, outcome.module.calls) == (None, ["guard", "body"])

    def test_then_main_then_run(self, script):
        source = "def run(): return 'run'\n"
        assert value(script(source)) == "run"
        assert value(script(source + "def main(): return 'main'")) == "main"

    def test_then_the_body(self, script):
        outcome = run_script(
            script("import sys\nargs = sys.argv[1:]\nprint(end='')"), Config(args=[1])
        )
        assert (outcome.value, outcome.module.args) == (None, ["1"])

    def test_a_main_that_the_script_calls_itself_is_none(self, script):
        outcome = run_script(script("calls = []\ndef main(): calls.append(1)\nmain()"))
        assert outcome.module.calls == [1]

    def test_a_main_that_a_condition_did_not_define_is_none(self, script):
        assert value(script("if False:\n    def main(): return 1")) is None

    def test_assignments_alone_are_an_error_with_a_config(self, script):
        made = script("x = 1")
        assert value(made) is None
        with pytest.raises(EntrypointNotFound, match=r"No entrypoint found in .*script\.py\."):
            value(made, Config())

    def test_a_decorator_that_only_the_run_can_tell(self, script):
        source = HEAD + "mark = kogine.entrypoint\n@mark\ndef go(): return 1\nprint(end='')"
        assert value(script(source)) == 1

    def test_beside_a_guard_such_a_decorator_does_not_run_a_second_thing(self, script):
        source = (
            HEAD + "mark = kogine.entrypoint\ncalls = []\n@mark\ndef go(): calls.append('go')\n"
        )
        outcome = run_script(script(source + GUARD + "calls.append(1)\n    go()"))
        assert outcome.module.calls == [1, "go"]

    def test_a_decorated_function_that_a_condition_did_not_define_is_an_error(self, script):
        source = HEAD + "if False:\n    @kogine.entrypoint\n    def go(): pass\n" + GUARD + "1/0"
        with pytest.raises(EntrypointNotFound):
            value(script(source))

    def test_several_decorated_are_an_error_unless_one_is_named(self, script):
        source = HEAD + "@kogine.entrypoint\ndef a(): return 1\n@kogine.entrypoint\ndef b(): pass"
        with pytest.raises(MultipleEntrypoints, match="a, b"):
            value(script(source))
        assert value(script(source, entrypoint="a")) == 1

    def test_a_missing_name_is_an_error_before_anything_runs(self, script):
        made = script("1/0\ndef train(): pass", entrypoint="trian")
        with pytest.raises(NamedEntrypointNotFound, match="Did you mean 'train'"):
            value(made)

    @pytest.mark.parametrize("source", ["from os.path import *", "# entrypoint\nx = 1", "go = 1"])
    def test_a_name_that_only_the_run_can_tell_is_an_error_after_it(self, script, source):
        with pytest.raises(NamedEntrypointNotFound, match="Specified entrypoint 'go'"):
            value(script(source, entrypoint="go"))

    def test_a_name_that_a_star_import_binds(self, script):
        assert value(script("from os import *", entrypoint="getcwd")) == os.getcwd()


class TestArguments:
    def test_of_functions(self, script):
        made = script("def main(a, *, b=2): return a, b")
        assert value(made, Config(args=[1], kwargs={"b": 3})) == (1, 3)

    def test_of_the_guards_call_replace_those_written_there(self, script):
        made = script("def main(a, b=2): return a, b" + GUARD + "main(1)")
        assert value(made) == (1, 2)
        assert value(made, Config(kwargs={"a": 5})) == (5, 2)

    def test_of_blocks_and_bodies_are_the_command_line(self, script):
        source = "import sys" + GUARD + "first = sys.argv[1:]\n    second = 1"
        config = Config(
            args=["data", 1],
            kwargs={"lr": 0.1, "flag": True, "no": False, "none": None, "many": [1, "b"]},
        )
        outcome = run_script(script(source), config, argv=["--more"])
        assert outcome.module.first == [
            "data",
            "1",
            "--lr=0.1",
            "--flag",
            "--many",
            "1",
            "b",
            "--more",
        ]

    def test_of_a_command_object_are_the_command_line(self, script):
        source = "import sys\nclass Command:\n    def __call__(self): return sys.argv[1:]\ncli = Command()"
        made = script(source + GUARD + "cli()")
        assert value(made, Config(kwargs={"lr": 1}), argv=["x"]) == ["--lr=1", "x"]
        assert value(made, argv=["x"]) == ["x"]

    def test_that_nothing_takes_warn_or_are_an_error(self, script):
        made = script("def main(lr): return lr")
        config = Config(kwargs={"lr": 1, "lrr": 2})
        with pytest.warns(UserWarning, match="Did you mean 'lr'|It is dropped"):
            assert value(made, config) == 1
        with pytest.raises(EntrypointArgumentError, match="argument lrr"):
            value(made, config, strict=True)

    def test_metadata_are_not_given_to_the_script(self, script):
        made = script("def main(**kwargs): return sorted({*globals()} - {'main'}), kwargs")
        names, kwargs = value(made, Config(metadata={"note": 1}))
        assert "note" not in names
        assert kwargs == {}


class TestValues:
    @pytest.mark.parametrize(
        "call", ["main()", "asyncio.run(main())", "sys.exit(asyncio.run(main()))"]
    )
    def test_async_entrypoints_are_awaited_whatever_wraps_them(self, script, call):
        source = (
            "import asyncio, sys\nasync def main():\n    await asyncio.sleep(0)\n    return 'done'"
        )
        made = script(source + GUARD + call)
        assert ScriptExecutor(made).execute() == "done"
        assert ScriptExecutor(script(source)).execute() == "done"


class TestExits:
    @pytest.mark.parametrize(
        ("code", "exit_code", "failed"),
        [
            ("", 0, False),
            ("0", 0, False),
            ("None", 0, False),
            ("3", 3, True),
            ("True", 1, True),
            ("'text'", 1, True),
        ],
    )
    def test_sys_exit_is_the_runs_outcome(self, script, code, exit_code, failed):
        outcome = run_script(script(f"import sys\ndef main(): sys.exit({code})"))
        assert isinstance(outcome.error, SystemExit)
        assert (outcome.exit_code, outcome.failed, outcome.value) == (exit_code, failed, None)

    def test_execute_raises_for_a_status_other_than_0(self, script):
        made = script("import sys\nhow = None\ndef main(): sys.exit(how)")
        executor = ScriptExecutor(made)
        assert executor.execute() is None
        with pytest.raises(RunFailed, match=r"script\.py exited with exit code 3$") as caught:
            executor.execute(Config({"how": 3}))
        assert (caught.value.exit_code, caught.value.script) == (3, made)
        assert caught.value.config == Config({"how": 3})
        with pytest.raises(RunFailed, match=r"exited with exit code 1: the text$"):
            executor.execute(Config({"how": "the text"}))

    @pytest.mark.parametrize("call", ["sys.exit(main())", "raise SystemExit(main())"])
    @pytest.mark.parametrize("returned", [None, 0, 3, "text", {"a": 1}])
    def test_exiting_with_mains_value_is_main(self, script, call, returned):
        made = script(f"import sys\ndef main(): return {returned!r}" + GUARD + call)
        assert ScriptExecutor(made).execute() == returned
        outcome = run_script(made)
        assert outcome.value == returned
        assert outcome.failed is (returned == 3)

    def test_exiting_with_something_else_after_main_is_not(self, script):
        source = "import sys\ndef main(): return 'fine'" + GUARD + "main()\nsys.exit(2)"
        with pytest.raises(RunFailed, match="exit code 2"):
            ScriptExecutor(script(source)).execute()
        source = source.replace("sys.exit(2)", "sys.exit()")
        assert ScriptExecutor(script(source)).execute() == "fine"

    def test_an_exception_is_the_outcome_and_execute_raises_it(self, script):
        made = script("def main(): raise KeyError('k')")
        outcome = run_script(made)
        assert (repr(outcome.error), outcome.exit_code, outcome.failed) == (
            "KeyError('k')",
            1,
            True,
        )
        with pytest.raises(KeyError, match="k"):
            ScriptExecutor(made).execute()

    def test_an_interrupt_is_the_callers(self, script):
        with pytest.raises(KeyboardInterrupt):
            run_script(script("raise KeyboardInterrupt"))

    def test_what_is_no_python_is_pythons_error(self, script):
        with pytest.raises(SyntaxError):
            run_script(script("def main(:"))


class TestMain:
    def test_it_is_main(self, script):
        source = """
            import sys
            def main():
                module = sys.modules["__main__"]
                same = vars(module) is globals()
                return same, __name__, __file__, __package__, __spec__, sys.argv, sys.path[0], __doc__
        """
        made = script(source)
        folder = str(made.path.parent)
        assert value(made, argv=["a"]) == (
            True, "__main__", made.filename, None, None, [made.location, "a"], folder, None,
        )  # fmt: skip

    def test_classes_of_the_script_can_be_pickled_in_it(self, script):
        source = "import pickle\nclass C: pass\ndef main(): return type(pickle.loads(pickle.dumps(C()))) is C"
        assert value(script(source))

    def test_the_module_is_there_afterwards(self, script):
        executor = ScriptExecutor(script("x = 1\ndef main(): return x"))
        assert executor.module is None
        assert executor.execute(Config({"x": 2})) == 2
        assert executor.module.x == 2

    def test_each_run_has_a_module_of_its_own(self, script):
        made = script("calls = []\ndef main():\n    calls.append(1)\n    return calls")
        assert value(made) == value(made) == [1]

    def test_annotations_are_those_of_python(self, script):
        source = (
            "import sys\nx: int = 1\ndef main(): return sys.modules['__main__'].__annotations__"
        )
        made = script(source)
        assert value(made) == value(made, Config({"x": 2})) == {"x": int}


class TestConfigs:
    def test_the_scripts_own_is_the_default(self, script):
        made = script("x = 1\ndef main(): return x", Config({"x": 2}))
        assert value(made) == 2
        assert value(made, Config()) == 1

    def test_protected_names_are_refused(self, script):
        with pytest.raises(
            ConfigValueError, match="Cannot override protected module attribute: __name__"
        ):
            value(script("print()"), Config({"__name__": "x"}))

    def test_a_sweep_or_anything_else_is_refused(self):
        assert single_config(None) is None
        assert single_config(Config()) == Config()
        with pytest.raises(ConfigTypeError, match="got ConfigGenerator; use Flow for sweeps"):
            single_config(ConfigGenerator(iter([])))
        with pytest.raises(ConfigTypeError, match="got dict"):
            single_config({})


class TestCheckRunnable:
    def test_runs_nothing(self, script):
        check_runnable(script("1/0", Config()))

    def test_finds_what_holds_nothing_to_run(self, script):
        check_runnable(script("x = 1"))
        with pytest.raises(EntrypointNotFound):
            check_runnable(script("x = 1", Config()))

    def test_finds_what_is_no_python(self, script):
        with pytest.raises(SyntaxError):
            check_runnable(script("x = ("))


class TestForks:
    """A script's ``os.fork()``: the child's copy of the script ends the child."""

    CODE = """
        import sys
        import kohakuengine
        from kohakuengine.engine.executor import run_script
        last = sys.argv[2] == "last"
        outcome = run_script(kohakuengine.Script(sys.argv[1]), last=last)
        print("returned", outcome.value, flush=True)
    """

    def run(self, script, python, source, last=False):
        head = "import atexit, os, sys\natexit.register(print, 'exit handler')\npid = os.fork()\n"
        tail = (
            "\nif pid:\n    print('status', os.waitpid(pid, 0)[1] >> 8, flush=True)\n    value = 1"
        )
        made = script(head + f"if not pid:\n    {source}\n" + tail + "\ndef main(): return 1")
        argv = [made.location, "last" if last else "not"]
        return python(self.CODE, argv=argv).split("\n")

    @pytest.mark.parametrize(
        ("source", "status"),
        [
            ("sys.exit(3)", 3),
            ("sys.exit()", 0),
            ("sys.exit('text')", 1),
            ("1/0", 1),
            ("raise KeyboardInterrupt", 130),
            ("print('went on')", 0),
        ],
    )
    def test_it_does_not_return_to_the_caller(self, script, python, source, status):
        lines = self.run(script, python, source)
        assert f"status {status}" in lines
        assert lines.count("returned 1") == 1
        assert lines.count("exit handler") == 1

    def test_with_its_exit_handlers_where_the_process_is_the_scripts(self, script, python):
        lines = self.run(script, python, "sys.exit()", last=True)
        assert lines.count("returned 1") == 1
        assert lines.count("exit handler") == 2


def test_where_the_process_ends_with_the_run_nothing_is_put_back(script, python):
    made = script("import sys, threading\nx = 1\ndef main(): return x")
    code = """
        import os, sys, tempfile
        from kohakuengine import Config, Script
        from kohakuengine.engine.executor import run_script
        from kohakuengine.engine.respawn import payload_of
        outcome = run_script(Script(sys.argv[1]), Config({"x": 2}), last=True)
        assert sys.modules["__main__"] is outcome.module
        payload_of(outcome.module).name()  # as a thread that is left starts a process
        print(outcome.value, len(os.listdir(tempfile.gettempdir())))
    """
    private = made.path.parent / "tmp"
    private.mkdir()
    assert python(code, argv=[made.location], env={"TMPDIR": str(private)}) == "2 1\n"
    assert list(private.iterdir()) == []


PARSING = """
import argparse
def {name}({parameters}):
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1)
    return parser.parse_args().n
{guard}
"""


@pytest.mark.parametrize(
    ("name", "guard"),
    [("main", "if __name__ == '__main__':\n    main()"), ("main", ""), ("run", "")],
)
def test_a_function_without_parameters_that_parses_the_command_line_gets_it(tmp_path, name, guard):
    script = tmp_path / "script.py"
    script.write_text(PARSING.format(name=name, parameters="", guard=guard))
    assert ScriptExecutor(Script(script)).execute(Config(kwargs={"n": 5})) == 5
    assert ScriptExecutor(Script(script)).execute(Config(args=["--n", "6"])) == 6


def test_a_function_with_parameters_gets_arguments_and_no_command_line(tmp_path):
    script = tmp_path / "script.py"
    guard = "if __name__ == '__main__':\n    main()"
    script.write_text(PARSING.format(name="main", parameters="n=0", guard=guard))
    assert ScriptExecutor(Script(script)).execute(Config(kwargs={"n": 5})) == 1
