"""A script's parameters, read from its syntax tree: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from kohakuengine.config.coercion import type_name
from kohakuengine.config.parameter import Parameter
from kohakuengine.engine.constants import NotConstant, fold, qualified
from kohakuengine.engine.outline import dotted, nested_bodies, path_key, target_path

__all__ = ["parameters_of"]

# Sources of defaults end up in one line of a table or of a message; bigger ones are cut.
_MAX_SOURCE = 60
_MAX_NODES = 40

# Parts of parts of parts: deeper ones can be set, but are not listed.
_MAX_DEPTH = 8

# Calls whose keywords become attributes, or keys, of what they return.
_KEYWORDED = frozenset({"argparse.Namespace", "dict", "types.SimpleNamespace"})

_DISPLAYS: dict[type[ast.expr], tuple[str, str]] = {
    ast.Dict: ("dict", "{...}"),
    ast.DictComp: ("dict", "{...}"),
    ast.JoinedStr: ("str", "f'...'"),
    ast.List: ("list", "[...]"),
    ast.ListComp: ("list", "[...]"),
    ast.Set: ("set", "{...}"),
    ast.SetComp: ("set", "{...}"),
    ast.Tuple: ("tuple", "(...)"),
}
_BUILTINS = frozenset(
    {"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)


class _Binding(NamedTuple):
    """One assignment to one name, or to one part of an object."""

    path: str
    value: ast.expr | None
    annotation: ast.expr | None
    line: int


def parameters_of(tree: ast.Module, *, lines: range | None = None) -> list[Parameter]:
    """What a script assigns at its top level, in the order of the first assignments.

    The blocks of ``if``, ``try``, ``with``, ``match`` and loops belong to the top level. Names that
    begin with an underscore are left out. A name that is assigned several times has the first
    default and the first annotation that are written. The parts of dicts, classes and instances of
    the script's classes are parameters with dotted names; a class itself is none.

    Args:
        tree: The script.
        lines: Only what is assigned in these lines, counted from 1.
    """
    reader = _Reader(tree)
    for statement in _statements(tree.body):
        if lines is None or statement.lineno in lines:
            reader.read(statement)
    return list(reader.found.values())


class _Reader:
    """Reads statement by statement; the script's imports and classes are known to it before."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: dict[str, Parameter] = {}
        self._imports: dict[str, str] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._unfolding: list[str] = []
        for statement in _statements(tree.body):
            self._imports.update(_meanings(statement))
            if isinstance(statement, ast.ClassDef):
                self._classes[statement.name] = statement

    def read(self, statement: ast.stmt) -> None:
        for walrus in _walruses(statement):
            self._note(_Binding(walrus.target.id, walrus.value, None, walrus.lineno))
        for binding in _bindings(statement):
            # `plt.rcParams["font.size"] = 9` is no parameter: the script made no `plt`.
            if "." not in binding.path or binding.path.partition(".")[0] in self.found:
                self._note(binding)
        if isinstance(statement, ast.ClassDef):
            for member in self._members(statement, f"{statement.name}."):
                self._note(member)

    def _note(self, binding: _Binding) -> None:
        path, value = binding.path, binding.value
        if path.startswith("_") or "._" in path or path.count(".") >= _MAX_DEPTH:
            return
        old = self.found.get(path)
        new = self._parameter(binding)
        self.found[path] = new if old is None else _merged(old, new)
        if value is not None:
            for part in self._parts(path, value):
                self._note(part)

    def _parameter(self, binding: _Binding) -> Parameter:
        value, annotation = binding.value, binding.annotation
        found: dict[str, Any] = {"name": binding.path, "line": binding.line}
        if annotation is not None:
            found["annotation"] = found["type_name"] = ast.unparse(annotation)
        if value is None:
            return Parameter(**found)
        found["default_source"] = _source(value)
        try:
            found["default"] = fold(value, self._imports)
        except NotConstant:
            found["evaluable"] = bool(dotted(value))
            found.setdefault("type_name", self._made_type(value))
        else:
            found["has_default"] = True
            if found["default"] is not None:
                found.setdefault("type_name", type_name(type(found["default"])))
        return Parameter(**found)

    def _made_type(self, value: ast.expr) -> str | None:
        """The type that an expression makes, whatever its value."""
        if type(value) in _DISPLAYS:
            return _DISPLAYS[type(value)][0]
        if not isinstance(value, ast.Call):
            return None
        if (cls := self._class(value)) is not None:
            return cls.name
        name = qualified(value.func, self._imports)
        module, _, kind = name.rpartition(".")
        return (
            kind if name in _BUILTINS or (module == "pathlib" and kind.endswith("Path")) else None
        )

    def _class(self, call: ast.Call) -> ast.ClassDef | None:
        return self._classes.get(call.func.id) if isinstance(call.func, ast.Name) else None

    # -- parts -----------------------------------------------------------------------------------

    def _parts(self, path: str, value: ast.expr) -> Iterator[_Binding]:
        if isinstance(value, ast.Dict):
            for key, item in zip(value.keys, value.values, strict=True):
                if part := path_key(key):
                    yield _Binding(f"{path}.{part}", item, None, item.lineno)
        elif isinstance(value, ast.Call):
            cls = self._class(value)
            if cls is not None and cls.name not in self._unfolding:
                self._unfolding.append(cls.name)
                yield from self._instance(path, cls, value)
                self._unfolding.pop()
            elif qualified(value.func, self._imports) in _KEYWORDED:
                for keyword in value.keywords:
                    if keyword.arg is not None:
                        yield _Binding(f"{path}.{keyword.arg}", keyword.value, None, keyword.lineno)

    def _instance(self, path: str, cls: ast.ClassDef, call: ast.Call) -> Iterator[_Binding]:
        """What its class declares, with the values that the call gives."""
        members = self._all_members(cls)
        given: dict[str | None, ast.expr] = {k.arg: k.value for k in call.keywords}
        if any(dotted(_called(node)).endswith("dataclass") for node in cls.decorator_list):
            fields = [member.path for member in members if member.annotation is not None]
            given.update(zip(fields, call.args, strict=False))
        for member in members:
            name = member.path
            value = given.get(name, member.value)
            yield _Binding(f"{path}.{name}", value, member.annotation, call.lineno)

    def _all_members(self, cls: ast.ClassDef, seen: frozenset[str] = frozenset()) -> list[_Binding]:
        """The attributes of a class and of those of its bases that are in the script."""
        members: dict[str, _Binding] = {}
        for base in [self._classes.get(dotted(node)) for node in cls.bases]:
            if base is not None and base.name not in seen | {cls.name}:
                inherited = self._all_members(base, seen | {cls.name})
                members.update((member.path, member) for member in inherited)
        members.update((m.path, m) for m in self._members(cls, "") if "." not in m.path)
        return list(members.values())

    def _members(self, cls: ast.ClassDef, prefix: str) -> Iterator[_Binding]:
        if any(dotted(base).endswith(("Enum", "Flag")) for base in cls.bases):
            return  # its members are values, not settings
        for statement in _statements(cls.body):
            for path, value, annotation, line in _bindings(statement):
                yield _Binding(prefix + path, _declared(value), annotation, line)
            if isinstance(statement, ast.ClassDef):
                yield from self._members(statement, f"{prefix}{statement.name}.")


