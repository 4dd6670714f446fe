"""run(): a script and what it gets, in one call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kohakuengine.config.base import Config
from kohakuengine.config.compose import merge
from kohakuengine.config.loader import load_config_file
from kohakuengine.engine.executor import ScriptExecutor, single_config
from kohakuengine.engine.script import Script

__all__ = ["run"]


def run(
    script_path: str | os.PathLike[str],
    config_path: str | os.PathLike[str] | None = None,
    globals_dict: Mapping[str, Any] | None = None,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    set_overrides: Mapping[str, str] | Iterable[str] | None = None,
    strict: bool = False,  # noqa: FBT001, FBT002 - the established signature
) -> Any:
    """Run a script once, in this process, and return its entrypoint's value.

    What is given later wins: the config file, then `globals_dict` and `kwargs` (merged over it by
    key) and `args` (which replaces), then `set_overrides`.

    Args:
        script_path: As in `Script`.
        config_path: A config file.
        globals_dict: Values for the script's globals; dotted keys reach into objects.
        args: Positional arguments of the entrypoint.
        kwargs: Keyword arguments of the entrypoint.
        set_overrides: Texts, as ``{"lr": "0.1"}`` or ``["lr=0.1"]``, that become values of the
            types that the script's defaults have.
        strict: Errors instead of warnings: a `set_overrides` key that the script does not have, a
            text that is no value of its type, an argument that the entrypoint does not take.

    Raises:
        ConfigTypeError: The config file is a sweep; those are run by a `Flow`.
        KohakuEngineError: See `kohakuengine.errors` for what else may be wrong with the input.
        BaseException: Whatever the script raised.
    """
    script = Script(script_path)
    base = single_config(None if config_path is None else load_config_file(config_path))
    config = _merged(base, globals_dict, args, kwargs)
    if set_overrides:
        from kohakuengine.engine.introspect import resolve_texts

        texts = resolve_texts(script, _pairs(set_overrides), strict=strict)
        config = merge(config or Config(), Config(globals_dict=texts))
    return ScriptExecutor(script).execute(config, strict=strict)


def _merged(
    base: Config | None,
    globals_dict: Mapping[str, Any] | None,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
) -> Config | None:
    if base is None and globals_dict is None and args is None and kwargs is None:
        return None
    given = Config(globals_dict=dict(globals_dict or {}), kwargs=dict(kwargs or {}))
    config = merge(base or Config(), given)
    if args is not None:
        config.args = list(args)
    return config


def _pairs(overrides: Mapping[str, str] | Iterable[str]) -> list[tuple[str, str]]:
    from kohakuengine.config.overrides import parse_assignment

    if isinstance(overrides, Mapping):
        return [(str(key), str(text)) for key, text in overrides.items()]
    return [parse_assignment(text) for text in overrides]
