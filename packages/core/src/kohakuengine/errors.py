"""Every error that KohakuEngine raises of its own.

    KohakuEngineError
    ├── ConfigError                    what a run was to get is wrong
    │   ├── ConfigNotFound             (FileNotFoundError) no such file
    │   ├── ConfigTypeError            (TypeError) a value of the wrong type
    │   └── ConfigValueError           (ValueError) a value of the right type that makes no sense
    ├── OverrideError                  (ValueError) an override that cannot be read or applied
    │   ├── UnknownKey                 (KeyError) the script has no such name
    │   └── CoercionError              (TypeError) the text is no value of the default's type
    ├── ScriptError                    where the code should be, there is none
    │   ├── ScriptNotFound             (FileNotFoundError)
    │   ├── ScriptValueError           (ValueError) a path that is no script
    │   └── ScriptModuleNotFound       (ModuleNotFoundError)
    ├── EntrypointNotFound             (RuntimeError) nothing to run in the script
    │   └── NamedEntrypointNotFound    (ValueError) the name that was asked for is not there
    ├── MultipleEntrypoints            (RuntimeError) several decorated functions, none named
    ├── EntrypointArgumentError        (TypeError) strict: an argument that nothing takes
    ├── TransportError                 (TypeError) a value that cannot cross a process border
    ├── WorkflowError                  (ValueError) a flow that cannot be built
    ├── RunError                       (RuntimeError) one run ended badly
    │   ├── RunFailed                  the script raised, or exited with a status other than 0
    │   ├── RunLost                    its process died without saying how it went
    │   └── RunTimeout                 (TimeoutError) it took longer than it was given
    ├── FlowFailed                     (RuntimeError) a flow stopped because of a failed run
    └── MissingDistribution            (ImportError) a sibling distribution is not installed
    FlowInterrupted                    (KeyboardInterrupt) Ctrl-C, with the results so far

The built-in type in brackets is a second base, so ``except ValueError`` works as it always has. An
exception that the *user's* code raises (in a config file, say) is never wrapped in a `ConfigError`:
what is in this tree is a mistake we can explain in one line, the rest deserves its traceback.
"""

from __future__ import annotations

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "CoercionError",
    "ConfigError",
    "ConfigNotFound",
    "ConfigTypeError",
    "ConfigValueError",
    "EntrypointArgumentError",
    "EntrypointNotFound",
    "FlowFailed",
    "FlowInterrupted",
    "KohakuEngineError",
    "MissingDistribution",
    "MultipleEntrypoints",
    "NamedEntrypointNotFound",
    "OverrideError",
    "RunError",
    "RunFailed",
    "RunLost",
    "RunTimeout",
    "ScriptError",
    "ScriptModuleNotFound",
    "ScriptNotFound",
    "ScriptValueError",
    "TransportError",
    "UnknownKey",
    "WorkflowError",
    "nearest",
]


class KohakuEngineError(Exception):
    """Base of all errors of this package, but for `FlowInterrupted`."""


class ConfigError(KohakuEngineError):
    """What a run was to get is wrong."""


class ConfigNotFound(ConfigError, FileNotFoundError):  # noqa: N818 - named like FileNotFoundError's kin
    """There is no config file at the path given."""


class ConfigTypeError(ConfigError, TypeError):
    """A config, or a part of one, is of the wrong type."""


class ConfigValueError(ConfigError, ValueError):
    """A config, or a part of one, is of the right type but makes no sense."""


class OverrideError(KohakuEngineError, ValueError):
    """An override cannot be read, or leads to nothing in the script."""


class UnknownKey(OverrideError, KeyError):  # noqa: N818 - a KeyError with a message
    """Strict mode only: the script has no such name."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which is no way to show a sentence.
        return str(self.args[0]) if self.args else ""


class CoercionError(OverrideError, TypeError):
    """Strict mode only: the text given is no value of the type that the script's default has."""


class ScriptError(KohakuEngineError):
    """Where the code should be, there is none."""


