"""Rewrites a script so that given values take effect where the script assigns them.

The rewritten script calls back into a `Hook` at the few places where something is to happen: where
an overridden name is assigned, where a main guard is entered, where the guard's call returns. The
hook is no name in the script's namespace: it is a constant of its code. The rewriter writes a
placeholder string there, and `Template.bind` puts the run's hook in its stead, so one compilation
serves every run that overrides the same names.

What is rewritten, and where:

- ``x = ...``, ``x: T = ...``, ``x: T``, ``x += ...``: at top level, also inside top-level ``if``,
  ``try`` and ``with``. Loops are left alone: there a name counts or accumulates.
- ``a, b = 1, 2``: the element, or, where the right side is no tuple of that length, the name right
  after the statement. The same goes for all else that binds a name: ``import``, ``def``, ``class``,
  ``with ... as``, ``:=``, ``from m import *``.
- ``Class.attr``: the assignment in the class's body, so that a dataclass's default follows.
- ``name.key``: the object, right after each statement that binds ``name``.

Untouched nodes keep their positions and new ones take those of what they replace, so tracebacks
show the file's own lines.
"""

from __future__ import annotations

import _ast as ast  # all of `ast` that is needed here; see `kohakuengine.engine.syntax`
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import CodeType

from kohakuengine.engine.outline import (
    GuardCall,
    dotted,
    guard_call,
    is_guard,
    nested_bodies,
    outline,
    target_path,
)
from kohakuengine.engine.source import Source, compile_tree
from kohakuengine.engine.syntax import copy_location, fields, walk

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    _Node = TypeVar("_Node", bound=ast.AST)

    class Hook(Protocol):
        """What rewritten code calls; `kohakuengine.engine.hook.RunHook` says what each does."""

        def value(self, key: str) -> object: ...
        def typed(self, key: str, hint: Callable[[], object]) -> object: ...
        def like(self, key: str, default: Callable[[], object]) -> object: ...
        def field(self, key: str, original: object) -> object: ...
        def mutable(self, value: object) -> object: ...
        def patched(self, name: str, bound: object) -> object: ...
        def star(self) -> None: ...
        def enter(self, one_call: bool) -> bool: ...  # noqa: FBT001 - rewritten code calls this
        def result(self, value: object) -> object: ...
        def call(self, function: object) -> object: ...


__all__ = ["Template", "rewrite"]

_PLACEHOLDER = "\0kohakuengine.hook"


class Template:
    """Code in which the hook's place is still held by a placeholder."""

    __slots__ = ("_children", "_code", "_places")

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._places = [i for i, const in enumerate(code.co_consts) if const == _PLACEHOLDER]
        inner = (
            (i, Template(const))
            for i, const in enumerate(code.co_consts)
            if isinstance(const, CodeType)
        )
        self._children = [(i, child) for i, child in inner if not child.is_plain]

    @property
    def is_plain(self) -> bool:
        """Whether the code calls no hook at all."""
        return not (self._places or self._children)

    def bind(self, hook: Hook) -> CodeType:
        """The code, calling `hook`."""
        if self.is_plain:
            return self._code
        constants = list(self._code.co_consts)
        for place in self._places:
            constants[place] = hook
        for place, child in self._children:
            constants[place] = child.bind(hook)
        return self._code.replace(co_consts=tuple(constants))


def rewrite(source: Source, keys: Iterable[str], *, with_arguments: bool) -> Template:
    """Compile `source` for runs that override `keys`.

    Args:
        source: The script.
        keys: The overridden names, dotted ones included.
        with_arguments: Whether the function that a main guard calls gets the hook's arguments
            instead of those that are written there.

    Raises:
        SyntaxError: What only the compiler notices, such as ``return`` outside a function.
    """
    names = frozenset(keys)
    key = (names, with_arguments)
    known = source.compiled.get(key)
    if not isinstance(known, Template):
        functions = outline(source).functions
        rewriter = _Rewriter(names, functions=functions, with_arguments=with_arguments)
        tree = ast.Module(body=rewriter.block(source.tree.body), type_ignores=[])
        known = Template(compile_tree(tree, source.filename))
        source.remember(key, known)
    return known


def _hook(method: str, at: ast.AST, *arguments: ast.expr) -> ast.Call:
    """The expression ``<hook>.method(*arguments)``, standing where `at` stands."""
    call = ast.Call(
        func=ast.Attribute(value=ast.Constant(_PLACEHOLDER), attr=method, ctx=ast.Load()),
        args=list(arguments),
        keywords=[],
    )
    for node in (call, call.func, call.func.value):  # type: ignore[attr-defined]  # made just above
        copy_location(node, at)
    for argument in arguments:
        if not hasattr(argument, "lineno"):
            copy_location(argument, at)
    return call


def _thunk(expression: ast.expr) -> ast.Lambda:
    arguments = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return copy_location(ast.Lambda(args=arguments, body=expression), expression)


def _with(node: _Node, **fields: object) -> _Node:
    """A copy of `node` with other fields; the original, which is shared, stays as it is."""
    kept = {name: getattr(node, name) for name in node._fields if hasattr(node, name)}
    return copy_location(type(node)(**{**kept, **fields}), node)


