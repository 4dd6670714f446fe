"""The rewriter against Python itself, and against an editor of assignments that is nothing else."""

import ast
import contextlib
import io
import re
import traceback
from importlib.util import find_spec
from types import CodeType, FunctionType

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kohakuengine.config.base import Config
from kohakuengine.engine.executor import run_script
from kohakuengine.engine.rewrite import rewrite
from kohakuengine.engine.script import Script
from kohakuengine.engine.source import Source

# -- programs --------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]

HEADER = """\
from contextlib import nullcontext
def show(*values):
    print(*values)
    return values[0]
def pair():
    return 7, 8
def triple():
    return [4, 5, 6]
a, b = 1, 2
"""
OFFSET = HEADER.count("\n")

names = st.sampled_from(NAMES)
# Without effects: whether they are evaluated at all cannot be told.
plain = st.one_of(names, st.integers(0, 9).map(str))


def _joined(form, *parts):
    return st.tuples(*parts).map(lambda values: form.format(*values))


expressions = st.recursive(
    st.one_of(plain, st.sampled_from(["'s'", "None", "[1, 2]", "pair()", "triple()"])),
    lambda inner: st.one_of(
        _joined("({} + {})", inner, inner),
        _joined("show({})", inner),
        _joined("({} if {} else {})", inner, inner, inner),
        _joined("[{}, {}]", inner, inner),
        _joined("(lambda {}: {})({})", names, inner, inner),
        _joined("[{} for {} in range(2)]", inner, names),
        _joined("len(f'{{{}}}')", plain),
        _joined("({} := {})", names, inner),
    ),
    max_leaves=4,
)


def _lines(form, *parts):
    return _joined(form, *parts).map(lambda text: text.split("\n"))


simple_statements = st.one_of(
    _lines("{} = {}", names, expressions),
    _lines("{} = {}", names, expressions),
    _lines("{}: int = {}", names, expressions),
    _lines("{}: 'int'", names),
    _lines("{} += {}", names, expressions),
    _lines("{}, {} = {}, {}", names, names, expressions, expressions),
    _lines("[{}, {}] = [{}, {}]", names, names, expressions, expressions),
    _lines("{}, {} = pair()", names, names),
    _lines("{}, {} = {}", names, names, expressions),
    _lines("{}, *{} = triple()", names, names),
    _lines("{}, ({}, {}) = {}, pair()", names, names, names, plain),
    _lines("{} = {} = {}", names, names, expressions),
    _lines("{} = {}, {} = pair()", names, names, names),
    _lines("print({}, {})", expressions, names),
    _lines("{}", expressions),
    _lines("del {}", names),
    _lines("import math as {}", names),
    _lines("from math import tau as {}", names),
    _lines("def {}({}={}):\n    return {}", names, names, expressions, expressions),
    _lines("def set_it():\n    global {}\n    {} = {}\nset_it()", names, names, expressions),
    _lines("class K:\n    {} = {}\n    {} = {}", names, expressions, names, expressions),
    _lines("assert {}, 'failed'", expressions),
)


def _indented(block):
    return ["    " + line for line in block]


def _compound(blocks):
    """Compound statements around blocks of statements."""
    return st.one_of(
        st.builds(
            lambda test, body, other: [f"if {test}:", *_indented(body), "else:", *_indented(other)],
            expressions,
            blocks,
            blocks,
        ),
        st.builds(
            lambda body, handler, last: [
                *("try:", *_indented(body)),
                *("except Exception as error:", *_indented(handler)),
                *("finally:", *_indented(last)),
            ],
            blocks,
            blocks,
            blocks,
        ),
        st.builds(
            lambda value, name, body: [f"with nullcontext({value}) as {name}:", *_indented(body)],
            expressions,
            names,
            blocks,
        ),
        st.builds(
            lambda name, count, body: [f"for {name} in range({count}):", *_indented(body)],
            names,
            st.integers(0, 2),
            blocks,
        ),
    )


def _sequences(statements, least=1):
    lists = st.lists(statements, min_size=least, max_size=3)
    return lists.map(lambda found: [line for statement in found for line in statement])


statements = st.recursive(
    simple_statements, lambda inner: _compound(_sequences(inner)), max_leaves=6
)
guards = st.one_of(
    st.just([]),
    _sequences(statements).map(lambda block: ["if __name__ == '__main__':", *_indented(block)]),
    st.just(["if __name__ == '__main__':", "    show(a)"]),
)


def compiles(program):
    """Not all that is put together is Python: a comprehension's variable takes no ``:=``, say."""
    try:
        compile(program, "program.py", "exec")
    except SyntaxError:
        return False
    return True


