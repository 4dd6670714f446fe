"""Which global names a script has."""

import ast
import symtable
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.engine.names import script_names


def names(source):
    return set(script_names(ast.parse(source))[0])


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a = b.c", {"a", "b"}),
        ("a: b", {"a", "b"}),
        ("a, (b, *c) = 1, (2,)", {"a", "b", "c"}),
        ("a += 1", {"a"}),
        ("a.b = c['d']", {"a", "c"}),
        ("(a := 1)", {"a"}),
        ("[(a := b) for b in c]", {"a", "c"}),
        ("[[(a := b) for b in d] for d in c]", {"a", "c"}),
        ("def f():\n    [(a := b) for b in c]", {"f", "c"}),
        ("[x for x in x]", {"x"}),
        ("{a: b for a, b in c if d}", {"c", "d"}),
        ("import a, b.c, d as e", {"a", "b", "e"}),
        ("from a import b, c as d", {"b", "d"}),
        (
            "def f(a, /, b=c, *d, e: g = h, **i) -> j:\n    return a, b, d, e, i, k",
            {"f", "c", "g", "h", "j", "k"},
        ),
        ("@a\nasync def f():\n    b = 1\n    return b", {"f", "a"}),
        ("lambda a, b=c: a + b + d", {"c", "d"}),
        ("class C(a, metaclass=b):\n    c = d\n    e = c", {"C", "a", "b", "d"}),
        ("class C:\n    a = 1\n    def f(self):\n        return a", {"C", "a"}),
        ("def f():\n    a = 1\n    def g():\n        return a + b", {"f", "b"}),
        ("def f():\n    global a, b\n    a = 1\n    return a", {"f", "a", "b"}),
        ("def f():\n    a = 1\n    def g():\n        nonlocal a\n        a = b", {"f", "b"}),
        ("for a in b:\n    c = a", {"a", "b", "c"}),
        ("with a as b, c: d", {"a", "b", "c", "d"}),
        ("try: a\nexcept b as c: d", {"a", "b", "c", "d"}),
        ("try: a\nexcept b: pass", {"a", "b"}),
        (
            "match a:\n case [b, *c]: pass\n case {'k': d, **e}: pass\n case F(g) as h: pass\n case [*_]: pass\n case {}: pass\n case _: pass",
            set("abcdeFgh"),
        ),
        ("if a: b = 1\nelif c: d = 1\nelse: e = 1", set("abcde")),
        ("while a: b\nelse: c", set("abc")),
        ("del a", {"a"}),
        ("print(f'{a!r:>{b}}')", {"print", "a", "b"}),
        ("", set()),
    ],
)
def test_global_is_what_is_bound_at_top_level_or_read_and_not_local(source, found):
    assert names(source) == found


def test_a_star_import_is_reported():
    assert script_names(ast.parse("from a import *\nb = 1")) == (frozenset({"b"}), True)
    assert script_names(ast.parse("import a"))[1] is False


def test_deep_nesting_is_no_obstacle():
    source = "\n".join(f"{'elif' if i else 'if'} a{i}: b" for i in range(900))
    assert len(names(source)) == 901
    assert names("+".join(["a"] * 900)) == {"a"}


# From 3.12 on the compiler counts a comprehension's variables among those of what is around it.
COMPREHENSION = "[{0} for {1} in {2}]" if sys.version_info < (3, 12) else "{0}({1}, {2})"

identifiers = st.sampled_from("abcd")
statements = st.recursive(
    st.builds("{} = {}".format, identifiers, identifiers)
    | st.builds("global {}".format, identifiers)
    | st.builds("print({})".format, identifiers)
    | st.builds("import {}".format, identifiers)
    | st.builds(COMPREHENSION.format, identifiers, identifiers, identifiers),
    lambda inner: st.builds(
        lambda head, body: (
            f"{head}\n" + "\n".join("  " + line for line in "\n".join(body).splitlines())
        ),
        st.builds("def {}({}):".format, identifiers, identifiers)
        | st.builds("if {}:".format, identifiers)
        | st.builds("for {} in {}:".format, identifiers, identifiers),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def globals_by_the_compiler(table):
    found = set()
    for symbol in table.get_symbols():
        in_module = table.get_type() == "module"
        if (
            in_module
            or symbol.is_declared_global()
            or (symbol.is_global() and symbol.is_referenced())
        ):
            found.add(symbol.get_name())
    for child in table.get_children():
        found |= globals_by_the_compiler(child)
    return found


@given(st.lists(statements, max_size=3).map("\n".join))
def test_it_agrees_with_the_compiler(source):
    try:
        table = symtable.symtable(source, "<test>", "exec")
    except SyntaxError:
        return
    assert names(source) == globals_by_the_compiler(table)
