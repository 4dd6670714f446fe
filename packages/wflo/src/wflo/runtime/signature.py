"""What a function takes and returns, as its signature says."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, get_type_hints

from wflo.errors import DefinitionError, StepInputError, StepResultError
from wflo.runtime.context import WorkflowContext
from wflo.runtime.values import PLAIN, Adapter, Misfit, shown

#: A parameter of this name gets the context, whatever its annotation.
CONTEXT = "ctx"

_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A parameter that gets a value.

    Attributes:
        name: Its name.
        adapter: What it is annotated with.
        default: Its default, or `inspect.Parameter.empty`.
    """

    name: str
    adapter: Adapter
    default: Any = _EMPTY


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A function of the user, and what it takes and returns.

    Attributes:
        function: The function.
        owner: What it is of, for messages: ``step 'fetch'``.
        parameters: Those that get values, by name.
        contexts: The names of those that get the context.
        result: What it returns.
        is_async: Calling it gives a coroutine.
    """

    function: Callable[..., Any]
    owner: str
    parameters: dict[str, Parameter]
    contexts: tuple[str, ...]
    result: Adapter
    is_async: bool

    def arguments(self, values: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        """What to call it with.

        Args:
            values: JSON values by parameter; those that are absent have defaults.
            context: The context.

        Raises:
            StepInputError: A value is not what the annotation says.
        """
        loaded = {name: self._load(name, value) for name, value in values.items()}
        return loaded | dict.fromkeys(self.contexts, context)

    def checked(self, result: Any) -> Any:
        """The JSON value of what it returned.

        Raises:
            StepResultError: It is not JSON, or not what the annotation says.
        """
        if inspect.iscoroutine(result):
            result.close()
            raise StepResultError(
                f"{self.owner} returned a coroutine; its function must be `async def` itself"
            )
        try:
            return self.result.dump(result)
        except Misfit as error:
            raise StepResultError(f"the result of {self.owner}: {error}") from None

    def _load(self, name: str, value: Any) -> Any:
        try:
            return self.parameters[name].adapter.load(value)
        except Misfit as error:
            raise StepInputError(f"{self.owner}: its parameter {name!r}: {error}") from None


def check_function(function: object, owner: str, *, importable: bool = True) -> None:
    """See that something is a function that can be called by the names of its parameters.

    Args:
        function: What was given.
        owner: What it is of, for messages.
        importable: It must be one that another process can import, too.

    Raises:
        DefinitionError: It is not.
    """
    if not isinstance(function, FunctionType):
        raise DefinitionError(f"{owner} must be a function, not {shown(function)}")
    if importable:
        _check_importable(function, owner)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"{owner} is a generator; it must return its result, as a list")
    for parameter in _signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise DefinitionError(
                f"{owner} takes {str(parameter).partition(':')[0]}; "
                "each parameter must have a name, by which it is known what it gets"
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"{owner}: its parameter {parameter.name!r} is positional-only, "
                "and values are given by name"
            )


def _check_importable(function: FunctionType, owner: str) -> None:
    name = function.__qualname__
    if function.__name__ == "<lambda>":
        raise DefinitionError(f"{owner} is a lambda, which no worker could import; use `def`")
    if "." in name:
        where = "a function" if "<locals>" in name else "a class"
        raise DefinitionError(
            f"{owner}, {name}, is defined in {where}, from where no worker could import it; "
            "define it at the top level of a module"
        )


def read_signature(function: Callable[..., Any], owner: str) -> Signature:
    """What a function takes and returns.

    Raises:
        DefinitionError: An annotation cannot be resolved, or is no type that can be checked.
    """
    signature = _signature(function)
    contexts = tuple(name for name, each in signature.parameters.items() if _is_context(each))
    parameters = {
        name: Parameter(name, _adapter(function, owner, name, each.annotation), each.default)
        for name, each in signature.parameters.items()
        if name not in contexts
    }
    result = _adapter(function, owner, "return", signature.return_annotation)
    is_async = inspect.iscoroutinefunction(function)
    return Signature(function, owner, parameters, contexts, result, is_async)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # where annotations are evaluated when they are asked for
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _is_context(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    if parameter.name == CONTEXT or annotation is WorkflowContext:
        return True
    # Often imported for type checkers only, where nothing resolves it.
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", "")
    return str(text).rpartition(".")[2].strip("'\"") == WorkflowContext.__name__


def _adapter(function: Callable[..., Any], owner: str, name: str, annotation: Any) -> Adapter:
    if annotation is _EMPTY or annotation is Any:
        return PLAIN
    try:
        hint = _resolved(inspect.unwrap(function), name, annotation)
        return PLAIN if hint is Any else Adapter(hint)
    except Exception as error:
        what = "its result" if name == "return" else f"its parameter {name!r}"
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        said = str(error).partition("\n")[0].partition(". Set `arbitrary_types_allowed")[0]
        raise DefinitionError(
            f"{owner}: {what} is annotated {text!r}, which cannot be used: {said}"
        ) from None


def _resolved(function: Callable[..., Any], name: str, annotation: Any) -> Any:
    """The annotation with the names in it looked up where the function was defined."""
    probe = FunctionType(_resolved.__code__, getattr(function, "__globals__", {}))
    probe.__annotations__ = {name: annotation}
    return get_type_hints(probe, include_extras=True)[name]
