"""Overrides given as text, whose type shows only while the script runs; and the guard's call."""

from enum import Enum
from pathlib import Path

import pytest

from kohakuengine import Config
from kohakuengine.config.deferred import DeferredText
from kohakuengine.engine.executor import run_script
from kohakuengine.engine.hook import RunHook
from kohakuengine.errors import CoercionError, EntrypointArgumentError, OverrideError

HEAD = "from enum import Enum\nclass Mode(Enum):\n    FAST = 'f'\n    SLOW = 's'\n"


@pytest.fixture
def seen(ran):
    """The value that a script had in ``seen``, with texts for its names."""

    def run(text, *, strict=False, **texts):
        given = {key.replace("__", "."): text for key, text in texts.items()}
        return ran(
            text, {key: DeferredText(t, strict=strict, key=key) for key, t in given.items()}
        )["seen"]

    return run


class TestTexts:
    def test_by_the_name_that_is_the_default(self, seen):
        text = HEAD + "mode = Mode.SLOW\nseen = mode.name"
        assert seen(text, mode="FAST") == "FAST"

    def test_by_a_name_that_cannot_be_read(self, seen):
        assert seen("mode = Missing.SLOW\nseen = mode", mode="3") == 3
        assert seen("import os\nmode = os.missing\nseen = mode", mode="3") == 3

    def test_by_the_name_of_a_class_body(self, seen):
        assert seen("class C:\n    x = 1\n    y = x\nseen = C.y", C__y="3") == 3

    @pytest.mark.parametrize(
        ("annotation", "value"),
        [
            ("Mode", "FAST"),
            ("'Mode'", "FAST"),
            ("Mode | None", "FAST"),
        ],
    )
    def test_by_the_annotation(self, seen, annotation, value):
        text = f"{HEAD}mode: {annotation} = None\nseen = mode.name"
        assert seen(text, mode=value) == "FAST"

    def test_by_an_annotation_of_another_folder(self, seen):
        text = "from pathlib import Path\nout: Path = None\nseen = out"
        assert seen(text, out="a/b") == Path("a/b")

    @pytest.mark.parametrize(
        "annotation", ["Missing", "'Missing'", "1 + 'x'", "'1 +'", "int.missing"]
    )
    def test_by_itself_where_the_annotation_means_nothing_at_run_time(self, seen, annotation):
        text = f"from __future__ import annotations\nx: {annotation} = None\nseen = x"
        assert seen(text, x="3") == 3

    def test_by_the_default_of_a_field(self, seen):
        head = HEAD + "from dataclasses import dataclass, field\n@dataclass\nclass C:\n    "
        text = head + "x: Mode = field(default=Mode.SLOW)\nseen = C().x.name"
        assert seen(text, C__x="FAST") == "FAST"
        text = head + "x: list = field(default_factory=list)\nseen = C().x"
        assert seen(text, C__x="[1]") == [1]

    def test_by_nothing_but_itself(self, seen):
        assert seen("x = f = None\nseen = x", x="3") == 3

    def test_is_read_once(self, ran):
        with pytest.warns(UserWarning, match="x") as caught:
            ran(HEAD + "x = Mode.SLOW\nx = Mode.SLOW", {"x": DeferredText("?", key="x")})
        assert len(caught) == 1


class TestStrict:
    def test_a_text_that_does_not_fit_is_refused_not_the_scripts_failure(self, script):
        made = script(HEAD + "mode = Mode.SLOW")
        config = Config({"mode": DeferredText("FSAT", strict=True, key="mode")})
        with pytest.raises(CoercionError, match="mode"):
            run_script(script(made.path.read_text() + "\nprint()"), config)

    def test_a_refusal_at_a_guard_is_no_failure_either(self, script):
        made = script("def main(lr): pass\nif __name__ == '__main__': main(1)")
        with pytest.raises(EntrypointArgumentError, match=r"lrr.* Did you mean 'lr'\?"):
            run_script(made, Config(kwargs={"lrr": 1}), strict=True)
        with pytest.raises(OverrideError, match="has no 'cfg'"):
            run_script(made, Config({"cfg.lr": 1}))

    def test_but_the_scripts_own_use_of_this_package_is(self, script):
        made = script("import kohakuengine\nkohakuengine.load_config_file('nowhere.py')")
        assert "Config file not found" in str(run_script(made).error)


