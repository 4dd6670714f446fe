"""Runs one script with one config, in this process, and tells how it went."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from os import getpid
from types import CodeType, FunctionType, ModuleType

from kohakuengine.config.plain import PlainConfig
from kohakuengine.engine.ending import (
    end_forked,
    exception_kinds,
    exception_place,
    exit_status,
    user_traceback,
)
from kohakuengine.engine.entrypoint import (
    CONVENTIONAL,
    awaited,
    call_entrypoint,
    named,
    no_such_entrypoint,
    not_found,
    reads_command_line,
    the_decorated,
)
from kohakuengine.engine.hook import RunHook
from kohakuengine.engine.injector import refuse_protected
from kohakuengine.engine.outline import Outline, outline
from kohakuengine.engine.process import MainProgram, main_module
from kohakuengine.engine.rewrite import rewrite
from kohakuengine.engine.script import Script
from kohakuengine.engine.source import Source, read_source
from kohakuengine.errors import ConfigTypeError, KohakuEngineError, RunFailed

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

    from kohakuengine.config.base import Config
    from kohakuengine.engine.respawn import Payload

__all__ = [
    "Outcome",
    "ScriptExecutor",
    "Standby",
    "check_runnable",
    "run_script",
    "single_config",
]


_NONE: Mapping[str, Any] = {}


class Outcome:
    """How a run went.

    Attributes:
        value: What the entrypoint returned; None for a script without one.
        error: What the script raised and did not catch, a `SystemExit` included; None if nothing.
        module: The script's module, as the run left it.
    """

    __slots__ = ("error", "module", "value")

    def __init__(self, module: ModuleType, value: Any, error: BaseException | None) -> None:
        self.module = module
        self.value = value
        self.error = error

    @property
    def exit_code(self) -> int:
        """The status with which ``python script.py`` would have ended."""
        return 0 if self.error is None else exit_status(self.error)

    @property
    def failed(self) -> bool:
        """Whether the run went wrong.

        ``sys.exit(main())`` as a guard is `main`: what it returns is a value, unless it is an
        integer, which is a status as everywhere.
        """
        if self.error is None:
            return False
        if isinstance(self.error, SystemExit) and not isinstance(self.error.code, int):
            return self.exit_code != 0 and self.error.code is not self.value
        return self.exit_code != 0


class ScriptExecutor:
    """Runs a script in this process.

    Args:
        script: The script.

    Attributes:
        module: The script's module after the last run, or None.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.module: ModuleType | None = None

    def execute(self, config: Config | None = None, *, strict: bool = False) -> Any:
        """Run the script once.

        Args:
            config: What it runs with; the script's own config by default.
            strict: Arguments that the entrypoint does not take are an error.

        Returns:
            The entrypoint's value. ``sys.exit(main())`` as a guard is ``main()``. None for a
            script that holds nothing to run.

        Raises:
            ConfigTypeError: The config is a sweep.
            EntrypointNotFound: There is a config, but nothing that could use it.
            RunFailed: The script called ``sys.exit`` with a status other than 0.
            BaseException: Whatever the script itself raised.
        """
        outcome = run_script(self.script, config, strict=strict)
        self.module = outcome.module
        error = outcome.error
        if isinstance(error, SystemExit):
            if outcome.failed and error.code is not outcome.value:
                raise self._exited(error, config) from error
        elif error is not None:
            raise error
        return outcome.value

    def _exited(self, error: SystemExit, config: Config | None) -> RunFailed:
        said = f": {error.code}" if isinstance(error.code, str) else ""
        status = exit_status(error)
        return RunFailed(
            f"{self.script.location} exited with exit code {status}{said}",
            script=self.script,
            config=config,
            exit_code=status,
            kinds=exception_kinds(error),
            where=exception_place(error),
        )


def run_script(
    script: Script,
    config: Config | PlainConfig | None = None,
    *,
    argv: Sequence[str] = (),
    strict: bool = False,
    last: bool = False,
) -> Outcome:
    """Run `script` once with `config`, as ``python script.py`` would with these values in it.

    Args:
        script: The script; its own config serves where `config` is None.
        config: What it runs with.
        argv: Its command-line arguments, after those that come from the config.
        strict: See `ScriptExecutor.execute`.
        last: Whether the process ends with this run; see `MainProgram`.

    Returns:
        The outcome, also when the script raised.

    Raises:
        KeyboardInterrupt: The run was interrupted.
        KohakuEngineError: The run could not be started as asked, or an override leads nowhere.
        SyntaxError: The script is not Python.
    """
    given = script.config if config is None else config
    if not isinstance(given, PlainConfig):
        given = single_config(given)
    refuse_protected(() if given is None else given.globals_dict)
    source = read_source(script.filename)
    return _Run(script, source, given, argv, strict=strict, last=last).go()


