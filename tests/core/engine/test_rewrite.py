import ast
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from kohakuengine.engine.hook import RunHook
from kohakuengine.engine.rewrite import rewrite
from kohakuengine.engine.source import Source
from kohakuengine.errors import OverrideError


def executed(text, overrides=(), *, with_arguments=False, name="script", **options):
    """The globals after running `text`, rewritten for `overrides`."""
    overrides = dict(overrides)
    namespace = {"__name__": name}
    hook = RunHook(namespace, overrides, **options)
    source = Source("s.py", text.encode())
    exec(rewrite(source, overrides, with_arguments=with_arguments).bind(hook), namespace)
    return namespace


def seen(text, **overrides):
    """The value that the script had in ``seen`` by its own end, before anything is settled."""
    return executed(text, {key.replace("__", "."): value for key, value in overrides.items()})[
        "seen"
    ]


# The first value is what the script sees as it stands, the second what it sees with x = 5.
ASSIGNMENTS = {
    "plain": ("x = 1\nseen = x", 1),
    "annotated": ("x: int = 1\nseen = x", 1),
    "tuple": ("x, y = 1, 2\nseen = x", 1),
    "list of names": ("[x, y] = [1, 2]\nseen = x", 1),
    "unpacked call": ("x, y = divmod(7, 4)\nseen = x", 1),
    "nested tuple": ("(x, y), z = (1, 2), 3\nseen = x", 1),
    "starred": ("x, *y = 1, 2, 3\nseen = x", 1),
    "starred itself": ("y, *x = 1, 2, 3\nseen = x", [2, 3]),
    "starred value": ("x, y = *[1], 2\nseen = x", 1),
    "chained, first": ("x = y = 1\nseen = x", 1),
    "chained, last": ("y = x = 1\nseen = x", 1),
    "chained with a tuple": ("y = x, z = 1, 2\nseen = x", 1),
    "augmented": ("x = 0\nx += 1\nseen = x", 1),
    "in an if": ("if True:\n    x = 1\nelse:\n    x = 0\nseen = x", 1),
    "in an else": ("if False:\n    x = 0\nelse:\n    x = 1\nseen = x", 1),
    "in a try": ("try:\n    x = 1\nfinally:\n    seen = x", 1),
    "in an except": ("try:\n    1/0\nexcept ZeroDivisionError:\n    x = 1\nseen = x", 1),
    "in an except*": (
        "try:\n    raise ExceptionGroup('', [OSError()])\nexcept* OSError:\n    x = 1\nseen = x",
        1,
    ),
    "in a with": (
        "from contextlib import nullcontext\nwith nullcontext():\n    x = 1\nseen = x",
        1,
    ),
    "with as": (
        "from contextlib import nullcontext\nwith nullcontext(1) as x:\n    seen = x",
        1,
    ),
    "walrus": ("seen = (x := 1)", 1),
    "walrus in a test": ("if (x := 1) > 0:\n    seen = x", 1),
    "walrus in a call": ("print(x := 1, end='')\nseen = x", 1),
    "import": ("import math as x\nseen = getattr(x, 'pi', x)", __import__("math").pi),
    "from import": ("from math import tau as x\nseen = x", __import__("math").tau),
    "star import": ("from kohakuengine.testing.scripts import *\nx = 1\nseen = x", 1),
    "def": ("def x(): return 1\nseen = x() if callable(x) else x", 1),
    "class": ("class x:\n    y = 1\nseen = getattr(x, 'y', x)", 1),
}


