"""A script's parameters, as its source alone tells them."""

import ast
import pathlib
import textwrap

import pytest

from kohakuengine.engine.parameters import parameters_of


def read(source, **options):
    tree = ast.parse(textwrap.dedent(source))
    return {parameter.name: parameter for parameter in parameters_of(tree, **options)}


def defaults(source):
    """Names with their defaults; an ellipsis where the default is not known."""
    return {name: p.default if p.has_default else ... for name, p in read(source).items()}


class TestTopLevel:
    @pytest.mark.parametrize(
        ("source", "found"),
        [
            ("lr = 0.1", {"lr": 0.1}),
            ("lr: float = 0.1", {"lr": 0.1}),
            ("lr: float", {"lr": ...}),
            ("a = b = 3", {"a": 3, "b": 3}),
            ("a, b = 1, 2", {"a": 1, "b": 2}),
            ("a, (b, c) = 1, (2, 3)", {"a": 1, "b": 2, "c": 3}),
            ("[a, b] = [1, 2]", {"a": 1, "b": 2}),
            ("a, b = f()", {"a": ..., "b": ...}),
            ("a, *b = 1, 2", {"a": ..., "b": ...}),
            ("a, b = *c, 1", {"a": ..., "b": ...}),
            ("a += 1", {"a": ...}),
            ("if (n := 10) > 5: m = n", {"n": 10, "m": ...}),
            ("print([last := x for x in y])", {"last": ...}),
            ("f = lambda: (n := 1)", {"f": ...}),
            ("if c: a = 1\nelif d: b = 2\nelse: e = 3", {"a": 1, "b": 2, "e": 3}),
            (
                "try: a = 1\nexcept E: b = 2\nelse: c = 3\nfinally: d = 4",
                {"a": 1, "b": 2, "c": 3, "d": 4},
            ),
            ("with open(f) as g: a = 1", {"a": 1}),
            ("for i in r: a = 1\nelse: b = 2", {"a": 1, "b": 2}),
            ("while c: a = 1", {"a": 1}),
            ("match c:\n case 1: a = 1\n case _: b = 2", {"a": 1, "b": 2}),
            ("if __name__ == '__main__': a = 1", {"a": 1}),
            ("def f():\n    a = (b := 1)", {}),
            ("_private = 1\n__all__ = []", {}),
            ("import os\nfrom a import b", {}),
            ("a.b = 1\na['c'] = 2\na[0] = 3\nf().x = 4", {}),
            ("", {}),
        ],
    )
    def test_every_assignment_outside_functions_is_found(self, source, found):
        assert defaults(source) == found

    def test_they_stand_in_the_order_of_their_first_assignment(self):
        assert list(read("b = 1\na = 2\nb = 3\nc = (d := 4)")) == ["b", "a", "d", "c"]

    @pytest.mark.parametrize(
        ("source", "default", "annotation", "line"),
        [
            ("x = 1\nx = 2", 1, None, 1),
            ("x: int\nx = 2", 2, "int", 1),
            ("x = 1\nx: int = 2", 1, "int", 1),
            ("x: float = 1\nx: int = 2", 1, "float", 1),
        ],
    )
    def test_the_first_default_and_the_first_annotation_count(
        self, source, default, annotation, line
    ):
        found = read(source)["x"]
        assert (found.default, found.annotation, found.line) == (default, annotation, line)
        assert found.type_name == (annotation or "int")

    def test_only_the_given_lines_are_read(self):
        assert list(read("a = 1\nb = 2\nc = 3", lines=range(2, 3))) == ["b"]


class TestDescription:
    @pytest.mark.parametrize(
        ("source", "type_name"),
        [
            ("x = 0.1", "float"),
            ("x: int | None = None", "int | None"),
            ("x = None", None),
            ("x = int(f())", "int"),
            ("x = dict(**y)", "dict"),
            ("x = [i for i in y]", "list"),
            ("x = {**y}", "dict"),
            ("x = f'{y}'", "str"),
            ("from pathlib import Path\nx = Path(y)", "Path"),
            ("import pathlib as p\nx = p.Path('a')", "Path"),
            ("class C: pass\nx = C()", "C"),
            ("def int(y): pass\nx = int(y)", None),
            ("from .m import int\nx = int(y)", None),
            ("x = f()", None),
            ("x = y + 1", None),
        ],
    )
    def test_the_type_is_told_where_the_source_tells_it(self, source, type_name):
        assert read(source)["x"].type_name == type_name

    @pytest.mark.parametrize(
        ("source", "evaluable"),
        [
            ("x = y", True),
            ("x = m.A.b", True),
            ("x = f()", False),
            ("x = f().a", False),
            ("x = 1", False),
            ("x: int", False),
        ],
    )
    def test_a_name_may_be_read_for_its_type(self, source, evaluable):
        assert read(source)["x"].evaluable is evaluable

    @pytest.mark.parametrize(
        ("expression", "shown"),
        [
            ("0.1", "0.1"),
            ("'a'", "'a'"),
            ("f( x,\n  y)", "f(x, y)"),
            ("60*60", "60 * 60"),
            (repr(list(range(1000))), "[...]"),
            (repr(tuple(range(1000))), "(...)"),
            (repr(dict.fromkeys(range(1000))), "{...}"),
            (f"g.f({list(range(1000))})", "g.f(...)"),
            ("+".join(["x"] * 500), "..."),
            ("x" * 100, "x" * 57 + "..."),
            (repr("x" * 1000), "'" + "x" * 56 + "..."),
            (f"f({'x' * 1000!r})", "f(...)"),
        ],
    )
    def test_sources_of_defaults_fit_into_a_line(self, expression, shown):
        assert read(f"x = {expression}")["x"].default_source == shown

    def test_paths_are_known_where_they_are_imported(self):
        assert defaults("from pathlib import Path as P\nx = P('a') / 'b'") == {
            "x": pathlib.Path("a/b")
        }
        assert defaults("import pathlib\nx = pathlib.Path('a')") == {"x": pathlib.Path("a")}
        assert defaults("x = Path('a')") == {"x": ...}
        assert defaults("import a.b\nx = a.Path('a')") == {"x": ...}


