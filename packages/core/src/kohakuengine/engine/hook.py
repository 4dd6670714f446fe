"""What a rewritten script calls while it runs: gives it the overridden values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kohakuengine.config.deferred import DeferredText
from kohakuengine.config.paths import get_path, set_path, split_path
from kohakuengine.engine.entrypoint import accepted_arguments
from kohakuengine.errors import KohakuEngineError, OverrideError, nearest

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RunHook"]


class RunHook:
    """The side of one run that its script's code calls back into.

    The rewriter (`kohakuengine.engine.rewrite`) decides where in the script each method is called.

    Attributes:
        args: Positional arguments for the function that the main guard calls.
        kwargs: Keyword arguments for it.
        has_result: Whether a guard's call has returned.
        returned: What it returned.
        problem: The error by which the hook itself ended the script, or None.
    """

    __slots__ = (
        "_awaited",
        "_delivered",
        "_entered",
        "_gets_argv",
        "_guards_run",
        "_namespace",
        "_nested",
        "_plain",
        "_strict",
        "args",
        "has_result",
        "kwargs",
        "problem",
        "returned",
    )

    def __init__(
        self,
        namespace: dict[str, Any],
        overrides: Mapping[str, Any],
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        gets_argv: Callable[[Any], bool] = lambda _: False,
        strict: bool = False,
        guards_run: bool = True,
    ) -> None:
        self._namespace = namespace
        self._plain: dict[str, Any] = {}
        self._nested: dict[str, Any] = {}
        self.take(overrides)
        self._delivered: set[str] = set()
        self._guards_run = guards_run
        self._gets_argv = gets_argv
        self._strict = strict
        self.args = list(args)
        self.kwargs = dict(kwargs or {})
        self.has_result = False
        self.returned: Any = None
        self._entered = False  # from then on the script's values are its own
        self._awaited: list[str] = []
        self.problem: KohakuEngineError | None = None

    def take(self, overrides: Mapping[str, Any]) -> None:
        """Have these values too, or instead."""
        for key, value in overrides.items():
            (self._nested if "." in key else self._plain)[key] = value

    # -- values, where the script assigns them -----------------------------------------------------

    def value(self, key: str) -> Any:
        """The override for `key`, where nothing but its text can tell its type."""
        value = self._plain.get(key)
        if value is not None and type(value) is not DeferredText:
            return value  # as are most
        return self._deliver(key, lambda text: text.resolve())

    def typed(self, key: str, hint: Callable[[], object]) -> Any:
        """The override for `key`, whose assignment carries the annotation that `hint` evaluates."""
        return self._deliver(key, lambda text: text.resolve_annotation(self._evaluated(hint)))

    def like(self, key: str, default: Callable[[], object]) -> Any:
        """The override for `key`, to be of the type of the name that `default` reads."""
        return self._deliver(key, lambda text: _resolved_like(text, default))

    def field(self, key: str, original: object) -> Any:
        """The override for a class attribute declared by a call such as ``field(default=...)``."""
        from dataclasses import MISSING, Field

        if not isinstance(original, Field):
            return self.value(key)
        default = original.default
        if default is MISSING and original.default_factory is not MISSING:
            default = original.default_factory()
        value = self._deliver(key, lambda text: text.resolve(default))
        if _is_hashable(value):
            original.default, original.default_factory = value, MISSING
        else:
            original.default, original.default_factory = MISSING, _copies_of(value)
        return original

    def mutable(self, value: Any) -> Any:
        """`value` for a field of a dataclass, which refuses lists and the like as defaults."""
        if _is_hashable(value):
            return value
        from dataclasses import field

        return field(default_factory=_copies_of(value))

    def patched(self, name: str, bound: Any) -> Any:
        """`bound`, the object just bound to `name`, with the overrides of what is inside it.

        A part that is not there yet may be assigned further down (``cfg = Namespace()`` and then
        ``cfg.lr = 0.1``); whether it ever was is checked in the end.
        """
        for key, value in self._nested.items():
            if not key.startswith(name + "."):
                continue
            if isinstance(bound, type) and key in self._delivered:
                continue  # the class's body took it
            try:
                bound = self._put(bound, key, key[len(name) + 1 :], value)
            except OverrideError:
                continue
        return bound

    def star(self) -> None:
        """After ``from m import *``: the names that it bound."""
        for name in self._plain:
            if name in self._namespace:
                self._namespace[name] = self.value(name)
        for base in {key.partition(".")[0] for key in self._nested}:
            if base in self._namespace:
                self._namespace[base] = self.patched(base, self._namespace[base])

    def foretell(self) -> None:
        """Before the script: set the names whose values do not wait for what the script says."""
        for name, value in self._plain.items():
            if not isinstance(value, DeferredText):
                self._namespace[name] = value

    def settle(self, *, patient: bool = False) -> None:
        """Make every override the value of its name, whatever the script has done so far.

        Args:
            patient: Whether what a dotted key leads to may still come; see `finish`.

        Raises:
            OverrideError: A dotted key leads to nothing in the script.
        """
        self._awaited.clear()
        for name, value in self._plain.items():
            is_text = type(value) is DeferredText
            self._namespace[name] = self.value(name) if is_text else value
        for key in self._nested:
            try:
                self._settle_inside(key)
            except OverrideError:
                if not patient:
                    raise
                self._awaited.append(key)

    def finish(self) -> None:
        """After the script: settle what is not settled yet.

        Raises:
            OverrideError: A dotted key leads to nothing in the script.
        """
        if not self._entered:
            self.settle()
        for key in self._awaited:
            self._settle_inside(key)

    def _settle_inside(self, key: str) -> None:
        base, _, rest = key.partition(".")
        if base not in self._namespace:
            known = [name for name in self._namespace if not name.startswith("__")]
            message = f"cannot set {key!r}: the script has no {base!r}."
            raise OverrideError(message + nearest(base, known))
        bound = self._namespace[base]
        if not (isinstance(bound, type) and key in self._delivered):
            self._namespace[base] = self._put(bound, key, rest, self._nested[key])

    def _deliver(self, key: str, resolve: Callable[[DeferredText], object]) -> Any:
        self._delivered.add(key)
        overrides = self._nested if "." in key else self._plain
        value = overrides[key]
        if isinstance(value, DeferredText):
            try:
                value = overrides[key] = resolve(value)
            except KohakuEngineError as error:
                self.problem = error
                raise
        return value

    def _evaluated(self, hint: Callable[[], object]) -> object:
        """The annotation; None where it names something that only a type checker can see."""
        try:
            annotation = hint()
            if isinstance(annotation, str):
                annotation = eval(annotation, self._namespace)  # noqa: S307 - the script's own text
        except (NameError, AttributeError, TypeError, SyntaxError):
            return None
        return annotation

    def _put(self, bound: Any, key: str, rest: str, value: Any) -> Any:
        _refuse_inherited_field(bound, key, rest)
        path = split_path(rest)
        try:
            if get_path(bound, path) is value:
                return bound
        except OverrideError:
            pass  # a new key of a dict, or an error that set_path words
        return set_path(bound, path, value, root=key[: -len(rest) - 1])

    # -- guards ----------------------------------------------------------------------------------

    def enter(self, one_call: bool) -> bool:  # noqa: FBT001 - rewritten code calls this
        """Before a main guard: whether it is to run at all. All overrides hold from here on.

        Args:
            one_call: Whether the guard is one call of a function. Any other block may make the
                objects into which overrides lead.
        """
        try:
            self.settle(patient=not one_call)
        except KohakuEngineError as error:
            self.problem = error
            raise
        self._entered = self._guards_run
        return self._guards_run

    def result(self, value: Any) -> Any:
        """After a guard's call: what it returned is the run's value."""
        self.has_result = True
        self.returned = value
        return value

    def call(self, function: Any) -> Any:
        """Before a guard's call: the arguments become what `function` takes of them.

        Where it takes none and reads the command line instead, they become ``sys.argv``.
        """
        if self._gets_argv(function):
            self.args, self.kwargs = [], {}
            return function
        try:
            self.args, self.kwargs = accepted_arguments(
                function, self.args, self.kwargs, strict=self._strict
            )
        except KohakuEngineError as error:
            self.problem = error
            raise
        return function


def _resolved_like(text: DeferredText, default: Callable[[], object]) -> object:
    try:
        sample = default()
    except (NameError, AttributeError):
        # What the script would have failed to read itself; the override is there instead of it.
        return text.resolve()
    return text.resolve(sample)


def _is_hashable(value: object) -> bool:
    # The very test by which dataclasses tell mutable defaults.
    return type(value).__hash__ is not None


def _copies_of(value: object) -> Callable[[], object]:
    from copy import deepcopy

    return lambda: deepcopy(value)


def _refuse_inherited_field(bound: object, key: str, name: str) -> None:
    """A dataclass's inherited default lives in its ``__init__``: setting it here is no use."""
    if not isinstance(bound, type) or name in vars(bound):
        return
    for base in bound.__mro__[1:]:
        if name in getattr(base, "__dataclass_fields__", ()) and name in base.__annotations__:
            message = f"cannot set {key!r}: {bound.__name__} inherits the field {name!r}."
            raise OverrideError(f"{message} Set '{base.__name__}.{name}' instead.")