class TestAssignments:
    @pytest.mark.parametrize("case", ASSIGNMENTS)
    def test_as_it_stands(self, case):
        text, value = ASSIGNMENTS[case]
        assert seen(text) == seen(text, other=5) == value

    @pytest.mark.parametrize("case", ASSIGNMENTS)
    def test_overridden_from_there_on(self, case):
        assert seen(ASSIGNMENTS[case][0], x=5) == 5

    def test_a_declaration_gets_the_value(self):
        assert seen("x: int\nseen = x", x=5) == 5

    def test_the_right_side_is_not_evaluated(self):
        assert seen("x = 1/0\nseen = x", x=5) == 5
        assert seen("x: int = 1/0\nseen = x", x=5) == 5
        assert seen("x, y = 1/0, 2\nseen = x, y", x=5) == (5, 2)
        assert seen("x = y = [1/0]\nseen = x, y", x=5, y=6) == (5, 6)

    def test_it_is_where_other_names_get_their_value_from_it(self):
        assert executed("y = x = [1]", {"x": 5})["y"] == [1]

    def test_what_is_derived_follows(self):
        text = "x = 1\ny = x * 2\ndef f(a=x): return a\nclass C:\n    z = x\nseen = y, f(), C.z"
        assert seen(text) == (2, 1, 1)
        assert seen(text, x=5) == (10, 5, 5)

    def test_several_at_once(self):
        assert seen("a, b, c = 1, 2, 3\nseen = a, b, c", a=5, c=6) == (5, 2, 6)

    def test_a_loops_assignments_are_left_alone(self):
        text = "x = 0\nfor i in range(3):\n    x += 1\nseen = x"
        assert seen(text) == 3
        assert seen(text, x=5) == 8

    def test_a_loops_test_is_left_alone(self):
        text = "parts = iter('ab')\nseen = ''\nwhile (x := next(parts, '')):\n    seen += x"
        assert seen(text, x="z") == "ab"

    def test_functions_are_left_alone(self):
        text = "x = 1\ndef f():\n    global x\n    x = 2\n    return x\nseen = f(), x"
        assert seen(text, x=5) == (2, 2)

    def test_a_walrus_in_a_function_or_comprehension_is_left_alone(self):
        assert seen("seen = (lambda: (x := 1))()", x=5) == 1
        assert seen("seen = [x := i for i in (1, 2)], x", x=5) == ([1, 2], 2)
        assert seen("seen = (x := 1) + sum((x := i) for i in (2,))", x=5) == 7
        assert seen(
            "seen = {(x := 1)}, {(x := i) for i in (2,)}, {i: (x := i) for i in (3,)}", x=5
        ) == ({5}, {2}, {3: 3})

    def test_match_statements_are_left_alone(self):
        assert seen("match 1:\n    case x:\n        seen = x", x=5) == 1

    def test_a_walrus_of_another_name_is_left_alone(self):
        assert seen("seen = [(y := 1), (x := 2)]", x=5) == [1, 5]

    def test_names_in_other_targets_are_no_matter(self):
        text = "d = {}\nd['x'] = 1\nd[0] = y = 2\nclass C: pass\nC.x = 3\nseen = d, C.x"
        assert seen(text, x=5) == ({"x": 1, 0: 2}, 3)


class TestStarImports:
    def test_what_it_binds_is_overridden(self):
        text = "from kohakuengine.testing.scripts import *\nseen = MEETING"
        assert "folder" in seen(text)
        assert seen(text, MEETING=5) == 5

    def test_what_it_does_not_bind_is_not_there_yet(self):
        with pytest.raises(NameError):
            seen("from kohakuengine.testing.scripts import *\nseen = other", other=5)

    def test_insides_of_what_it_binds(self, tmp_path, monkeypatch):
        (tmp_path / "star_module.py").write_text("cfg = {'lr': 1}")
        monkeypatch.syspath_prepend(tmp_path)
        try:
            assert seen("from star_module import *\nseen = cfg", cfg__lr=5) == {"lr": 5}
        finally:
            del sys.modules["star_module"]
        text = "from kohakuengine.testing.scripts import *\nseen = 1"
        assert seen(text, cfg__lr=5) == 1