programs = st.builds(
    lambda body, guard: "\n".join([HEADER, *body, "print('body done')", *guard, ""]),
    _sequences(statements, least=2),
    guards,
).filter(compiles)
values = st.one_of(st.integers(50, 60), st.just("given"), st.just((50, 60)), st.none())
overrides = st.dictionaries(names, values, min_size=1, max_size=2)


# -- the two ways to run one -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("programs") / "program.py"


def by_engine(file, given_values):
    """What a run of the script in `file` prints, how it ends, and which names it leaves."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        config = Config(dict(given_values)) if given_values else None
        outcome = run_script(Script(file), config)
    output = without_addresses(printed.getvalue())
    return output, described(outcome.error, file), left(vars(outcome.module))


def by_python(tree, file):
    """The same of a tree, executed as it is."""
    namespace = {"__name__": "__main__", "__annotations__": {}}
    error = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(tree, str(file), "exec"), namespace)
        except Exception as raised:
            error = raised
    return without_addresses(printed.getvalue()), described(error, file), left(namespace)


def without_addresses(text):
    return re.sub(" at 0x[0-9a-f]+", "", text)


def described(error, file):
    """An error, with the lines of the script that it came through."""
    if error is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    lines = [(frame.name, frame.lineno) for frame in frames if frame.filename == str(file)]
    context = described(error.__context__, file)
    return type(error), without_addresses(str(error)), lines, context


def left(namespace):
    """The names of a namespace; what two runs cannot share by what can be compared of it."""
    annotations = namespace.get("__annotations__")
    found = {name: value for name, value in namespace.items() if not name.startswith("__")}
    return {name: comparable(value) for name, value in found.items()}, annotations


def comparable(value):
    if isinstance(value, FunctionType):
        return value.__code__.co_firstlineno, without_addresses(repr(value.__defaults__))
    if isinstance(value, type) and value.__module__ == "__main__":
        return value.__name__, left(vars(value))
    return without_addresses(repr(value))


class Editor:
    """Edits the top-level assignments of a program, as one would by hand, and nothing else."""

    def __init__(self, given_values):
        self.given = given_values

    def edited(self, tree):
        body = self.block(tree.body)
        if not any(isinstance(node, ast.If) and self.is_guard(node) for node in tree.body):
            body += self.assignments(self.given, tree.body[-1])
        return ast.fix_missing_locations(ast.Module(body, []))

    def block(self, statements):
        return [new for old in statements for new in self.statement(old)]

    def assignments(self, found, at):
        """``name = value`` for those of the names that are given, on the line of `at`."""
        for name in dict.fromkeys(found):
            if name in self.given:
                new = ast.parse(f"{name} = {self.given[name]!r}").body[0]
                for node in ast.walk(new):
                    if hasattr(node, "lineno"):
                        ast.copy_location(node, at)
                yield new

    def value(self, name, at):
        return ast.copy_location(ast.Constant(self.given[name]), at)

    def is_guard(self, node):
        return ast.unparse(node.test) == "__name__ == '__main__'"

    def statement(self, node):
        self.walruses(node)
        match node:
            case ast.If() if self.is_guard(node):
                node.body = self.block(node.body)
                return [*self.assignments(self.given, node), node]
            case ast.If():
                node.body, node.orelse = self.block(node.body), self.block(node.orelse)
            case ast.Try():
                node.body, node.finalbody = self.block(node.body), self.block(node.finalbody)
                for handler in node.handlers:
                    handler.body = self.block(handler.body)
            case ast.With(items=[item]):
                bound = [item.optional_vars.id]
                node.body = [*self.assignments(bound, node), *self.block(node.body)]
            case ast.AnnAssign(target=ast.Name(id=name)) if name in self.given:
                node.value = self.value(name, node)
            case ast.AugAssign(target=ast.Name(id=name)) if name in self.given:
                return list(self.assignments([name], node))
            case ast.Assign():
                return self.assign(node)
            case ast.Import() | ast.ImportFrom():
                return [node, *self.assignments([node.names[0].asname], node)]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                return [node, *self.assignments([name], node)]
        return [node]

    def assign(self, node):
        """Targets of their own come last, with their values; tuples are filled in where they can."""
        own = [t.id for t in node.targets if isinstance(t, ast.Name) and t.id in self.given]
        node.targets = [t for t in node.targets if not (isinstance(t, ast.Name) and t.id in own)]
        after = list(self.assignments(own, node))
        if not node.targets:
            return after
        if len(node.targets) == 1 and self.fill_in(node.targets[0], node.value):
            return [node, *after]
        stored = [
            name.id
            for target in node.targets
            if not isinstance(target, ast.Name)
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        ]
        return [node, *after, *self.assignments(stored, node)]

    def fill_in(self, target, value):
        """``a, b = 1, 2`` with the values in their places; whether the two sides pair up so."""
        sides = (ast.Tuple, ast.List)
        if not (isinstance(target, sides) and isinstance(value, sides)):
            return False
        if len(target.elts) != len(value.elts):
            return False
        if not all(isinstance(name, ast.Name) for name in target.elts):
            return False
        for place, name in enumerate(target.elts):
            if name.id in self.given:
                value.elts[place] = self.value(name.id, value.elts[place])
        return True

    def walruses(self, node):
        """``(a := 1)`` in the statement itself; functions and comprehensions keep theirs."""
        pending = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        while pending:
            found = pending.pop()
            if isinstance(found, (ast.Lambda, ast.ListComp)):
                continue
            if isinstance(found, ast.NamedExpr) and found.target.id in self.given:
                found.value = self.value(found.target.id, found.value)
            pending += ast.iter_child_nodes(found)


# -- the properties --------------------------------------------------------------------------------

quick = settings(max_examples=200, deadline=None)


@quick
@given(program=programs)
def test_without_overrides_a_program_does_what_it_did(file, program):
    file.write_text(program)

    assert by_engine(file, {}) == by_python(ast.parse(program), file)


@quick
@given(program=programs, given_values=overrides)
@example(program=HEADER + "a = b = show(3)\nprint(a, b)\n", given_values={"a": 50})
@example(program=HEADER + "print((a := show(3)), a)\n", given_values={"a": None})
@example(program=HEADER + "for a in range(2):\n    print(a)\nprint(a)\n", given_values={"a": 50})
def test_with_overrides_a_program_does_what_its_edited_text_does(file, program, given_values):
    file.write_text(program)

    edited = Editor(given_values).edited(ast.parse(program))

    assert by_engine(file, given_values) == by_python(edited, file)


CLASS = """\
class K:
    {} = {}
    {} = {}
