"""What a script imports before it does anything else, as far as its source tells.

Only that may be imported ahead of the script: once it has called something, or set a variable of
the environment, the same import might come to something else. Modules of the script's own folder
are the user's code and part of every run, so they are not imported ahead; what they in turn import
is.
"""

from __future__ import annotations

import _ast as ast  # all of `ast` that is needed here; see `kohakuengine.engine.syntax`
import os
from importlib.machinery import PathFinder

from kohakuengine.engine.outline import dotted
from kohakuengine.engine.source import read_source
from kohakuengine.engine.syntax import walk

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Import", "leading_imports"]

# Statements that cannot change what an import comes to.
_HARMLESS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass, ast.Global)
# Calls that people put between their imports, and that change nothing about these.
_HARMLESS_CALLS = {
    "logging.basicConfig",
    "logging.getLogger",
    "os.getenv",
    "os.path.abspath",
    "os.path.dirname",
    "os.path.join",
    "pathlib.Path",
    "Path",
    "print",
    "random.seed",
    "time.time",
    "warnings.filterwarnings",
    "warnings.simplefilter",
}


class Import:
    """One module that is imported.

    Attributes:
        module: Its full name.
        names: What is taken from it, which may be submodules.
    """

    __slots__ = ("module", "names")

    def __init__(self, module: str, names: tuple[str, ...] = ()) -> None:
        self.module = module
        self.names = names


def leading_imports(filename: str, folder: str, package: str = "") -> Iterator[Import]:
    """The imports with which a script begins, those of its own folder's modules included.

    Args:
        filename: The script's file.
        folder: The folder whose modules are the user's.
        package: The package that the script is in, where it is a module of one.
    """
    yield from _Reader(folder).of_file(filename, package)


class _Reader:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[str] = set()

    def of_file(self, filename: str, package: str) -> Iterator[Import]:
        if filename in self._seen:
            return
        self._seen.add(filename)
        try:
            tree = read_source(filename).tree
        except Exception:  # the run itself will say what is wrong with it
            return
        for found in _leading(tree.body):
            for wanted in _wanted(found, package):
                yield from self._one(wanted)

    def _one(self, wanted: Import) -> Iterator[Import]:
        local = list(self._local(wanted))
        if not local:
            yield wanted
        for filename, package in local:
            yield from self.of_file(filename, package)

    def _local(self, wanted: Import) -> Iterator[tuple[str, str]]:
        """The user's own files that an import executes, each with its package."""
        search: Sequence[str] | None = [self._folder]
        parts = wanted.module.split(".")
        for depth, part in enumerate(parts, 1):
            spec = PathFinder.find_spec(part, search)
            if spec is None or (
                not spec.origin and not _has_files(spec.submodule_search_locations)
            ):
                return
            name = ".".join(parts[:depth])
            is_package = spec.submodule_search_locations is not None
            if spec.origin and spec.origin.endswith(".py"):
                yield spec.origin, name if is_package else name.rpartition(".")[0]
            elif spec.origin:  # compiled, and the user's all the same
                yield "", ""
            search = list(spec.submodule_search_locations or [])
        for name in wanted.names:
            spec = PathFinder.find_spec(name, search) if search else None
            if spec is not None and spec.origin and spec.origin.endswith(".py"):
                is_package = spec.submodule_search_locations is not None
                full = f"{wanted.module}.{name}"
                yield spec.origin, full if is_package else wanted.module


def _has_files(locations: Sequence[str] | None) -> bool:
    """Whether a folder without ``__init__.py`` is a package all the same, and not just data."""
    return any(
        entry.endswith(".py")
        for location in locations or ()
        if os.path.isdir(location)
        for entry in os.listdir(location)
    )


def _leading(body: Sequence[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements before the first one that may change what an import comes to."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        elif isinstance(statement, ast.Try):
            yield from _leading(statement.body)
            if not _is_harmless_block(statement.body):
                return
        elif not _is_harmless(statement):
            return


def _is_harmless_block(body: Sequence[ast.stmt]) -> bool:
    return all(
        isinstance(statement, ast.Import | ast.ImportFrom) or _is_harmless(statement)
        for statement in body
    )


def _is_harmless(statement: ast.stmt) -> bool:
    if isinstance(statement, _HARMLESS):
        return True
    if isinstance(statement, ast.Expr):
        return _calls_nothing(statement.value)
    if isinstance(statement, ast.Assign):
        names = all(isinstance(target, ast.Name) for target in statement.targets)
        return names and _calls_nothing(statement.value)
    if isinstance(statement, ast.AnnAssign):
        is_name = isinstance(statement.target, ast.Name)
        return is_name and (statement.value is None or _calls_nothing(statement.value))
    return isinstance(statement, ast.If) and _is_type_checking(statement.test)


def _is_type_checking(test: ast.expr) -> bool:
    return dotted(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _calls_nothing(value: ast.expr) -> bool:
    """Whether an expression calls nothing but what is known to be harmless."""
    return all(
        dotted(node.func) in _HARMLESS_CALLS for node in walk(value) if isinstance(node, ast.Call)
    )


def _wanted(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[Import]:
    if isinstance(statement, ast.Import):
        yield from (Import(alias.name) for alias in statement.names)
        return
    module = statement.module or ""
    if statement.level:
        parents = package.split(".") if package else []
        above = parents[: len(parents) - statement.level + 1]
        if not above:
            return  # the run itself will say so
        module = ".".join([*above, module] if module else above)
    if module != "__future__":
        yield Import(module, tuple(alias.name for alias in statement.names if alias.name != "*"))