class TestParts:
    @pytest.mark.parametrize(
        ("source", "found"),
        [
            (
                "d = {'a': 1, 'b-c': {'e': 2}, 'f g': 3, 4: 5}",
                {"d.a": 1, "d.b-c": {"e": 2}, "d.b-c.e": 2},
            ),
            ("d = {'a': f(), **g}", {"d.a": ...}),
            ("d = dict(a=1, **g)", {"d.a": 1}),
            ("d = {}\nd['a'] = 1\nd.b = 2\nd['c d'] = 3\nd[x] = 4", {"d.a": 1, "d.b": 2}),
            ("from types import SimpleNamespace\nn = SimpleNamespace(a=1)", {"n.a": 1}),
            ("import argparse\nn = argparse.Namespace(a=1, _b=2)", {"n.a": 1}),
            ("n = Namespace(a=1)", {}),
            ("d = {'_a': 1}", {}),
        ],
    )
    def test_the_parts_of_dicts_and_namespaces_are_found(self, source, found):
        nested = {name: default for name, default in defaults(source).items() if "." in name}
        assert nested == found

    def test_the_attributes_of_classes_are_found(self):
        source = """
            class C(Base):
                a = 1
                b: int
                c: float = 2
                _d = 4
                if x:
                    e = 5
                class Inner:
                    f = 6
                def method(self):
                    g = 7
        """
        found = {"C.a": 1, "C.b": ..., "C.c": 2, "C.e": 5, "C.Inner.f": 6}
        assert defaults(source) == found

    def test_the_members_of_an_enum_are_no_parameters(self):
        assert defaults("class M(enum.Enum):\n a = 1\nclass F(IntFlag):\n b = 1") == {}

    @pytest.mark.parametrize(
        ("value", "default"),
        [
            ("field(default=1)", 1),
            ("dataclasses.field(default=1, repr=False)", 1),
            ("field(default_factory=list)", []),
            ("field(default_factory=lambda: [1])", [1]),
            ("field(default_factory=make)", ...),
            ("field(init=False)", ...),
            ("Field(1, gt=0)", 1),
        ],
    )
    def test_the_default_of_a_declared_field_is_found(self, value, default):
        assert defaults(f"class C:\n a: int = {value}") == {"C.a": default}

    def test_an_instance_has_the_attributes_of_its_class_and_bases(self):
        source = """
            class Base:
                a = 1
                b = 2
            class C(Base, Other):
                b: float = 3
                class Inner:
                    c = 4
            x = C(a=f(), z=3)
        """
        found = read(source)
        assert found["x"].type_name == "C"
        parts = {
            name: (p.has_default, p.default) for name, p in found.items() if name.startswith("x.")
        }
        assert parts == {"x.a": (False, None), "x.b": (True, 3)}
        assert found["x.b"].annotation == "float"

    def test_a_dataclass_takes_positional_values_in_the_order_of_its_fields(self):
        source = """
            @dataclass(frozen=True)
            class C:
                plain = 0
                a: int
                b: int = 1
            x = C(5)
            @other
            class D:
                a: int = 1
            y = D(5)
        """
        found = defaults(source)
        assert (found["x.plain"], found["x.a"], found["x.b"]) == (0, 5, 1)
        assert found["y.a"] == 1

    def test_instances_inside_instances_are_followed(self):
        source = """
            class Opt:
                lr = 0.1
            class Cfg:
                opt: Opt = field(default_factory=Opt)
            cfg = Cfg()
        """
        assert defaults(source)["cfg.opt.lr"] == 0.1
        assert defaults(source)["Cfg.opt.lr"] == 0.1

    @pytest.mark.parametrize(
        "source",
        [
            "class C(C):\n a = 1\nx = C()",
            "class A(B):\n a = 1\nclass B(A):\n b = 1\nx = A()",
            "class C:\n c = field(default_factory=lambda: C())\n d = C()\nx = C()",
        ],
    )
    def test_classes_that_contain_or_extend_themselves_come_to_an_end(self, source):
        assert "x" in read(source)

    def test_parts_of_parts_have_a_limit(self):
        source = "d = " + "{'a': " * 50 + "1" + "}" * 50
        assert len(read(source)) == 8


def test_odd_but_valid_code_is_read():
    source = """
        x = y = z = ...
        (a) = (b) = [*[]]
        [] = ()
        del x
        x[1:2] = 3
        x[0]['a'].b = 3
        (x): int = 4
        x.y: int = 5
        x[0]: int = 6
        x[0] += 1
        class C(*bases, **kwargs): x = 1
        c = C(*args, **kwargs)
        @(lambda f: f)
        def f(): ...
        async def g(): ...
        lambda: (yield)
    """
    assert {"x", "y", "z", "a", "b", "c", "C.x", "c.x"} <= read(source).keys()


def test_a_chain_of_a_thousand_elifs_is_read():
    source = "\n".join(f"{'elif' if i else 'if'} c: x{i} = {i}" for i in range(900))
    assert len(read(source)) == 900
