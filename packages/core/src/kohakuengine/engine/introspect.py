"""What a script lets be overridden: by reading it, or by running it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from kohakuengine.config.overrides import resolve_overrides, unknown_names
from kohakuengine.config.parameter import Parameter
from kohakuengine.engine.names import script_names
from kohakuengine.engine.parameters import parameters_of
from kohakuengine.engine.script import Script
from kohakuengine.engine.source import Source, compile_tree, read_source

if TYPE_CHECKING:
    from kohakuengine.engine.cell import CellInfo

__all__ = [
    "ScriptParameters",
    "introspect",
    "read_parameters",
    "resolve_texts",
    "script_parameters",
]

# The name of a script's module while it is introspected: its main guards must not run.
_MODULE_NAME = "__introspected__"


class ScriptParameters(NamedTuple):
    """What the source of a script tells of its names.

    Attributes:
        parameters: What it assigns, or, where it has a config cell, what the cell assigns.
        names: All global names that it binds or reads (with a cell: the cell's); None if a star
            import may bind any other.
    """

    parameters: list[Parameter]
    names: frozenset[str] | None


def script_parameters(script: Script) -> ScriptParameters:
    """Read a script's parameters from its source: nothing is executed.

    Raises:
        SyntaxError: The script is not Python.
    """
    source = read_source(script.filename)
    known = source.compiled.get("parameters")
    if not isinstance(known, ScriptParameters):
        known = _read(source)
        source.remember("parameters", known)
    return known


def read_parameters(path: str | os.PathLike[str]) -> list[Parameter]:
    """The parameters of the script at `path`; see `script_parameters`."""
    return list(script_parameters(Script(path)).parameters)


def resolve_texts(
    script: Script, texts: Iterable[tuple[str, str]], *, strict: bool = False
) -> dict[str, Any]:
    """Read texts given for a script's names by what its source says; see `resolve_overrides`.

    Warns:
        UserWarning: Not strict: the script has no such name, or the text does not fit it.
    """
    pairs = list(texts)
    known = script_parameters(script)
    if known.names is not None and not strict:
        for key, near in unknown_names([key for key, _ in pairs], known.names):
            hint = f" Did you mean {near!r}?" if near else ""
            message = f"{key!r} is not in {script.location}; it is set all the same.{hint}"
            warnings.warn(message, UserWarning, stacklevel=2)
    return resolve_overrides(pairs, known.parameters, names=known.names, strict=strict)


def introspect(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Run a script, main guards aside, and return what its names are then.

    Names that begin with an underscore, modules, and functions and classes that it imported are
    left out. What the run changed in the interpreter is put back, as after any run. A ``sys.exit``
    ends the script, not the caller. Of a script with a config cell nothing below the cell is run,
    and its names alone are returned.

    Args:
        path: A script as `Script` takes it.

    Raises:
        ScriptNotFound: There is no such file.
        BaseException: Whatever the script raised.
    """
    script = Script(path)
    source = read_source(script.filename)
    cell = _cell(source)
    if cell is not None:
        from kohakuengine.engine.cell import evaluate_cell

        return evaluate_cell(script.filename, cell)
    from kohakuengine.config.base import capture

    return capture(vars(_executed(script, source)), _MODULE_NAME)


def _read(source: Source) -> ScriptParameters:
    cell = _cell(source)
    if cell is None:
        names, has_star_import = script_names(source.tree)
        return ScriptParameters(parameters_of(source.tree), None if has_star_import else names)
    lines = range(cell.config_line, cell.script_line or sys.maxsize)
    parameters = parameters_of(source.tree, lines=lines)
    return ScriptParameters(parameters, frozenset(p.name for p in parameters if not p.is_nested))


def _cell(source: Source) -> CellInfo | None:
    if b"kogine:config" not in source.data:  # the common case, without an import
        return None
    from kohakuengine.engine.cell import cell_of

    return cell_of(source)


def _executed(script: Script, source: Source) -> ModuleType:
    from kohakuengine.engine.process import MainProgram, main_module

    module = main_module(script)
    vars(module)["__name__"] = _MODULE_NAME
    code = compile_tree(source.tree, source.filename)
    outer = sys.modules.get(_MODULE_NAME)
    with MainProgram(script, module, []):
        sys.modules[_MODULE_NAME] = module  # dataclasses and pickle look modules up by name
        try:
            exec(code, vars(module))  # noqa: S102 - it is what was asked for
        except SystemExit:
            pass
        finally:
            _restore(outer)
    return module


def _restore(outer: ModuleType | None) -> None:
    """Forget the module, or show that of the script which introspects another one."""
    sys.modules.pop(_MODULE_NAME)
    if outer is not None:
        sys.modules[_MODULE_NAME] = outer