def _assign(target: ast.expr, value: ast.expr) -> ast.Assign:
    return copy_location(ast.Assign(targets=[target], value=value), value)


def _name(name: str, at: ast.AST, context: ast.expr_context) -> ast.Name:
    return copy_location(ast.Name(id=name, ctx=context), at)


class _Rewriter:
    """Rewrites one block of top-level statements, or the body of a class.

    Args:
        names: What is overridden here: names, and dotted paths that begin at a name.
        prefix: What stands before them in the run's overrides: "" or "Class.".
        functions: The functions that the script defines, as far as main guards may call them.
        with_arguments: See `rewrite`.
        dataclass: Whether the block is the body of a dataclass.
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        prefix: str = "",
        functions: Collection[str] = (),
        with_arguments: bool = False,
        dataclass: bool = False,
    ) -> None:
        self._names = frozenset(names)
        self._bases = frozenset(name.partition(".")[0] for name in self._names if "." in name)
        self._prefix = prefix
        self._functions = functions
        self._with_arguments = with_arguments
        self._dataclass = dataclass

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [new for old in statements for new in self._statement(old)]

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.If) and not self._prefix and is_guard(statement.test):
            return [self._guard(statement)]
        if not self._names:
            return [self._compound(statement)] if nested_bodies(statement) else [statement]
        if not isinstance(statement, ast.While):  # its test would never change
            statement = self._inline(statement)
        match statement:
            case ast.Assign():
                return [*self._assignment(statement), *self._patches(_bound(statement), statement)]
            case ast.AnnAssign(simple=1, target=ast.Name(id=name)) if name in self._names:
                value = self._given(name, statement.value, statement, statement.annotation)
                return [_with(statement, value=value), *self._patches([name], statement)]
            case ast.AugAssign(target=target) if (key := target_path(target)) in self._names:
                return [_assign(target, self._given(key, None, statement))]
            case ast.If() | ast.Try() | ast.TryStar() | ast.With() | ast.AsyncWith():
                return [self._compound(statement)]
            case ast.ClassDef():
                return [self._class(statement), *self._after(statement)]
        return [statement, *self._after(statement)]

    # -- guards ----------------------------------------------------------------------------------

    def _guard(self, guard: ast.If) -> ast.If:
        """The guard inside ``if <hook>.enter():``, with the value of its one call handed over."""
        call = guard_call(guard, self._functions)
        body = [self._captured(guard, call)] if call else self.block(guard.body)
        inner = _with(guard, body=body, orelse=self.block(guard.orelse))
        test = _hook("enter", guard.test, ast.Constant(call is not None))
        return copy_location(ast.If(test=test, body=[inner], orelse=[]), guard)

    def _captured(self, guard: ast.If, call: GuardCall) -> ast.stmt:
        inner = self._with_given_arguments(call.inner) if self._with_arguments else call.inner
        outer = inner
        if call.outer is not call.inner:
            outer = _with(call.outer, args=[inner, *call.outer.args[1:]])
        return _replaced(guard.body[0], call.outer, _hook("result", call.outer, outer))

    def _with_given_arguments(self, call: ast.Call) -> ast.Call:
        """``f(...)`` as ``<hook>.call(f)(*<hook>.args, **<hook>.kwargs)``."""
        at = call.func
        attributes = []
        for name in ("args", "kwargs"):
            place = copy_location(ast.Constant(_PLACEHOLDER), at)
            node = ast.Attribute(value=place, attr=name, ctx=ast.Load())
            attributes.append(copy_location(node, at))
        starred = copy_location(ast.Starred(value=attributes[0], ctx=ast.Load()), at)
        keyword = copy_location(ast.keyword(arg=None, value=attributes[1]), at)
        return _with(call, func=_hook("call", at, at), args=[starred], keywords=[keyword])

    # -- assignments -----------------------------------------------------------------------------

    def _given(
        self,
        name: str,
        original: ast.expr | None,
        at: ast.AST,
        annotation: ast.expr | None = None,
    ) -> ast.expr:
        """The expression for the given value, with what tells its type where the text needs one."""
        key = ast.Constant(self._prefix + name)
        if self._prefix and _is_field(original):
            assert original is not None
            return _hook("field", at, key, original)
        if annotation is not None:
            value = _hook("typed", at, key, _thunk(annotation))
        elif original is not None and dotted(original):
            value = _hook("like", at, key, _thunk(original))
        else:
            value = _hook("value", at, key)
        return _hook("mutable", at, value) if self._dataclass else value

    def _assignment(self, statement: ast.Assign) -> Iterator[ast.stmt]:
        """The assignment to what is not overridden, then one for each name that is."""
        value = statement.value
        given = [target for target in statement.targets if target_path(target) in self._names]
        others = [target for target in statement.targets if target_path(target) not in self._names]
        if len(others) == 1:
            value = self._elements(others[0], value)
        if others:
            yield _with(statement, targets=others, value=value)
        for target in given:
            yield _assign(target, self._given(target_path(target), statement.value, statement))
        for target in others:
            if not isinstance(target, ast.Name) and value is statement.value:
                yield from self._rebound(_stored(target), statement)

    def _elements(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """``a, b = 1, 2`` with the elements of overridden names replaced, where they pair up."""
        if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(
            value, (ast.Tuple, ast.List)
        ):
            return value
        pairs = list(zip(target.elts, value.elts, strict=False))
        simple = len(target.elts) == len(value.elts) and not any(
            isinstance(node, ast.Starred) or isinstance(name, (ast.Starred, ast.Tuple, ast.List))
            for name, node in pairs
        )
        if not simple or not any(target_path(name) in self._names for name, _ in pairs):
            return value
        elements = [
            self._given(target_path(name), node, node) if target_path(name) in self._names else node
            for name, node in pairs
        ]
        return _with(value, elts=elements)

    def _inline(self, statement: ast.stmt) -> ast.stmt:
        """The statement with ``(x := ...)`` of overridden names replaced, blocks left alone."""
        for field, node in fields(statement):
            if isinstance(node, ast.expr) and any(
                isinstance(inner, ast.NamedExpr) and inner.target.id in self._names
                for inner in walk(node)
            ):
                from kohakuengine.engine.walrus import replaced  # needs `ast`

                value = replaced(node, self._names, lambda name, at: self._given(name, None, at))
                statement = _with(statement, **{field: value})
        return statement

    # -- other statements ------------------------------------------------------------------------

    def _compound(self, statement: ast.stmt) -> ast.stmt:
        match statement:
            case ast.If():
                body, orelse = self.block(statement.body), self.block(statement.orelse)
                return _with(statement, body=body, orelse=orelse)
            case ast.Try() | ast.TryStar():
                return _with(
                    statement,
                    body=self.block(statement.body),
                    handlers=[_with(h, body=self.block(h.body)) for h in statement.handlers],
                    orelse=self.block(statement.orelse),
                    finalbody=self.block(statement.finalbody),
                )
        assert isinstance(statement, (ast.With, ast.AsyncWith))
        return _with(statement, body=[*self._after(statement), *self.block(statement.body)])

    def _class(self, statement: ast.ClassDef) -> ast.ClassDef:
        start = statement.name + "."
        inner = [name.removeprefix(start) for name in self._names if name.startswith(start)]
        if not inner:
            return statement
        decorators = [
            node.func if isinstance(node, ast.Call) else node for node in statement.decorator_list
        ]
        rewriter = _Rewriter(
            inner,
            prefix=self._prefix + start,
            dataclass=any(dotted(n).rpartition(".")[2] == "dataclass" for n in decorators),
        )
        return _with(statement, body=rewriter.block(statement.body))

    def _after(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """What follows a statement that binds names in another way than by assignment."""
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            yield copy_location(ast.Expr(_hook("star", statement)), statement)
            return
        bound = _bound(statement)
        yield from self._rebound(bound, statement)
        yield from self._patches(bound, statement)

    def _rebound(self, bound: Iterable[str], at: ast.stmt) -> Iterator[ast.stmt]:
        for name in bound:
            if name in self._names:
                yield _assign(_name(name, at, ast.Store()), self._given(name, None, at))

    def _patches(self, bound: Iterable[str], at: ast.stmt) -> Iterator[ast.stmt]:
        for name in bound:
            if name in self._bases:
                key = ast.Constant(self._prefix + name)
                value = _hook("patched", at, key, _name(name, at, ast.Load()))
                yield _assign(_name(name, at, ast.Store()), value)


def _is_field(value: ast.expr | None) -> bool:
    """Whether a class attribute is declared by a call such as ``field(default=...)``."""
    if not isinstance(value, ast.Call):
        return False
    return dotted(value.func).rpartition(".")[2] in {"field", "Field"}


def _stored(target: ast.expr) -> list[str]:
    """The names that an assignment to `target` binds or changes, each once."""
    match target:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return list(dict.fromkeys(name for element in elements for name in _stored(element)))
        case ast.Starred(value=value):
            return _stored(value)
    return [path.partition(".")[0]] if (path := target_path(target)) else []


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement binds, the blocks that it holds not counted."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        case ast.Assign(targets=targets):
            return list(dict.fromkeys(name for target in targets for name in _stored(target)))
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return _stored(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [n for i in items if i.optional_vars for n in _stored(i.optional_vars)]
    return []


def _replaced(statement: ast.stmt, old: ast.expr, new: ast.expr) -> ast.stmt:
    """`statement` with the expression `old`, which it holds at any depth of calls, replaced."""

    def within(node: ast.expr) -> ast.expr:
        if node is old:
            return new
        assert isinstance(node, ast.Call)
        return _with(node, args=[within(node.args[0]), *node.args[1:]])

    if isinstance(statement, ast.Raise):
        assert statement.exc is not None
        return _with(statement, exc=within(statement.exc))
    assert isinstance(statement, ast.Expr)
    return _with(statement, value=within(statement.value))