class Standby:
    """A run for which all is done that comes before the script's first line, but for its values.

    For a process that is forked for each run. It looks like the script's from here on, until it
    stands down.

    Args:
        script: The script.
        names: The names that the run overrides; None for a run without a config.
        argv: See `run_script`.
        strict: See there.

    Attributes:
        take: Called with the values for these names, and with the arguments.
        go: Called then; runs it, as the last thing that this process does; see `run_script`.

    Raises:
        KohakuEngineError: As `run_script` does.
        SyntaxError: As `run_script` does.
    """

    def __init__(
        self, script: Script, names: Iterable[str] | None, *, argv: Sequence[str], strict: bool
    ) -> None:
        refuse_protected(names or ())
        config = None if names is None else PlainConfig(dict.fromkeys(names))
        source = read_source(script.filename)
        self._run = _Run(script, source, config, argv, strict=strict, last=True)
        self._run.enter()
        self.go = self._run.go
        self.take = self._run.take

    def stand_down(self) -> None:
        """Have the process be as it was before."""
        self._run.program.put_back()


def check_runnable(script: Script) -> None:
    """Check, without running it, that `script` holds something to run.

    Raises:
        EntrypointNotFound: It has a config, but nothing that could use it.
        SyntaxError: It is not Python.
    """
    shape = outline(read_source(script.filename))
    if script.config is not None and _entry(script, shape) == "none":
        raise not_found(script.location)


def single_config(config: Any) -> Config | None:
    """The config of one run.

    Raises:
        ConfigTypeError: It is a sweep, or no config at all.
    """
    if config is None:
        return None
    from kohakuengine.config.base import Config  # not for a run without: it needs dataclasses

    if isinstance(config, Config):
        return config
    kind = type(config).__name__
    raise ConfigTypeError(f"a run takes one Config, got {kind}; use Flow for sweeps")


class _Run:
    """One run: what to execute, which entrypoint, with which arguments."""

    def __init__(
        self,
        script: Script,
        source: Source,
        config: Config | PlainConfig | None,
        argv: Sequence[str],
        *,
        strict: bool,
        last: bool,
    ) -> None:
        self.script = script
        self.source = source
        self.shape = outline(source)
        self.overrides = dict(config.globals_dict) if config is not None else {}
        self.args = list(config.args) if config is not None else []
        self.kwargs = dict(config.kwargs) if config is not None else {}
        self.strict = strict
        self.last = last
        self.argv = list(argv)
        self.payload: Payload | None = None
        self.module = self._main_module()
        self.entry = _entry(script, self.shape)
        if self.entry == "none" and config is not None:
            raise not_found(script.location)
        if self.entry == "named":
            _refuse_missing(script.entrypoint or "", source, self.shape)
        if self.entry in {"block", "body"}:
            self.argv = [*as_argv(self.args, self.kwargs), *self.argv]
        self.program = self._program()
        self.hook = self._hook()
        self.code: CodeType | None = None

    def enter(self) -> None:
        """Make the process look like the script's, ahead of time."""
        self.code = self._compiled()
        self.program.__enter__()

    def take(
        self, values: Mapping[str, Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] = _NONE
    ) -> None:
        """Have these values for the names that it overrides, and these arguments."""
        self.overrides.update(values)
        self.hook.take(values)
        if args or kwargs:
            self._take_arguments(args, kwargs)

    def _take_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.args = self.hook.args = list(args)
        self.kwargs = self.hook.kwargs = dict(kwargs)
        if self.entry in {"block", "body"}:
            self.argv = [*as_argv(self.args, self.kwargs), *self.argv]
            self.program.argv[1:] = self.argv
        self.code = self._compiled()

    def _compiled(self) -> CodeType:
        """The script, calling the hook where it assigns what is overridden."""
        with_arguments = self.entry == "guard" and bool(self.args or self.kwargs)
        template = rewrite(self.source, self.overrides, with_arguments=with_arguments)
        return template.bind(self.hook)

    def _main_module(self) -> ModuleType:
        if not self.overrides:
            return main_module(self.script)
        from kohakuengine.engine.respawn import Payload, RespawningMain

        self.payload = Payload(self.script, self.overrides, last=self.last)
        return main_module(self.script, RespawningMain(self.payload))

    def go(self) -> Outcome:
        owner = getpid()
        if self.code is not None:  # entered ahead of time, and never to be left
            if self.payload is not None:
                self.payload.owner = owner
            value, error = self._result(self.code, owner)
        else:
            code = self._compiled()
            try:
                with self.program:
                    value, error = self._result(code, owner)
            finally:
                if self.payload is not None and not self.last:
                    self.payload.close()
        if getpid() != owner:  # the script forked, and this is the child
            end_forked(error, with_exit_handlers=self.last)
        return Outcome(self.module, value, error)

    def _result(self, code: CodeType, owner: int) -> tuple[Any, BaseException | None]:
        """What it comes to, and by what error the script ended."""
        try:
            if self.script.spec is not None and self.script.spec.parent:
                __import__(self.script.spec.parent)  # its errors show no frames of importlib
            _execute(code, vars(self.module))
            if self.overrides:
                self.hook.finish()
            return self._value(), None
        except BaseException as raised:
            if getpid() == owner and _is_for_the_caller(raised, self.hook):
                raise
            return self.hook.returned if isinstance(raised, SystemExit) else None, raised

    def _program(self) -> MainProgram:
        finder = None
        if self.overrides:
            from kohakuengine.engine.reimport import Reimport

            finder = Reimport(self.script.filename, self.overrides)
        return MainProgram(self.script, self.module, self.argv, finder=finder, last=self.last)

    def _hook(self) -> RunHook:
        return RunHook(
            vars(self.module),
            self.overrides,
            args=self.args,
            kwargs=self.kwargs,
            gets_argv=self._gets_argv,
            strict=self.strict,
            guards_run=self.entry in {"guard", "block"},
        )

    def _gets_argv(self, function: Any) -> bool:
        """Give the arguments to `function` as ``sys.argv``, if that is where it looks for them."""
        if not (self.args or self.kwargs) or not reads_command_line(function, self.source.data):
            return False
        self.program.argv[1:] = [*as_argv(self.args, self.kwargs), *self.argv]
        return True

    def _value(self) -> Any:
        if self.hook.has_result:  # there was a guard, and that calls it
            return awaited(self.hook.returned)
        function = self._function(vars(self.module))
        if function is not None and not (self.args or self.kwargs):
            return awaited(function())
        if isinstance(function, FunctionType) and self._gets_argv(function):
            return awaited(function())
        if function is not None:
            return call_entrypoint(function, self.args, self.kwargs, strict=self.strict)
        return None

    def _function(self, namespace: dict[str, Any]) -> Any:
        if self.script.entrypoint is not None:
            return named(namespace, self.script.filename, self.script.entrypoint)
        if self.entry not in {"guard", "block"} and b"entrypoint" in self.source.data:
            found = the_decorated(namespace, self.script.filename)
            if found is not None:
                return found
        if self.entry == "decorated":  # under a condition that did not hold
            raise not_found(self.script.location)
        return namespace.get(self.entry) if self.entry in CONVENTIONAL else None


