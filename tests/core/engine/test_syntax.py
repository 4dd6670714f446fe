import ast

import pytest

from kohakuengine.engine.syntax import children, copy_location, fields, walk

SOURCE = """
def f(a, *, b: int = 1) -> list[int]:
    with open(a) as file, b:
        return [x for x in file if (y := x)]
x: int
match x:
    case {"k": 1, **rest}: pass
"""


@pytest.fixture
def tree():
    return ast.parse(SOURCE)


class TestIsAsInAst:
    def test_children(self, tree):
        for node in ast.walk(tree):
            assert list(children(node)) == list(ast.iter_child_nodes(node))

    def test_fields(self, tree):
        for node in ast.walk(tree):
            assert list(fields(node)) == list(ast.iter_fields(node))
        assert list(fields(ast.Name(id="x"))) == list(ast.iter_fields(ast.Name(id="x")))

    def test_walk_but_for_the_order(self, tree):
        found = list(walk(tree))
        assert len(found) == len(list(ast.walk(tree)))
        assert set(found) == set(ast.walk(tree))

    @pytest.mark.parametrize("source", ["Name('x')", "Pass()", "keyword('k', Pass())", "Load()"])
    def test_copy_location(self, tree, source):
        for node in ast.walk(tree):
            made, expected = (eval(source, vars(ast)) for _ in "ab")
            assert copy_location(made, node) is made
            assert _place(made) == _place(ast.copy_location(expected, node))


def _place(node):
    names = ("lineno", "col_offset", "end_lineno", "end_col_offset")
    return [getattr(node, name, None) for name in names]
