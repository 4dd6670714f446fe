"""Which names a script has at its top level: those that it binds, and those that it reads."""

from __future__ import annotations

import ast
from collections.abc import Sequence

__all__ = ["script_names"]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def script_names(tree: ast.Module) -> tuple[frozenset[str], bool]:
    """The global names of a script, and whether it has a star import, which may bind any other.

    Global is what its top level binds in any way, what a function declares ``global``, and what is
    read anywhere without being local there: a function's own variables and parameters are not.
    """
    walk = _Walk(tree)
    names = set(walk.module.bound)
    for scope in walk.scopes:
        names |= scope.declared_global | scope.reads_from_module()
    return frozenset(names), walk.has_star_import


class _Scope:
    """The names of a module, a function, a class body or a comprehension."""

    __slots__ = ("bound", "declared_global", "declared_nonlocal", "node", "parent", "read")

    def __init__(self, node: ast.AST, parent: _Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.bound: set[str] = set()
        self.read: set[str] = set()
        self.declared_global: set[str] = set()
        self.declared_nonlocal: set[str] = set()

    def reads_from_module(self) -> set[str]:
        """What is read here, and bound neither here nor in a function around it."""
        names = self.read - self.declared_global
        scope = self
        while scope.parent is not None:
            # A class body hides nothing from the functions in it.
            if scope is self or not isinstance(scope.node, ast.ClassDef):
                names -= scope.bound - scope.declared_global - scope.declared_nonlocal
            scope = scope.parent
        return names

    def for_walrus(self) -> _Scope:
        """Where ``:=`` binds: a comprehension leaves that to what it stands in."""
        scope = self
        while scope.parent is not None and isinstance(scope.node, _COMPREHENSIONS):
            scope = scope.parent
        return scope


class _Walk:
    """One pass over a tree, without recursion: generated code may nest deeper than the stack."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = _Scope(tree, None)
        self.scopes = [self.module]
        self.has_star_import = False
        self._pending: list[tuple[ast.AST, _Scope]] = [(tree, self.module)]
        while self._pending:
            self._visit(*self._pending.pop())

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        self._note(node, scope)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                inner = self._opened(node, scope)
                self._arguments(node.args, inner)
                body = [node.body] if isinstance(node, ast.Lambda) else node.body
                self._enter(node, body, scope, inner)
            case ast.ClassDef(body=body):
                self._enter(node, body, scope, self._opened(node, scope))
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                children = list(ast.iter_child_nodes(node))
                self._enter(node, children, scope, self._opened(node, scope))
                self._pending.append((node.generators[0].iter, scope))  # evaluated outside
            case _:
                self._pending += [(child, scope) for child in ast.iter_child_nodes(node)]

    def _opened(self, node: ast.AST, parent: _Scope) -> _Scope:
        self.scopes.append(_Scope(node, parent))
        return self.scopes[-1]

    def _arguments(self, arguments: ast.arguments, inner: _Scope) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
        inner.bound.update(arg.arg for arg in every)

    def _enter(self, node: ast.AST, body: Sequence[ast.AST], outer: _Scope, inner: _Scope) -> None:
        """Decorators, defaults, annotations and bases belong to what surrounds a definition."""
        self._pending += [(child, inner) for child in body]
        inside = set(map(id, body))
        around = [child for child in ast.iter_child_nodes(node) if id(child) not in inside]
        self._pending += [(child, outer) for child in around]

    def _note(self, node: ast.AST, scope: _Scope) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                scope.read.add(name)
            case ast.Name(id=name):
                scope.bound.add(name)
            case ast.NamedExpr(target=ast.Name(id=name)):
                scope.for_walrus().bound.add(name)
            case ast.Global(names=names):
                scope.declared_global.update(names)
            case ast.Nonlocal(names=names):
                scope.declared_nonlocal.update(names)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    self._import(alias, scope)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                scope.bound.add(name)
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                scope.bound.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                scope.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                scope.bound.add(name)

    def _import(self, alias: ast.alias, scope: _Scope) -> None:
        if alias.name == "*":
            self.has_star_import = True
        else:
            scope.bound.add(alias.asname or alias.name.partition(".")[0])
