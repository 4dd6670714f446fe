"""What a script's top level holds, read without running it: guards, functions, what is decorated.

The main guard is recognised in any of its spellings, wherever it stands at top level, also inside
``if``, ``try`` and ``with``. It runs in its place and under its own test, as in Python; knowing it
serves to skip it (when another entrypoint was asked for) and to catch the value of its call.
"""

from __future__ import annotations

import _ast as ast  # all of `ast` that is needed here; see `kohakuengine.engine.syntax`
from collections.abc import Collection, Iterator, Sequence

from kohakuengine.engine.source import Source
from kohakuengine.engine.syntax import children

__all__ = [
    "GuardCall",
    "Outline",
    "dotted",
    "guard_call",
    "is_guard",
    "nested_bodies",
    "outline",
    "path_key",
    "target_path",
]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_INERT = (
    ast.Import,
    ast.ImportFrom,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Pass,
    ast.Global,
    *_FUNCTIONS,
)
_EXITS = {"sys.exit", "exit", "quit"}
_RUNNERS = {"asyncio.run", "run"}


class Outline:
    """The top level of a script.

    Attributes:
        guards: The main guards' ``if`` statements, in order.
        decorated: Names of functions that carry this package's ``@entrypoint``, as far as can be
            told without running the script.
        functions: Names of the functions that it defines.
        used: Names that its top-level code reads (outside function bodies and guards): a ``main``
            that the script calls itself is no entrypoint.
        acts: Whether it has top-level statements that do something, guards aside.
        one_call: The call that the only guard consists of, where it is one.
    """

    __slots__ = ("acts", "decorated", "functions", "guards", "one_call", "used")

    def __init__(self, tree: ast.Module) -> None:
        self.guards: list[ast.If] = []
        self.functions: set[str] = set()
        self.decorated: list[str] = []
        self.used: set[str] = set()
        self.acts = False
        decorators = _Decorators()
        for statement in _statements(tree.body):
            self._note(statement, decorators)
        only = self.guards[0] if len(self.guards) == 1 else None
        self.one_call = guard_call(only, self.functions) if only else None

    def _note(self, statement: ast.stmt, decorators: _Decorators) -> None:
        if isinstance(statement, ast.If) and is_guard(statement.test):
            self.guards.append(statement)
            return
        decorators.note_import(statement)
        if isinstance(statement, _FUNCTIONS):
            self.functions.add(statement.name)
            if any(decorators.is_ours(node) for node in statement.decorator_list):
                self.decorated.append(statement.name)
        elif _acts(statement):
            self.acts = True
        self.used.update(_names_read(statement))


def outline(source: Source) -> Outline:
    """Read the top level of a script, once."""
    known = source.compiled.get(Outline)
    if not isinstance(known, Outline):
        known = Outline(source.tree)
        source.remember(Outline, known)
    return known