class ScriptNotFound(ScriptError, FileNotFoundError):  # noqa: N818
    """There is no script at the path given."""


class ScriptValueError(ScriptError, ValueError):
    """The path is not that of a Python script."""


class ScriptModuleNotFound(ScriptError, ModuleNotFoundError):  # noqa: N818
    """No importable module has the name given."""


class EntrypointNotFound(KohakuEngineError, RuntimeError):  # noqa: N818 - the established name
    """The script holds nothing to run; the message lists where it was looked for."""


class NamedEntrypointNotFound(EntrypointNotFound, ValueError):  # noqa: N818 - as its base
    """The entrypoint that was asked for by name is not in the script."""


class MultipleEntrypoints(KohakuEngineError, RuntimeError):  # noqa: N818 - the established name
    """Several functions carry ``@entrypoint`` and none was named."""


class EntrypointArgumentError(KohakuEngineError, TypeError):
    """Strict mode only: the config has arguments that the entrypoint does not take."""


class TransportError(KohakuEngineError, TypeError):
    """A value cannot cross a process border; the message names its key."""


class WorkflowError(KohakuEngineError, ValueError):
    """A flow cannot be built from what was given."""


class RunError(KohakuEngineError, RuntimeError):
    """One run ended badly.

    Attributes:
        script: The `Script` that ran, or None where it is not known.
        config: The `Config` that it ran with, or None.
        log_path: The file that holds the run's output, where it was kept in one.
        traceback: The traceback's text as the run's process saw it, cut to the user's frames.
        exit_code: What the script's process ended with, or would have; None where it did not end.
        kinds: The names of the class of the script's exception and of its bases up to `Exception`,
            most derived first. They are bare for built-in classes and for those of the script
            itself ("ValueError"), otherwise qualified ("package.module.Error"). Empty where the
            script raised nothing.
        where: The innermost place in the user's own files that led to the exception
            ("train.py:12"); "" where it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        script: Any = None,
        config: Any = None,
        log_path: str | None = None,
        traceback: str = "",
        exit_code: int | None = None,
        kinds: tuple[str, ...] = (),
        where: str = "",
    ) -> None:
        super().__init__(message)
        self.script = script
        self.config = config
        self.log_path = log_path
        self.traceback = traceback
        self.exit_code = exit_code
        self.kinds = kinds
        self.where = where


class RunFailed(RunError):  # noqa: N818 - a state of a run
    """The script raised, or exited with a status other than 0.

    Its process lived to report it: ``__cause__`` is the script's own exception where it could be
    kept. When the process died instead, the run is `RunLost`.
    """


class RunLost(RunError):  # noqa: N818 - a state of a run
    """The run's process died without reporting how the run went (a signal, ``os._exit``)."""


class RunTimeout(RunError, TimeoutError):  # noqa: N818 - a state of a run
    """The run took longer than it was given, and its process was stopped.

    A `TimeoutError` that the script itself raises is a `RunFailed`.
    """


class FlowFailed(KohakuEngineError, RuntimeError):  # noqa: N818 - a state of a flow
    """A flow stopped because a run in it failed.

    Attributes:
        results: Every `RunResult` that the flow had when it stopped, the failed ones among them.
    """

    def __init__(self, message: str, results: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.results = list(results)


class FlowInterrupted(KeyboardInterrupt):
    """A flow was interrupted (Ctrl-C).

    It is a `KeyboardInterrupt`, so that what handles those keeps working.

    Attributes:
        results: Every `RunResult` that the flow had by then.
    """

    def __init__(self, message: str = "interrupted", results: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.results = list(results)


class MissingDistribution(KohakuEngineError, ImportError):  # noqa: N818
    """A feature is in a sibling distribution that is not there; the message is how to get it."""


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message: ``" Did you mean 'lr'?"``, or nothing if no known name is near."""
    from difflib import get_close_matches

    matches = get_close_matches(name, known, n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