class TestInsides:
    """``name.key`` reaches into the object, right after each statement that binds the name."""

    @pytest.mark.parametrize(
        "text",
        [
            "cfg = {'lr': 1}\nseen = cfg['lr']",
            "cfg: dict = {'lr': 1}\nseen = cfg['lr']",
            "cfg, other = {'lr': 1}, 2\nseen = cfg['lr']",
            "cfg = {}\ncfg['lr'] = 1\nseen = cfg['lr']",
            "cfg = {'lr': 0}\ncfg['lr'] += 1\nseen = cfg['lr']",
            "cfg = dict(lr=1)\ncfg |= {'lr': 2}\nseen = cfg['lr'] - 1 if cfg['lr'] != 5 else 5",
            "from types import SimpleNamespace\ncfg = SimpleNamespace(lr=1)\nseen = cfg.lr",
            "class cfg: lr = 1\nseen = cfg.lr",
            "class cfg: pass\ncfg.lr = 1\nseen = cfg.lr",
            "def cfg(): pass\ncfg.lr = 1\nseen = cfg.lr",
            "from contextlib import nullcontext as n\nwith n({'lr': 1}) as cfg: seen = cfg['lr']",
        ],
    )
    def test_the_object_has_the_value(self, text):
        assert seen(text) == 1
        assert seen(text, cfg__lr=5) == 5

    def test_of_two_objects_each_gets_its_own(self):
        text = "a = {'x': 1}\nb = {'x': 2}\nseen = a, b"
        assert seen(text, a__x=5, b__x=6) == ({"x": 5}, {"x": 6})

    def test_deeper(self):
        text = "cfg = {'model': {'lr': 1, 'n': 2}}\nseen = cfg"
        assert seen(text, cfg__model__lr=5) == {"model": {"lr": 5, "n": 2}}

    @pytest.mark.parametrize("annotation", ["", ": dict"])
    def test_on_top_of_the_whole(self, annotation):
        text = f"cfg{annotation} = {{'lr': 1, 'n': 1}}\nseen = cfg"
        assert seen(text, cfg={"lr": 2, "n": 2}, cfg__lr=5) == {"lr": 5, "n": 2}

    def test_a_part_that_comes_later_is_waited_for(self):
        text = (
            "from types import SimpleNamespace\ncfg = SimpleNamespace()\ncfg.lr = 1\nseen = cfg.lr"
        )
        assert seen(text, cfg__lr=5) == 5

    def test_a_part_that_never_comes_is_an_error_in_the_end(self):
        namespace = {"cfg": SimpleNamespace(lr=1)}
        with pytest.raises(OverrideError, match="lrr"):
            RunHook(namespace, {"cfg.lrr.x": 5}).settle()

    def test_a_name_that_never_comes_is_an_error_that_names_the_nearest(self):
        with pytest.raises(OverrideError, match=r"cannot set 'cgf\.lr': .* Did you mean 'cfg'\?"):
            RunHook({"cfg": {}, "__name__": ""}, {"cgf.lr": 5}).settle()


class TestClassBodies:
    def test_the_body_assigns_the_value(self):
        text = "class C:\n    x = 1\n    y = x * 2\nseen = C.x, C.y"
        assert seen(text) == (1, 2)
        assert seen(text, C__x=5) == (5, 10)

    def test_nested_classes(self):
        text = "class C:\n    class D:\n        x = 1\n    y = D.x\nseen = C.y"
        assert seen(text, C__D__x=5) == 5

    def test_conditions_in_the_body(self):
        text = "class C:\n    if True:\n        x = 1\n    y = x\nseen = C.y"
        assert seen(text, C__x=5) == 5

    def test_another_class_is_left_alone(self):
        assert seen("class C: x = 1\nclass D: x = 1\nseen = C.x, D.x", C__x=5) == (5, 1)

    def test_a_main_guards_look_in_a_body_is_no_guard(self):
        text = "class C:\n    x = 1\n    if __name__ == '__main__':\n        x = 2\nseen = C.x"
        assert executed(text, {"C.x": 5}, name="__main__")["seen"] == 5

    def test_an_attribute_that_the_body_does_not_assign(self):
        assert seen("class B: x = 1\nclass C(B): pass\nseen = C.x, B.x", C__x=5) == (5, 1)