# The script's caller. A warning that a script blames on its caller (``stacklevel=2`` at top level)
# is shown by Python as of this file and line, there being no caller; this makes it so here.
_NO_CALLER = ("<sys>", 0) if sys.version_info >= (3, 13) else ("sys", 1)
_CALLER = compile("lambda code, namespace: exec(code, namespace)", _NO_CALLER[0], "eval")
_execute = FunctionType(_CALLER.co_consts[0].replace(co_firstlineno=_NO_CALLER[1]), vars(sys))


def _is_for_the_caller(error: BaseException, hook: RunHook) -> bool:
    """Whether the run was interrupted, or the engine refused it; otherwise the script failed."""
    if not isinstance(error, KohakuEngineError):
        return isinstance(error, KeyboardInterrupt)
    return error is hook.problem or user_traceback(error) is None


def _entry(script: Script, shape: Outline) -> str:
    """What the cascade comes to, as far as the source tells.

    "named", "decorated", "guard" (one call of a function), "block" (any other guard), "main",
    "run", "body" or "none".
    """
    if script.entrypoint is not None:
        return "named"
    if shape.decorated:
        return "decorated"
    if shape.guards:
        return "guard" if shape.one_call else "block"
    for name in CONVENTIONAL:
        if name in shape.functions and name not in shape.used:
            return name
    return "body" if shape.acts else "none"


def _refuse_missing(name: str, source: Source, shape: Outline) -> None:
    """Refuse a name that the source plainly does not have, before anything of it runs."""
    if name in shape.functions or b"entrypoint" in source.data:
        return  # the latter: it may be the alias of a decorated function
    from kohakuengine.engine.names import script_names

    names, has_star_import = script_names(source.tree)
    if name not in names and not has_star_import:
        raise no_such_entrypoint(name, sorted(shape.functions))


def as_argv(args: Iterable[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """A config's arguments as a command line.

    Keyword arguments become ``--key=value``; True becomes ``--key``, False and None nothing, and a
    list ``--key`` followed by its items.
    """
    line = [str(value) for value in args]
    for key, value in kwargs.items():
        if value is True:
            line.append(f"--{key}")
        elif isinstance(value, (list, tuple)):
            line += [f"--{key}", *map(str, value)]
        elif value is not None and value is not False:
            line.append(f"--{key}={value}")
    return line