print(sorted(vars(K).keys() & set("abcd")))
"""


@quick
@given(assigned=st.permutations(NAMES), sides=st.tuples(expressions, expressions), value=values)
def test_attributes_of_a_class_are_edited_in_its_body(file, assigned, sides, value):
    name, other = assigned[:2]
    program = HEADER + CLASS.format(name, sides[0], other, sides[1])
    assume(compiles(program))
    file.write_text(program)

    edited = ast.parse(program)
    body = next(node for node in edited.body if isinstance(node, ast.ClassDef))
    body.body = Editor({name: value}).block(body.body)

    assert by_engine(file, {f"K.{name}": value}) == by_python(edited, file)


MODULES = [
    *("argparse", "ast", "asyncio.tasks", "bdb", "collections", "concurrent.futures._base"),
    *("contextlib", "copy", "csv", "dataclasses", "email.message", "enum", "fractions"),
    *("functools", "heapq", "html.parser", "http.client", "ipaddress", "json.decoder", "logging"),
    *("multiprocessing.pool", "numbers", "operator", "optparse", "pathlib", "pickle", "re"),
    *("selectors", "shutil", "socket", "ssl", "statistics", "string", "subprocess", "tempfile"),
    *("threading", "traceback", "types", "typing", "unittest.mock", "uuid", "warnings", "weakref"),
    *("xml.dom.minidom", "zipfile"),
]


@pytest.mark.parametrize("name", MODULES)
def test_code_in_which_nothing_is_to_change_is_the_same_to_the_last_byte(name):
    path = find_spec(name).origin
    with open(path, "rb") as file:
        data = file.read()
    # Guards do change, and a star import may bring any name.
    data = data.replace(b"__name__ ==", b"__name__ !=").replace(b" import *", b" import _")
    source = Source(path, data)
    original = compile(data, path, "exec", dont_inherit=True)

    for keys in ((), ("no_such_name",), ("NoSuchClass.attribute",)):
        code = rewrite(source, keys, with_arguments=False).bind(None)
        assert parts(code) == parts(original)


def parts(code):
    """All that makes up a code object, for comparing: ``==`` of code leaves out its lines."""
    attributes = sorted(
        name for name in dir(code) if name.startswith("co_") and name != "co_lnotab"
    )
    values = {name: getattr(code, name) for name in attributes}
    values["co_consts"] = [parts(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    values["co_lines"], values["co_positions"] = list(code.co_lines()), list(code.co_positions())
    return {name: value for name, value in values.items() if not callable(value)}