class TestDataclasses:
    HEAD = "from dataclasses import dataclass, field\nimport dataclasses\n"

    @pytest.mark.parametrize(
        ("declaration", "default", "value"),
        [
            ("x: int = 1", 1, 5),
            ("x: list = field(default_factory=list)", [], [5]),
            ("x: int = field(default=1, repr=False)", 1, 5),
            ("x: int = dataclasses.field(default=1)", 1, 5),
            ("x: object = None", None, [5]),
            ("x: object = None", None, {"a": 5}),
            ("x: int = field(default=1)", 1, [5]),
        ],
    )
    def test_the_default_follows(self, declaration, default, value):
        text = f"{self.HEAD}@dataclass\nclass C:\n    {declaration}\nseen = C().x"
        assert seen(text) == default
        assert seen(text, C__x=value) == value

    def test_a_field_without_default_gets_one(self):
        text = f"{self.HEAD}@dataclass\nclass C:\n    x: int\nseen = C().x"
        assert seen(text, C__x=5) == 5
        text = text.replace("x: int", "x: int = field(repr=True)")
        assert seen(text, C__x=5) == 5

    def test_with_arguments_of_the_decorator(self):
        text = f"{self.HEAD}@dataclasses.dataclass(frozen=True)\nclass C:\n    x: int = 1\nseen = C().x"
        assert seen(text, C__x=5) == 5

    def test_instances_do_not_share_a_mutable_default(self):
        text = f"{self.HEAD}@dataclass\nclass C:\n    x: list = None\nC().x.append(1)\nseen = C().x"
        assert seen(text, C__x=[5]) == [5]

    def test_an_inherited_field_is_refused_with_advice(self):
        @dataclass
        class Base:
            x: int = 1

        class Derived(Base):
            pass

        message = r"cannot set 'D\.x': Derived inherits the field 'x'\. Set 'Base\.x' instead"
        with pytest.raises(OverrideError, match=message):
            RunHook({"D": Derived}, {"D.x": 5}).settle()

    def test_a_field_function_of_another_package_is_just_a_value(self):
        text = "def field(default): return default\nclass C:\n    x = field(default=1)\nseen = C.x"
        assert seen(text) == 1
        assert seen(text, C__x=5) == 5


GUARD = "def main(a=1, *, b=2): return a, b\nif __name__ == '__main__':\n    "


class TestGuards:
    def run(self, text, overrides=(), *, name="__main__", **options):
        namespace = {"__name__": name}
        hook = RunHook(namespace, dict(overrides), **options)
        with_arguments = bool(options.get("args") or options.get("kwargs"))
        source = Source("s.py", text.encode())
        code = rewrite(source, dict(overrides), with_arguments=with_arguments).bind(hook)
        try:
            exec(code, namespace)
        except SystemExit as error:
            namespace["exit"] = error.code
        return hook, namespace

    @pytest.mark.parametrize(
        "body",
        ["main()", "sys.exit(main())", "raise SystemExit(main())", "exit(main())"],
    )
    def test_the_calls_value_is_the_runs(self, body):
        hook, _ = self.run("import sys\n" + GUARD + body)
        assert (hook.has_result, hook.returned) == (True, (1, 2))

    @pytest.mark.parametrize(
        "body",
        ["main(7)", "sys.exit(main(7))", "raise SystemExit(main(7))"],
    )
    def test_given_arguments_replace_those_written_there(self, body):
        hook, _ = self.run("import sys\n" + GUARD + body, kwargs={"b": 5})
        assert hook.returned == (1, 5)

    def test_through_asyncio_run(self):
        text = "import asyncio\nasync " + GUARD + "asyncio.run(main(), debug=False)"
        assert self.run(text)[0].returned == (1, 2)
        assert self.run(text, args=[5])[0].returned == (5, 2)

    def test_through_a_run_of_the_scripts_own(self):
        text = "def run(a, b=2): return a, b\nif __name__ == '__main__':\n    run(str(1))"
        assert self.run(text)[0].returned == ("1", 2)
        assert self.run(text, kwargs={"a": 3, "b": 5})[0].returned == (3, 5)

    def test_another_block_runs_whole_and_has_no_value(self):
        hook, namespace = self.run(GUARD + "first = main()\n    second = main()")
        assert (hook.has_result, namespace["second"]) == (False, (1, 2))

    def test_under_its_own_test_only(self):
        hook, _ = self.run(GUARD.replace("'__main__':", "'__main__' and False:") + "main()")
        assert not hook.has_result
        assert not self.run(GUARD + "main()", name="__mp_main__")[0].has_result

    def test_its_else_runs_where_the_test_fails(self):
        text = "if __name__ == '__main__' and False:\n    pass\nelse:\n    x = 1"
        assert self.run(text)[1]["x"] == 1
        assert self.run(text, {"x": 5})[1]["x"] == 5

    def test_not_at_all_where_another_entrypoint_was_asked_for(self):
        hook, namespace = self.run(GUARD + "x = main()", guards_run=False)
        assert "x" not in namespace
        assert not hook.has_result

    def test_assignments_in_the_block_are_overridden(self):
        _, namespace = self.run(GUARD + "x = 1\n    y = x", {"x": 5})
        assert namespace["y"] == 5

    def test_names_that_the_script_never_assigned_are_there(self):
        hook, _ = self.run("def main(): return x\nif __name__ == '__main__':\n    main()", {"x": 5})
        assert hook.returned == 5

    def test_values_hold_though_the_script_changed_them_in_a_loop(self):
        text = "x = 0\nfor _ in 'ab': x += 1\ndef main(): return x\nif __name__ == '__main__':\n    main()"
        assert self.run(text, {"x": 5})[0].returned == 5


