"""Which expressions have a value that their source alone tells."""

import ast
import math
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.engine.constants import NotConstant, fold

IMPORTS = {
    "Path": "pathlib.Path",
    "P": "pathlib.Path",
    "pathlib": "pathlib",
    "float": "",
    "np": "numpy",
}


def folded(source, imports=IMPORTS):
    return fold(ast.parse(source, mode="eval").body, imports)


numbers = st.integers(-1000, 1000) | st.floats(-100, 100)
expressions = st.recursive(
    numbers.map(repr) | st.booleans().map(repr) | st.text("ab", max_size=3).map(repr),
    lambda inner: (
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<<", "|"]), inner
        ).map(lambda parts: f"({' '.join(parts)})")
        | st.tuples(st.sampled_from(["-", "+", "~", "not "]), inner).map(
            lambda p: f"({''.join(p)})"
        )
        | st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    ),
    max_leaves=6,
)


@given(expressions)
def test_a_folded_value_is_what_python_computes(source):
    try:
        value = folded(source)
    except NotConstant:
        return
    assert repr(value) == repr(eval(source))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1e-3 * 2", 0.002),
        ("2 ** 10", 1024),
        ("60 * 60", 3600),
        ("1 << 20", 1 << 20),
        ("-1", -1),
        ("not True", False),
        ("'a' + 'b'", "ab"),
        ("'-' * 3", "---"),
        ("2 * [0]", [0, 0]),
        ("(1,) + (2,)", (1, 2)),
        ("{'a': [1, {2}]}", {"a": [1, {2}]}),
        ("None", None),
        ("int('3')", 3),
        ("dict(a=1)", {"a": 1}),
        ("set()", set()),
        ("Path('a') / 'b'", pathlib.Path("a/b")),
        ("P('a', 'b')", pathlib.Path("a/b")),
        ("pathlib.PurePosixPath('a')", pathlib.PurePosixPath("a")),
    ],
)
def test_constant_expressions_have_their_value(source, value):
    assert folded(source) == value
    assert type(folded(source)) is type(value)


def test_infinity_is_known_unless_float_means_something_else():
    assert folded("float('inf')", {}) == math.inf
    with pytest.raises(NotConstant):
        folded("float('inf')")


@pytest.mark.parametrize(
    "source",
    [
        "x",
        "f(1)",
        "Mode.SLOW",
        "...",
        "[*x]",
        "[x]",
        "{**x}",
        "{[]: 1}",
        "int('x')",
        "int(**{})",
        "int(x)",
        "list(*x)",
        "1 / 0",
        "1 + 'a'",
        "'a' - 'b'",
        "'%d' % 3",
        "1.5 * 'a'",
        "2 ** 100_000",
        "1 << 100_000",
        "2 ** 4000 * 2 ** 4000",
        "10.0 ** 1000",
        "'a' * 100_000",
        "[0] * 100_000",
        "lambda: 1",
        "np.inf",
        "np.array([1])",
        "a.b.Path('x')",
        "f()()",
        "'a' @ 'b'",
        "1 @ 2",
    ],
    ids=lambda source: source[:20],
)
def test_all_else_is_for_a_run_to_tell(source):
    with pytest.raises(NotConstant):
        folded(source)


def test_what_nests_deeper_than_the_stack_is_for_a_run_to_tell():
    node = ast.Constant(1)
    for _ in range(5000):
        node = ast.UnaryOp(ast.USub(), node)
    with pytest.raises(NotConstant):
        fold(node, {})
