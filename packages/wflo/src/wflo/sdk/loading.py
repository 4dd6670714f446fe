"""Finding workflows: in a file, or in a module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

from wflo.errors import DefinitionError, WorkflowNotFound, nearest
from wflo.runtime.importing import import_file, import_named
from wflo.sdk.workflow import Workflow


def load_workflow(target: str) -> Workflow:
    """Load a workflow.

    Args:
        target: ``FILE.py``, ``FILE.py:name``, ``pkg.module`` or ``pkg.module:name``. The name is
            that of the variable, or of the workflow. It may be left out where there is one only,
            those that the module has imported from elsewhere not counted.

    Raises:
        WorkflowNotFound: There is no such file, module or workflow, or more than one.
        DefinitionError: The code raised something while it was imported.
    """
    place, name = _split(target)
    module = _import(place)
    found = _workflows(module)
    if name is None:
        return _the_only(place, _distinct(_own(module, found) or found))
    chosen = found.get(name) or _by_name(found.values(), name)
    if chosen is not None:
        return chosen
    if not found:
        raise _none(place)
    raise WorkflowNotFound(f"{place} has no workflow {name!r}{_hint(name, found)}")


def load_app(target: str) -> list[Workflow]:
    """Load all workflows of a file or a module, those that it has imported among them.

    Args:
        target: ``pkg.module`` or ``FILE.py``; with ``:name``, only that one, as `load_workflow`.

    Raises:
        WorkflowNotFound: There is no such module, or no workflow in it.
        DefinitionError: The code raised something while it was imported, or two of the workflows
            have the same name.
    """
    if _split(target)[1] is not None:
        return [load_workflow(target)]
    found = list(_distinct(_workflows(_import(target))).values())
    if not found:
        raise _none(target)
    names = [workflow.name for workflow in found]
    for name in names:
        if names.count(name) > 1:
            raise DefinitionError(f"{target} has two workflows with the name {name!r}")
    return found


def load_source(source: str, name: str) -> Workflow:
    """Load the workflow of this name from what `Workflow.source` was.

    Raises:
        WorkflowNotFound: It is not there any more.
        DefinitionError: The code raised something while it was imported.
    """
    place, variable = _split(source)
    found = _workflows(_import(place))
    chosen = found.get(variable) if variable else None
    if chosen is None or chosen.name != name:
        chosen = _by_name(found.values(), name)
    if chosen is None:
        raise WorkflowNotFound(f"{place} has no workflow {name!r}{_hint(name, found)}")
    return chosen


def _split(target: str) -> tuple[str, str | None]:
    r"""The colon after a drive's letter, as in ``C:\flow.py``, is none of ours."""
    place, colon, name = target.rpartition(":")
    if colon and not set(name) & set("/\\"):
        return place, name
    return target, None


def _import(place: str) -> ModuleType:
    is_file = place.endswith(".py") or "/" in place or "\\" in place
    return import_file(place) if is_file else import_named(place)


def _workflows(module: ModuleType) -> dict[str, Workflow]:
    """The workflows of a module by their variables, of which one may have several."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, Workflow)}
    for workflow in found.values():
        workflow.found_in(module.__name__)
    return found


def _distinct(found: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """Each workflow once, under its first variable."""
    first: dict[Workflow, str] = {}
    for name, workflow in found.items():
        first.setdefault(workflow, name)
    return {name: workflow for workflow, name in first.items()}


def _own(module: ModuleType, found: Mapping[str, Workflow]) -> dict[str, Workflow]:
    return {name: wf for name, wf in found.items() if wf.module == module.__name__}


def _the_only(place: str, found: Mapping[str, Workflow]) -> Workflow:
    if not found:
        raise _none(place)
    if len(found) > 1:
        raise WorkflowNotFound(
            f"{place} has several workflows: {', '.join(found)}; "
            f"name one of them: {place}:{next(iter(found))}"
        )
    return next(iter(found.values()))


def _by_name(found: Iterable[Workflow], name: str) -> Workflow | None:
    return next((workflow for workflow in found if workflow.name == name), None)


def _hint(name: str, found: Mapping[str, Workflow]) -> str:
    known = [*found, *(workflow.name for workflow in found.values())]
    return nearest(name, known) or f"; it has {', '.join(found) or 'none'}"


def _none(place: str) -> WorkflowNotFound:
    return WorkflowNotFound(
        f'{place} has no workflow: nothing in it is a wflo.Workflow, as in wf = Workflow("name")'
    )