def nested_bodies(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks of a compound statement that still are top level: of ``if``, ``try``, ``with``."""
    match statement:
        case ast.If():
            return [statement.body, statement.orelse]
        case ast.Try() | ast.TryStar():
            handlers = [handler.body for handler in statement.handlers]
            return [statement.body, *handlers, statement.orelse, statement.finalbody]
        case ast.With() | ast.AsyncWith():
            return [statement.body]
    return []


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """All top-level statements, those inside compound ones after the one that holds them."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If) and is_guard(statement.test):
            continue
        for block in nested_bodies(statement):
            yield from _statements(block)


def _acts(statement: ast.stmt) -> bool:
    """Whether a statement does more than define names; blocks that it holds are judged apart."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)  # a docstring
    if isinstance(statement, (ast.If, ast.Try, ast.TryStar)):
        return False
    return not isinstance(statement, _INERT)


def _names_read(statement: ast.stmt) -> Iterator[str]:
    """Names that a top-level statement loads when it runs, function and class bodies aside."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        for child in children(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler)) and nested_bodies(statement):
                continue  # such a block's statements come by themselves
            if isinstance(node, _FUNCTIONS) and isinstance(child, ast.stmt):
                continue
            if not isinstance(child, ast.Lambda):
                pending.append(child)


def is_guard(test: ast.expr) -> bool:
    """Whether an ``if`` asks for ``__name__`` being ``"__main__"``, in any spelling."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return _is_main_pair(left, right)
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.In()], comparators=[right]):
            return any(_is_main(node) for node in getattr(right, "elts", []))
        case ast.BoolOp(op=ast.And(), values=values):
            return any(is_guard(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare() as inner):
            return isinstance(inner.ops[0], ast.NotEq) and _is_main_pair(
                inner.left, inner.comparators[0]
            )
        case ast.NamedExpr(value=value):
            return is_guard(value)
    return False


def _is_main_pair(left: ast.expr, right: ast.expr) -> bool:
    if _is_main(left):
        left, right = right, left
    return _is_dunder_name(left) and _is_main(right)


def _is_dunder_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__name__"


def _is_main(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == "__main__"


class GuardCall:
    """The one call that a guard consists of.

    Attributes:
        outer: The call whose value is the run's: ``main()``, or ``asyncio.run(main())``.
        inner: The call of the script's function: ``main()``.
    """

    __slots__ = ("inner", "outer")

    def __init__(self, outer: ast.Call, inner: ast.Call) -> None:
        self.outer = outer
        self.inner = inner


def guard_call(guard: ast.If, functions: Collection[str]) -> GuardCall | None:
    """The call of a guard that is one call of a function of the module, else None.

    ``main()``, ``asyncio.run(main())``, ``sys.exit(main())``, ``raise SystemExit(main())`` and
    their combinations are such a guard; two statements are not.

    Args:
        guard: The guard.
        functions: The functions that the script defines: a ``run`` of its own is not asyncio's.
    """
    if len(guard.body) != 1:
        return None
    match guard.body[0]:
        case ast.Expr(value=ast.Call() as call):
            if dotted(call.func) in _EXITS:
                return _peel(_only_argument(call), functions)
            return _peel(call, functions)
        case ast.Raise(exc=ast.Call(func=ast.Name(id="SystemExit")) as call):
            return _peel(_only_argument(call), functions)
    return None


def _peel(node: ast.expr | None, functions: Collection[str]) -> GuardCall | None:
    if not isinstance(node, ast.Call):
        return None
    is_runner = dotted(node.func) in _RUNNERS and dotted(node.func) not in functions
    if is_runner and isinstance(node.args[0] if node.args else None, ast.Call):
        inner = node.args[0]
        assert isinstance(inner, ast.Call)
        return GuardCall(node, inner) if isinstance(inner.func, ast.Name) else None
    return GuardCall(node, node) if isinstance(node.func, ast.Name) else None


def _only_argument(call: ast.Call) -> ast.expr | None:
    return call.args[0] if len(call.args) == 1 and not call.keywords else None


def dotted(node: ast.expr) -> str:
    """``a.b.c`` for a chain of names, else the empty string."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def target_path(target: ast.expr) -> str:
    """``cfg.lr`` for the targets ``cfg.lr`` and ``cfg["lr"]``; "" for what has no such path."""
    parts: list[str] = []
    while True:
        match target:
            case ast.Name(id=name):
                return ".".join([name, *reversed(parts)])
            case ast.Attribute(value=target, attr=part):
                parts.append(part)
            case ast.Subscript(value=target, slice=key) if path_key(key):
                parts.append(path_key(key))
            case _:
                return ""


def path_key(node: ast.expr | None) -> str:
    """The key of a dict that can be a part of a dotted path, else ""."""
    match node:
        case ast.Constant(value=str(key)) if _is_part(key):
            return key
    return ""


def _is_part(key: str) -> bool:
    """Whether a key is letters, digits, ``_`` and ``-``, of which neither digit nor ``-`` leads."""
    if not key or key[0].isdecimal() or key[0] == "-":
        return False
    return all(letter.isalnum() or letter in "_-" for letter in key)


class _Decorators:
    """Which names of a script stand for this package, and which for its ``entrypoint``."""

    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._functions: set[str] = set()

    def note_import(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name.split(".")[0] == "kohakuengine":
                    self._modules.add(alias.asname or "kohakuengine")
        elif isinstance(statement, ast.ImportFrom):
            if (statement.module or "").split(".")[0] != "kohakuengine":
                return
            for alias in statement.names:
                ours = alias.name in {"entrypoint", "*"}
                target = self._functions if ours else self._modules
                target.add("entrypoint" if alias.name == "*" else alias.asname or alias.name)

    def is_ours(self, decorator: ast.expr) -> bool:
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        name = dotted(decorator)
        root, _, last = name.rpartition(".")
        if name in self._functions:
            return True
        return last == "entrypoint" and root.split(".")[0] in self._modules