class TestTracebacks:
    def test_lines_are_the_files_own(self):
        text = "x = 1\n\ny = (\n    x / 0\n)\n"
        with pytest.raises(ZeroDivisionError) as caught:
            executed(text, {"x": 5, "z": 1})
        frame = caught.tb
        while frame.tb_next:
            frame = frame.tb_next
        assert (frame.tb_frame.f_code.co_filename, frame.tb_lineno) == ("s.py", 4)

    def test_line_numbers_of_everything_stay(self):
        text = "import sys\nx = 1\ndef f():\n    return sys._getframe().f_lineno\nclass C:\n    y = 1\n    z = f()\nseen = f(), C.z"
        assert seen(text, x=5, C__y=2) == (4, 4)


class TestTemplates:
    def test_one_compilation_serves_all_runs_of_the_same_names(self):
        source = Source("s.py", b"x = 1")
        template = rewrite(source, {"x": 1}, with_arguments=False)
        assert rewrite(source, ["x"], with_arguments=False) is template
        assert rewrite(source, ["y"], with_arguments=False) is not template
        assert rewrite(source, ["x"], with_arguments=True) is not template

    def test_each_binding_has_its_own_hook(self):
        template = rewrite(
            Source("s.py", b"x = 1\nclass C:\n    y = 1"), ["x", "C.y"], with_arguments=False
        )
        namespaces = [{"__name__": "s"}, {"__name__": "s"}]
        codes = [
            template.bind(RunHook(namespace, {"x": value, "C.y": value}))
            for value, namespace in enumerate(namespaces)
        ]
        for code, namespace in zip(codes, namespaces, strict=True):
            exec(code, namespace)
        assert [(n["x"], n["C"].y) for n in namespaces] == [(0, 0), (1, 1)]

    def test_code_that_calls_no_hook_is_used_as_it_is(self):
        template = rewrite(Source("s.py", b"x = 1"), (), with_arguments=False)
        assert template.is_plain
        hook = RunHook({}, {})
        assert template.bind(hook) is template.bind(hook)

    def test_the_shared_tree_is_not_changed(self):
        text = "x, y = 1, 2\nz = (x := 3)\nclass C:\n    a = 1\nif __name__ == '__main__':\n    main(x)"
        source = Source("s.py", text.encode())
        before = ast.dump(source.tree, include_attributes=True)
        rewrite(source, ["x", "C.a", "z.b"], with_arguments=True)
        assert ast.dump(source.tree, include_attributes=True) == before

    def test_what_only_the_compiler_notices_is_its_error(self):
        with pytest.raises(SyntaxError, match="'return' outside function") as caught:
            rewrite(Source("s.py", b"x = 1\nreturn"), ["x"], with_arguments=False)
        assert caught.value.lineno == 2

    def test_future_statements_stay_in_force(self):
        text = "'''doc'''\nfrom __future__ import annotations\nx: int = 1\ndef f(a: undefined): pass\nseen = __doc__"
        assert seen(text, x=5) == "doc"