class TestSettling:
    def test_the_final_value_always_is_the_override(self, ran):
        assert ran("x = 0\nfor _ in 'ab': x += 1", {"x": 5})["x"] == 5
        assert ran("x = 0\ndel x", {"x": 5})["x"] == 5
        assert ran("print(end='')", {"x": 5})["x"] == 5

    def test_from_a_guard_on_the_values_are_the_scripts_own(self, ran):
        text = "x = 0\ndef main():\n    global x\n    x += 1\nif __name__ == '__main__': main()"
        assert ran(text, {"x": 5})["x"] == 6

    def test_a_class_keeps_what_was_made_of_it_after_its_body_took_the_value(self, ran):
        text = "class C:\n    x = 1\n    def f(self): return self.x\nsetattr(C, 'x', C.x + 1)"
        assert ran(text, {"C.x": 5})["C"].x == 6

    def test_an_object_that_already_has_the_value_is_not_touched(self):
        class Once:
            def __init__(self):
                self.x = 5

            def __setattr__(self, name, value):
                assert name not in vars(self), "set again"
                super().__setattr__(name, value)

        RunHook({"cfg": Once()}, {"cfg.x": 5}).settle()


class TestGuardsThatMakeObjects:
    """A dotted key may lead into what only the main guard's block makes."""

    def test_the_block_assigns_the_object(self, ran):
        text = "if __name__ == '__main__':\n    cfg = {'lr': 1}\n    seen = cfg['lr']"
        assert ran(text, {"cfg.lr": 5})["seen"] == 5

    def test_the_block_assigns_the_part(self, ran):
        text = "class C: pass\ncfg = C()\nif __name__ == '__main__':\n    cfg.lr = 1\n    seen = cfg.lr"
        assert ran(text, {"cfg.lr": 5})["seen"] == 5

    def test_it_has_to_come_from_somewhere(self, ran):
        with pytest.raises(OverrideError, match=r"Did you mean 'cfg'\?"):
            ran("if __name__ == '__main__':\n    cfg = {'lr': 1}\n    x = 1", {"cgf.lr": 5})

    def test_a_guard_that_is_one_call_is_not_even_entered(self, ran):
        text = "def main():\n    global cfg\n    1/0\nif __name__ == '__main__': main()"
        with pytest.raises(OverrideError, match="has no 'cfg'"):
            ran(text, {"cfg.lr": 5})

    def test_of_two_guards_the_second_may_make_it(self, ran):
        guard = "if __name__ == '__main__':\n    print(end='')\n    "
        text = guard + "x = 1\n" + guard + "cfg = {'lr': 1}\n    seen = cfg['lr']"
        assert ran(text, {"cfg.lr": 5})["seen"] == 5


class TestCalls:
    def test_what_is_no_function_reads_the_command_line(self):
        class Command:
            def __call__(self):
                return "called"

        asked = []

        def gets_argv(function):
            asked.append(function)
            return True

        hook = RunHook({}, {}, args=["a"], kwargs={"b": 1}, gets_argv=gets_argv)
        command = Command()
        assert hook.call(command) is command
        assert (asked, hook.args, hook.kwargs) == ([command], [], {})

    def test_functions_get_what_they_take(self):
        hook = RunHook({}, {}, args=[1], kwargs={"b": 2, "c": 3})
        with pytest.warns(UserWarning, match="argument c"):
            hook.call(lambda a, b: None)
        assert (hook.args, hook.kwargs) == ([1], {"b": 2})


def test_a_value_that_is_an_enum_stays_what_it_is(ran):
    class Other(Enum):
        A = 1

    assert ran(HEAD + "mode = Mode.SLOW\nprint(end='')", {"mode": Other.A})["mode"] is Other.A
