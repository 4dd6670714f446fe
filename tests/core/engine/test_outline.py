import ast

import pytest

from kohakuengine.engine.outline import (
    Outline,
    dotted,
    guard_call,
    is_guard,
    nested_bodies,
    outline,
    path_key,
    target_path,
)
from kohakuengine.engine.source import Source


def outlined(text):
    return Outline(ast.parse(text))


def expression(text):
    return ast.parse(text, mode="eval").body


def test_it_is_read_once():
    source = Source("s.py", b"def main(): pass")
    assert outline(source) is outline(source)


class TestGuards:
    @pytest.mark.parametrize(
        "test",
        [
            "__name__ == '__main__'",
            "'__main__' == __name__",
            "__name__ is '__main__'",
            "__name__ in ('__main__', '__mp_main__')",
            "__name__ in {'x', '__main__'}",
            "__name__ == '__main__' and not DEBUG",
            "DEBUG and __name__ == '__main__'",
            "not __name__ != '__main__'",
            "(is_main := __name__ == '__main__')",
        ],
    )
    def test_in_any_spelling(self, test):
        assert is_guard(expression(test))

    @pytest.mark.parametrize(
        "test",
        [
            "__name__ != '__main__'",
            "__name__ == 'main'",
            "name == '__main__'",
            "__name__ == '__main__' or DEBUG",
            "not __name__ == '__main__'",
            "not DEBUG",
            "__name__ in names",
            "__name__ == '__main__' == x",
            "main()",
            "(x := 1)",
        ],
    )
    def test_nothing_else(self, test):
        assert not is_guard(expression(test))

    @pytest.mark.parametrize(
        "block",
        [
            "if x:\n    {}",
            "if x: pass\nelse:\n    {}",
            "try:\n    {}\nfinally: pass",
            "try: pass\nexcept E:\n    {}",
            "try: pass\nexcept* E: pass\nelse:\n    {}",
            "with x:\n    {}",
        ],
    )
    def test_also_inside_blocks_of_the_top_level(self, block):
        assert len(outlined(block.format("if __name__ == '__main__': main()")).guards) == 1

    @pytest.mark.parametrize(
        "block", ["for x in y:\n    {}", "def f():\n    {}", "class C:\n    {}"]
    )
    def test_not_inside_others(self, block):
        assert outlined(block.format("if __name__ == '__main__': main()")).guards == []

    def test_what_they_hold_counts_for_nothing_else(self):
        shape = outlined("def main(): pass\nif __name__ == '__main__':\n    main()\n    print()")
        assert (shape.acts, shape.used) == (False, set())


class TestGuardCalls:
    def call(self, body, functions=()):
        found = guard_call(ast.parse(f"if __name__ == '__main__':\n    {body}").body[0], functions)
        return found and (ast.unparse(found.outer), ast.unparse(found.inner))

    @pytest.mark.parametrize(
        ("body", "outer", "inner"),
        [
            ("main()", "main()", "main()"),
            ("main(1, x=2)", "main(1, x=2)", "main(1, x=2)"),
            ("sys.exit(main())", "main()", "main()"),
            ("exit(main())", "main()", "main()"),
            ("quit(main())", "main()", "main()"),
            ("raise SystemExit(main())", "main()", "main()"),
            ("asyncio.run(main())", "asyncio.run(main())", "main()"),
            ("run(main())", "run(main())", "main()"),
            ("asyncio.run(main(), debug=True)", "asyncio.run(main(), debug=True)", "main()"),
            ("sys.exit(asyncio.run(main()))", "asyncio.run(main())", "main()"),
            ("raise SystemExit(asyncio.run(main()))", "asyncio.run(main())", "main()"),
            ("main(parse())", "main(parse())", "main(parse())"),
        ],
    )
    def test_one_call(self, body, outer, inner):
        assert self.call(body) == (outer, inner)

    @pytest.mark.parametrize(
        "body",
        [
            "main(); main()",
            "result = main()",
            "app.main()",
            "asyncio.run(app.main())",
            "sys.exit()",
            "sys.exit(1)",
            "sys.exit(main(), 2)",
            "raise SystemExit",
            "raise ValueError(main())",
            "raise SystemExit(1)",
            "await main()",
            "pass",
        ],
    )
    def test_anything_else_is_none(self, body):
        assert self.call(body) is None

    def test_a_run_of_the_scripts_own_is_not_asyncios(self):
        assert self.call("run(parse())", {"run"}) == ("run(parse())", "run(parse())")

    def test_asyncio_run_of_what_is_no_call_is_none(self):
        assert self.call("asyncio.run(task)") is None

    def test_an_outline_has_that_of_the_only_guard(self):
        guard = "if __name__ == '__main__': main()\n"
        assert outlined("x = 1").one_call is None
        assert outlined(guard).one_call is not None
        assert outlined(guard * 2).one_call is None


