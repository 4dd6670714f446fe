"""Importing the code of users: a module by its name, or a file by its path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from wflo.errors import DefinitionError, MissingExtra, WfloError, WorkflowNotFound, nearest
from wflo.models.base import storable
from wflo.runtime.failures import first_line, traceback_text
from wflo.runtime.home import FILES, Home, stem

# What is being imported, outermost first.
_under_way: list[str] = []


def import_home(place: Home) -> ModuleType:
    """Import a module from where it is.

    Raises:
        WorkflowNotFound: It is not there.
        DefinitionError: It raised something while it was imported.
    """
    return import_file(place.file) if place.file else import_named(place.module)


def import_file(path: str) -> ModuleType:
    """Import a file, once: under its stem, its folder first on `sys.path`.

    Raises:
        WorkflowNotFound: There is no such file, or it is no Python file.
        DefinitionError: It raised something while it was imported.
    """
    full = os.path.abspath(path)
    key = os.path.realpath(full)
    if key in FILES:
        return FILES[key]
    _check_file(path)
    folder = os.path.dirname(full)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    spec = spec_from_file_location(_free_name(full), full)
    assert spec is not None
    assert spec.loader is not None  # of a file that ends in .py there always is one
    module = module_from_spec(spec)
    sys.modules[spec.name] = FILES[key] = module
    try:
        with _importing(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name], FILES[key]
        raise
    return module


def import_named(name: str) -> ModuleType:
    """Import a module by its name; the current folder is searched too, as with ``python -m``.

    Raises:
        WorkflowNotFound: There is no such module.
        DefinitionError: It raised something while it was imported.
    """
    if name in sys.modules:
        return sys.modules[name]
    if "" in name.split(".") or storable(name) != name:
        raise WorkflowNotFound(f"no module named {name!r}")
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.insert(0, os.getcwd())
    try:
        with _importing(name):
            return import_module(name)
    except DefinitionError as error:
        absent = error.__cause__
        if isinstance(absent, ModuleNotFoundError) and _is_part(absent.name, name):
            where = f" (in {name!r})" if absent.name != name else ""
            raise WorkflowNotFound(f"no module named {absent.name!r}{where}") from None
        raise


def refuse_while_importing(what: str) -> None:
    """Refuse what would happen again in each process that imports the file.

    Raises:
        DefinitionError: A file is being imported by us.
    """
    if _under_way:
        raise DefinitionError(
            f"{_under_way[-1]} calls {what} while it is imported; "
            'put the call under `if __name__ == "__main__":`'
        )


def _check_file(path: str) -> None:
    if storable(os.path.abspath(path)) != os.path.abspath(path):
        raise WorkflowNotFound(f"{storable(path)} has a name that is not UTF-8: no run can keep it")
    if not path.endswith(".py"):
        raise WorkflowNotFound(f"{path} is no Python file: its name does not end in .py")
    if os.path.isfile(path):
        return
    folder, name = os.path.split(path)
    try:
        files = [entry for entry in os.listdir(folder or ".") if entry.endswith(".py")]
    except OSError:
        raise WorkflowNotFound(f"there is no folder {folder}, in which {name} would be") from None
    raise WorkflowNotFound(f"there is no file {path}{nearest(name, files)}")


def _free_name(path: str) -> str:
    """The file's stem, unless a module of that name would be hidden by it."""
    name = stem(path)
    taken = name in sys.modules or name in sys.stdlib_module_names
    return f"wflo_file_{name}" if taken or "." in name else name


def _is_part(absent: str | None, name: str) -> bool:
    return absent is not None and f"{name}.".startswith(f"{absent}.")


@contextmanager
def _importing(target: str) -> Iterator[None]:
    """Say whose fault it is when an import goes wrong: the user's file, by its own traceback."""
    _under_way.append(target)
    try:
        yield
    except (WfloError, MissingExtra, KeyboardInterrupt):
        raise
    except BaseException as error:
        text = traceback_text(error).rstrip()
        raise DefinitionError(
            f"{target} cannot be imported: {first_line(error)}" + (f"\n{text}" if text else "")
        ) from error
    finally:
        _under_way.pop()
