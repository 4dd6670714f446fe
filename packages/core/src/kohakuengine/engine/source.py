"""A script's source, read and parsed as Python reads it, once per version of the file."""

from __future__ import annotations

import _ast as ast  # all of `ast` that is needed here; see `kohakuengine.engine.syntax`
import os
from types import CodeType

from kohakuengine.errors import ScriptError

__all__ = ["Source", "parse", "read_source"]

# How many files, and how many compilations of one file, are kept. A sweep uses one or a few; the
# bounds only keep a process that runs thousands of generated scripts from growing.
_MAX_SOURCES = 128
_MAX_COMPILED = 32


class Source:
    """The parsed text of one version of one file.

    Attributes:
        filename: Absolute path, as it stands in tracebacks.
        data: The bytes of the file.
        tree: Its syntax tree. It is shared: whoever rewrites it builds new nodes.
        compiled: Whatever was compiled from the tree, by the key of its maker; see `remember`.
    """

    __slots__ = ("compiled", "data", "filename", "tree")

    def __init__(self, filename: str, data: bytes) -> None:
        self.filename = filename
        self.data = data
        self.tree = parse(data, filename)
        self.compiled: dict[object, object] = {}

    def remember(self, key: object, made: object) -> None:
        """Keep `made` under `key`, and drop the oldest entry when there are too many."""
        if len(self.compiled) >= _MAX_COMPILED:
            self.compiled.pop(next(iter(self.compiled)))
        self.compiled[key] = made

    @property
    def text(self) -> str:
        """The file's text, decoded by its BOM or coding line."""
        from importlib.util import decode_source

        return decode_source(self.data)


_Signature = tuple[int, int, int]
_sources: dict[str, tuple[_Signature, Source]] = {}


def parse(data: bytes, filename: str) -> ast.Module:
    """Parse bytes as the interpreter does: a BOM or a coding line is honoured.

    Raises:
        SyntaxError: As Python itself would raise it.
    """
    tree = compile(data, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def absolute(path: str | os.PathLike[str]) -> str:
    """`path` from the current folder on, as it stands in ``__file__`` and tracebacks.

    Python does not tidy it up: ``../script.py`` keeps its dots.
    """
    return os.fspath(path) if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read and parse `path`; the same object again while the file does not change.

    A change is seen by modification time, size and inode. Bytecode files are neither read nor
    written, so two edits within the clock's tick cannot be mixed up as long as the size differs or
    the file was replaced.

    Raises:
        ScriptError: The file cannot be read.
        SyntaxError: It is not Python.
    """
    filename = absolute(path)
    try:
        status = os.stat(filename)
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = _sources.get(filename)
        if known is not None and known[0] == signature:
            return known[1]
        with open(filename, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ScriptError(f"Script cannot be read: {filename}: {error.strerror}") from error
    source = Source(filename, data)
    if len(_sources) >= _MAX_SOURCES:
        _sources.pop(next(iter(_sources)))
    _sources[filename] = (signature, source)
    return source


def compile_tree(tree: ast.Module, filename: str) -> CodeType:
    """Compile a tree without inheriting this module's ``__future__`` flags."""
    code = compile(tree, filename, "exec", dont_inherit=True)
    assert isinstance(code, CodeType)
    return code