class TestDecorated:
    @pytest.mark.parametrize(
        ("head", "decorator"),
        [
            ("import kohakuengine", "kohakuengine.entrypoint"),
            ("import kohakuengine as kogine", "kogine.entrypoint"),
            ("import kohakuengine as kogine", "kogine.entrypoint()"),
            ("import kohakuengine as kogine", "kogine.entrypoint(name='x')"),
            ("import kohakuengine.engine", "kohakuengine.engine.entrypoint"),
            ("from kohakuengine import entrypoint", "entrypoint"),
            ("from kohakuengine import entrypoint as ep", "ep"),
            ("from kohakuengine.engine import entrypoint", "entrypoint"),
            ("from kohakuengine import engine", "engine.entrypoint"),
            ("from kohakuengine import *", "entrypoint"),
            ("if True:\n    import kohakuengine as k", "k.entrypoint"),
        ],
    )
    def test_with_ours_however_it_is_imported(self, head, decorator):
        for define in ("def", "async def"):
            shape = outlined(f"{head}\n@other\n@{decorator}\n{define} go(): pass")
            assert shape.decorated == ["go"]

    @pytest.mark.parametrize(
        ("head", "decorator"),
        [
            ("import click", "click.entrypoint"),
            ("from flask import entrypoint", "entrypoint"),
            ("from . import entrypoint", "entrypoint"),
            ("import kohakuengine as kogine", "kogine.other"),
            ("import kohakuengine as kogine", "kogine"),
            ("from kohakuengine import run", "entrypoint"),
            ("", "x[0].entrypoint"),
        ],
    )
    def test_with_anothers_is_not(self, head, decorator):
        assert outlined(f"{head}\n@{decorator}\ndef go(): pass").decorated == []


class TestActs:
    @pytest.mark.parametrize(
        "text",
        [
            "print()",
            "for x in y: pass",
            "while x: pass",
            "with x: pass",
            "assert x",
            "raise x",
            "del x",
            "match x:\n    case _: pass",
            "if x:\n    print()",
            "try: print()\nfinally: pass",
        ],
    )
    def test_statements_that_do_something(self, text):
        assert outlined(text).acts

    @pytest.mark.parametrize(
        "text",
        [
            "'''doc'''",
            "import x",
            "from x import y",
            "x = f()",
            "x: int = 1",
            "x += 1",
            "def f(): print()",
            "async def f(): print()",
            "class C: print()",
            "pass",
            "global x",
            "if x:\n    y = 1\nelse:\n    z = 1",
            "try: x = 1\nexcept E: x = 2",
        ],
    )
    def test_statements_that_only_define(self, text):
        assert not outlined(text).acts


class TestUsed:
    @pytest.mark.parametrize(
        "text",
        [
            "main()",
            "x = main()",
            "@main\ndef f(): pass",
            "def f(x=main): pass",
            "class C(main): pass",
            "class C:\n    x = main",
            "if main: pass",
            "if x:\n    main()",
            "if x:\n    if y:\n        main()",
            "for x in y:\n    main()",
            "with main() as x: pass",
            "try: main()\nfinally: pass",
        ],
    )
    def test_what_the_top_level_reads(self, text):
        assert "main" in outlined(text).used

    @pytest.mark.parametrize(
        "text",
        [
            "def f(): main()",
            "f = lambda: main()",
            "main = 1",
            "if x:\n    def f(): main()",
        ],
    )
    def test_not_what_only_functions_read(self, text):
        assert "main" not in outlined(text).used

    def test_functions_are_those_of_the_top_level(self):
        shape = outlined(
            "def a(): pass\nif x:\n    async def b(): pass\nclass C:\n    def c(): pass"
        )
        assert shape.functions == {"a", "b"}


def test_blocks_of_the_top_level():
    def count(text):
        return [len(body) for body in nested_bodies(ast.parse(text).body[0])]

    assert count("if x: a\nelse:\n    b; c") == [1, 2]
    assert count("try: a\nexcept X: b\nexcept Y: c\nelse: d; e\nfinally: f") == [1, 1, 1, 2, 1]
    assert count("with x: a; b") == [2]
    assert count("for x in y: a") == []


def test_dotted_names():
    assert dotted(expression("a")) == "a"
    assert dotted(expression("a.b.c")) == "a.b.c"
    assert dotted(expression("a().b")) == ""


def test_paths_of_targets():
    assert target_path(expression("cfg")) == "cfg"
    assert target_path(expression("cfg.model.lr")) == "cfg.model.lr"
    assert target_path(expression("cfg['model'].lr")) == "cfg.model.lr"
    assert target_path(expression("cfg['a-b']")) == "cfg.a-b"
    for text in ("cfg[0]", "cfg['a b']", "cfg['']", "cfg[x]", "f().x", "[a, b]"):
        assert target_path(expression(text)) == ""
    assert path_key(None) == ""
