"""Which function of a script is its entrypoint, and the call of it.

A run follows the cascade of `kohakuengine.engine.executor`, which knows the script's source.
`find_entrypoint` is the same cascade over a module that has been executed already.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from types import CoroutineType, FunctionType, ModuleType

from kohakuengine.engine.outline import Outline, guard_call, outline
from kohakuengine.engine.source import read_source
from kohakuengine.errors import (
    EntrypointArgumentError,
    EntrypointNotFound,
    MultipleEntrypoints,
    NamedEntrypointNotFound,
    nearest,
)

__all__ = [
    "EntrypointFinder",
    "accepted_arguments",
    "call_entrypoint",
    "decorated",
    "entrypoint",
    "find_entrypoint",
    "named",
    "no_such_entrypoint",
    "not_found",
    "reads_command_line",
]

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    _F = TypeVar("_F", bound=Callable[..., Any])

CONVENTIONAL = ("main", "run")


if TYPE_CHECKING:

    @overload
    def entrypoint(function: _F, /) -> _F: ...
    @overload
    def entrypoint(*, name: str | None = None) -> Callable[[_F], _F]: ...


def entrypoint(function: _F | None = None, /, *, name: str | None = None) -> Any:
    """Mark the function that a run of the script calls.

    ``@entrypoint``, ``@entrypoint()`` or ``@entrypoint(name="alias")``. The function itself is
    returned, with the attributes ``__kogine_entrypoint__`` and ``__kogine_entrypoint_name__`` set.

    Args:
        function: The function, when used without brackets.
        name: A further name by which ``--entrypoint`` finds it; its own name by default.
    """

    def mark(target: _F) -> _F:
        marked: Any = target
        marked.__kogine_entrypoint__ = True
        marked.__kogine_entrypoint_name__ = name or getattr(target, "__name__", repr(target))
        return target

    return mark if function is None else mark(function)


def decorated(namespace: Mapping[str, Any], filename: str | None) -> dict[str, Any]:
    """The functions marked by `entrypoint` that are defined in the script itself, by alias.

    Args:
        namespace: The script's globals.
        filename: The script's file; functions whose code is of another file were imported.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for value in namespace.values():
        if not _is_marked(value) or id(value) in seen:
            continue
        if isinstance(value, type) or _is_local(value, namespace, filename):
            seen.add(id(value))
            found[str(value.__kogine_entrypoint_name__)] = value
    return found


def _is_marked(value: Any) -> bool:
    try:
        # "is True": some objects have an attribute of any name that one asks for.
        return getattr(value, "__kogine_entrypoint__", None) is True
    except Exception:  # others (proxies of what is not there yet) answer by errors of any kind
        return False


def _is_local(function: Any, namespace: Mapping[str, Any], filename: str | None) -> bool:
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    if code is not None and filename is not None:
        return bool(os.path.abspath(code.co_filename) == os.path.abspath(filename))
    return getattr(function, "__module__", None) == namespace.get("__name__")


def named(namespace: Mapping[str, Any], filename: str | None, name: str) -> Any:
    """The callable that was asked for by name: a decorated function's alias, or any global.

    Raises:
        NamedEntrypointNotFound: There is none of that name, or it cannot be called.
    """
    aliased = decorated(namespace, filename).get(name)
    if aliased is not None:
        return aliased
    if callable(namespace.get(name)):
        return namespace[name]
    functions = [key for key, value in namespace.items() if _is_function(key, value)]
    raise no_such_entrypoint(name, functions, is_there=name in namespace)


def no_such_entrypoint(
    name: str, functions: Collection[str], *, is_there: bool = False
) -> NamedEntrypointNotFound:
    """The error for a name that is not a script's entrypoint.

    Args:
        name: What was asked for.
        functions: What could have been.
        is_there: Whether the script has the name, for something that cannot be called.
    """
    listed = f" It has {', '.join(list(functions)[:8])}." if functions else ""
    what = "is not callable in" if is_there else "not found in"
    message = f"Specified entrypoint {name!r} {what} module.{listed}"
    return NamedEntrypointNotFound(message + nearest(name, list(functions)))


def _is_function(name: str, value: object) -> bool:
    return isinstance(value, FunctionType) and not name.startswith("_")


def the_decorated(namespace: Mapping[str, Any], filename: str | None) -> Any:
    """The one function that carries ``@entrypoint``; None if there is none.

    Raises:
        MultipleEntrypoints: There are several.
    """
    found = decorated(namespace, filename)
    if len(found) > 1:
        names = ", ".join(found)
        raise MultipleEntrypoints(
            f"Multiple @entrypoint functions: {names}. Name one: --entrypoint NAME"
        )
    return next(iter(found.values()), None)


def not_found(path: str | os.PathLike[str]) -> EntrypointNotFound:
    """The error for a script that holds nothing to run."""
    return EntrypointNotFound(
        f"No entrypoint found in {os.fspath(path)}. Searched, in this order:\n"
        "  1. a function with the @entrypoint decorator\n"
        '  2. an `if __name__ == "__main__":` block\n'
        "  3. a function main()\n"
        "  4. a function run()\n"
        "  5. top-level statements that do something\n"
        "Add one of them, or name a function: --entrypoint NAME"
    )