def _merged(old: Parameter, new: Parameter) -> Parameter:
    if old.default_source is None and new.default_source is not None:
        annotation = old.annotation or new.annotation
        return new._replace(
            line=old.line, annotation=annotation, type_name=annotation or new.type_name
        )
    if old.annotation is None and new.annotation is not None:
        return old._replace(annotation=new.annotation, type_name=new.annotation)
    return old


# -- statements ------------------------------------------------------------------------------------


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of the blocks in it, but not those of functions and classes.

    Without recursion: each ``elif`` nests one level deeper.
    """
    pending = body[::-1]
    while pending:
        statement = pending.pop()
        yield statement
        for block in reversed(_blocks(statement)):
            pending += reversed(block)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    match statement:
        case ast.For() | ast.AsyncFor() | ast.While():
            return [statement.body, statement.orelse]
        case ast.Match():
            return [case.body for case in statement.cases]
    return nested_bodies(statement)


def _bindings(statement: ast.stmt) -> Iterator[_Binding]:
    line = statement.lineno
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                for name, item in _paired(target, value):
                    yield _Binding(name, item, None, line)
        case ast.AnnAssign(target=target, value=annotated, annotation=annotation):
            if path := target_path(target):
                yield _Binding(path, annotated, annotation, line)
        case ast.AugAssign(target=target):
            if path := target_path(target):
                yield _Binding(path, None, None, line)


def _paired(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    """The names of a target, each with the expression that it gets, where that can be told."""
    if isinstance(target, ast.Starred):
        yield from _paired(target.value, None)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for item, part in zip(target.elts, _items(target, value), strict=True):
            yield from _paired(item, part)
    elif path := target_path(target):
        yield path, value


def _items(target: ast.Tuple | ast.List, value: ast.expr | None) -> list[ast.expr | None]:
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        starred = any(isinstance(node, ast.Starred) for node in [*value.elts, *target.elts])
        return [None if starred else item for item in value.elts]
    return [None] * len(target.elts)


def _walruses(statement: ast.stmt) -> Iterator[ast.NamedExpr]:
    """Those of a statement's own expressions; what is in a function or a class is local there."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.NamedExpr):
            yield node
        inner = [n for n in ast.iter_child_nodes(node) if not isinstance(n, (ast.stmt, ast.Lambda))]
        pending += reversed(inner)


def _meanings(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The full names of what a statement imports, and "" for what it defines itself."""
    match statement:
        case ast.Import(names=aliases):
            for alias in aliases:
                root = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (root, root)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            for alias in aliases:
                yield alias.asname or alias.name, "" if level else f"{module}.{alias.name}"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ""


# -- expressions -----------------------------------------------------------------------------------


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _declared(value: ast.expr | None) -> ast.expr | None:
    """The default that ``field(default=...)`` and its like declare for a class's attribute."""
    if not isinstance(value, ast.Call) or dotted(value.func).rpartition(".")[2].lower() != "field":
        return value
    given = {keyword.arg: keyword.value for keyword in value.keywords}
    if "default" in given:
        return given["default"]
    factory = given.get("default_factory")
    if isinstance(factory, ast.Lambda):
        return factory.body
    if factory is not None:
        return ast.copy_location(ast.Call(func=factory, args=[], keywords=[]), value)
    return value.args[0] if value.args else None


def _source(node: ast.expr) -> str:
    for count, inner in enumerate(ast.walk(node)):
        text = inner.value if isinstance(inner, ast.Constant) else None
        if count > _MAX_NODES or (isinstance(text, (str, bytes)) and len(text) > _MAX_SOURCE):
            return _sketch(node)
    source = " ".join(ast.unparse(node).split("\n"))
    return source if len(source) <= _MAX_SOURCE else f"{source[: _MAX_SOURCE - 3]}..."


def _sketch(node: ast.expr) -> str:
    """What remains of an expression that is too long to be shown."""
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}(...)"
    if isinstance(node, ast.Constant):
        return f"{repr(node.value)[: _MAX_SOURCE - 3]}..."
    return _DISPLAYS.get(type(node), ("", "..."))[1]