def find_entrypoint(
    module: ModuleType,
    script_path: str | os.PathLike[str] | None = None,
    *,
    explicit_name: str | None = None,
) -> Callable[..., Any]:
    """Find the entrypoint of a module that has been executed already.

    The cascade: `explicit_name`; the function decorated with `entrypoint`; the function that the
    main guard consists of a call of, else the guard's block; ``main``; ``run``. Top-level
    statements ran when the module did, so they count for nothing here.

    Args:
        module: The executed module.
        script_path: Its file, for the main guard; the module's ``__file__`` by default.
        explicit_name: A function's name, or its alias given to `entrypoint`.

    Raises:
        NamedEntrypointNotFound: `explicit_name` is not there (also a `ValueError`).
        MultipleEntrypoints: Several decorated functions, none named.
        EntrypointNotFound: None of these; the message lists each place.
    """
    namespace = vars(module)
    path = script_path if script_path is not None else namespace.get("__file__")
    filename = None if path is None else os.fspath(path)
    if explicit_name is not None:
        found: Any = named(namespace, filename, explicit_name)
    else:
        found = the_decorated(namespace, filename) or _by_source(namespace, filename)
    if found is None:
        raise not_found(filename or module.__name__)
    return found  # type: ignore[no-any-return]  # whatever is callable there


def _by_source(namespace: dict[str, Any], filename: str | None) -> Any:
    shape = None if filename is None else outline(read_source(filename))
    if shape is not None and shape.guards:
        return _guard_function(namespace, shape, filename or "")
    for name in CONVENTIONAL:
        function = namespace.get(name)
        if callable(function) and (shape is None or name in shape.functions):
            return function
    return None


def _guard_function(namespace: dict[str, Any], shape: Outline, filename: str) -> Any:
    call = guard_call(shape.guards[-1], shape.functions)
    if call is not None:
        function = namespace.get(call.inner.func.id)  # type: ignore[attr-defined]  # a Name
        if callable(function):
            return function
    import ast

    tree = ast.Module(body=[shape.guards[-1]], type_ignores=[])
    code = compile(tree, filename, "exec", dont_inherit=True)

    def main_guard() -> None:
        name = namespace["__name__"]
        namespace["__name__"] = "__main__"
        try:
            exec(code, namespace)  # noqa: S102 - the block is the script's
        finally:
            namespace["__name__"] = name

    return main_guard


def call_entrypoint(
    function: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
) -> Any:
    """Call `function` with what its signature takes of the arguments, and await what it returns.

    Args:
        function: The entrypoint.
        args: Positional arguments.
        kwargs: Keyword arguments.
        strict: Arguments that `function` does not take are an error instead of a warning.

    Warns:
        UserWarning: An argument was dropped; the nearest parameter is named.

    Raises:
        EntrypointArgumentError: The same, with `strict`.
    """
    taken, named_arguments = accepted_arguments(function, args, kwargs or {}, strict=strict)
    return awaited(function(*taken, **named_arguments))


def awaited(value: Any) -> Any:
    """`value`, or what it comes to where it is a coroutine."""
    if isinstance(value, CoroutineType):
        import asyncio

        return asyncio.run(value)
    return value


def accepted_arguments(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    strict: bool,
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that `function` takes; see `call_entrypoint` for the others."""
    if not args and not kwargs:
        return [], {}
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-in functions without a signature take what they take
        return list(args), dict(kwargs)
    kinds = {parameter.kind for parameter in parameters}
    positional = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    by_name = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    taken = list(args)
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        extra = [repr(value) for value in taken[len(positional) :]]
        _report(function, extra, positional, strict=strict)
        taken = taken[: len(positional)]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return taken, dict(kwargs)
    filled = set(positional[: len(taken)])
    unknown = [name for name in kwargs if name not in by_name or name in filled]
    _report(function, unknown, [name for name in by_name if name not in filled], strict=strict)
    return taken, {name: value for name, value in kwargs.items() if name not in unknown}


# What a script that parses its command line has in its source.
_PARSING = rb"\b(?:argparse|docopt|getopt|optparse|sys\.argv)\b"


def reads_command_line(function: Any, source: bytes) -> bool:
    """Whether `function` gets its arguments from ``sys.argv``, and takes none itself.

    So it is for what is no Python function (a click command, a Typer app), and for a function
    without parameters in a script that parses its command line.
    """
    if not isinstance(function, FunctionType):
        return True
    import inspect
    import re

    return not inspect.signature(function).parameters and bool(re.search(_PARSING, source))


def _report(
    function: Callable[..., Any], dropped: list[str], accepted: list[str], *, strict: bool
) -> None:
    import warnings

    name = getattr(function, "__name__", repr(function))
    for argument in dropped:
        takes = f"it takes {', '.join(accepted)}" if accepted else "it takes none"
        message = f"{name}() does not take the argument {argument}; {takes}."
        message += nearest(argument, accepted)
        if strict:
            raise EntrypointArgumentError(message)
        warnings.warn(f"{message} It is dropped.", UserWarning, stacklevel=2)


class EntrypointFinder:
    """`find_entrypoint` and `call_entrypoint` under the names of earlier releases."""

    @staticmethod
    def find_entrypoint(
        module: ModuleType, script_path: str | os.PathLike[str] | None = None
    ) -> Callable[..., Any] | None:
        """Like `find_entrypoint`, but None where there is none."""
        try:
            return find_entrypoint(module, script_path)
        except EntrypointNotFound:
            return None

    call_entrypoint = staticmethod(call_entrypoint)
