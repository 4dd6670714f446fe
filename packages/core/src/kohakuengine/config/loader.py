"""A config file to a `Config` or a `ConfigGenerator`: what it defines, and which of it counts."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from kohakuengine.config.base import PARENTS, Config, capture, check_dict, checked_args, unwrap
from kohakuengine.config.compose import Loading
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.errors import (
    ConfigError,
    ConfigNotFound,
    ConfigTypeError,
    ConfigValueError,
    nearest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PARTS = ("globals", "args", "kwargs", "metadata")


def load_config_file(
    path: str | os.PathLike[str], worker_id: int | None = None
) -> Config | ConfigGenerator:
    """Load a config file.

    A `.py` file is executed, and the first of these that it defines decides: `config_gen`,
    `CONFIG`, `_sweep`; if none, its globals are the config (`kohakuengine.config.base.capture` says
    which). Nothing is written beside it, and its module does not outlive the call.

    A `.json`, `.toml`, `.yaml` or `.yml` file holds a mapping with the keys ``globals``, ``args``,
    ``kwargs``, ``metadata`` and ``sweep``, each optional. Where there is no ``globals``, all other
    keys are globals.

    Args:
        path: The file.
        worker_id: The slot of the worker that asks, for a `config_gen` that takes ``worker_id``.
            Without, a flow asks again for the slot of each run; see
            `kohakuengine.config.base.Config.for_worker`.

    Raises:
        ConfigNotFound: There is no such file.
        ConfigTypeError: A part of the config is of the wrong type.
        ConfigValueError: The file cannot be parsed, or what it defines makes no sense.
        MissingDistribution: It is a YAML file, and PyYAML is not installed.
    """
    path = os.fsdecode(path)
    if not os.path.isfile(path):
        raise ConfigNotFound(f"Config file not found: {path}{_nearest_file(path)}")
    if path.lower().endswith(".py"):
        return _load_python(os.path.abspath(path), worker_id)
    return _load_data(path)


def load_from_dict(config_dict: dict[str, Any]) -> Config:
    """Build a config from a dict with the keys ``globals``, ``args``, ``kwargs``, ``metadata``.

    Each is optional; None counts as absent.

    Raises:
        ConfigTypeError: What was given is no dict, or one of its parts is of the wrong type.
        ConfigValueError: The dict has another key.
    """
    check_dict("config", config_dict)
    _refuse_unknown(config_dict, _PARTS)
    return _config(config_dict)


class ConfigLoader:
    """The loading functions, for those who know them by this name."""

    load_config = staticmethod(load_config_file)
    load_from_dict = staticmethod(load_from_dict)


def _nearest_file(path: str) -> str:
    from kohakuengine.config.formats import SUFFIXES

    folder, name = os.path.split(path)
    try:
        files = os.listdir(folder or ".")
    except OSError:
        return ""
    hint = nearest(name, [file for file in files if file.endswith((".py", *SUFFIXES))])
    return hint and f".{hint}"


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file before what is wrong in it."""
    try:
        yield
    except ConfigError as error:
        raise type(error)(f"{path}: {error}") from None


def _config(parts: Mapping[str, Any], prefix: str = "") -> Config:
    """Make a config of its parts, which its author knows as ``<prefix>args`` and so on."""
    given = {name: parts[name] for name in _PARTS if parts.get(name) is not None}
    args = checked_args(f"{prefix}args", given.pop("args", []))
    for name, value in given.items():
        check_dict(prefix + name, value)
    return Config(
        dict(given.get("globals", {})),
        [unwrap(value) for value in args],
        {name: unwrap(value) for name, value in given.get("kwargs", {}).items()},
        dict(given.get("metadata", {})),
    )


def _swept(base: Config, axes: Any) -> Config | ConfigGenerator:
    if axes is None:
        return base
    from kohakuengine.config.sweep import Sweep

    return ConfigGenerator.from_sweep(Sweep.from_mapping(base, axes))


def _refuse_unknown(data: Mapping[str, Any], accepted: tuple[str, ...]) -> None:
    for key in data:
        if key not in accepted:
            raise ConfigValueError(
                f"unknown key {key!r}; accepted are {', '.join(accepted)}."
                f"{nearest(str(key), accepted)}"
            )


# Data


def _load_data(path: str) -> Config | ConfigGenerator:
    from kohakuengine.config.formats import read

    data = read(path)
    with _naming(path):
        return _from_data({} if data is None else data)  # None: nothing in it but comments


def _from_data(data: Any) -> Config | ConfigGenerator:
    if not isinstance(data, dict):
        raise ConfigTypeError(f"the top level must be a mapping, got {type(data).__name__}")
    known = (*_PARTS, "sweep")
    if "globals" in data:
        _refuse_unknown(data, known)
        config = _config(data)
    else:
        plain = {name: value for name, value in data.items() if name not in known}
        config = _config({**data, "globals": plain})
    for part in (config.globals_dict, config.kwargs, config.metadata):
        _refuse_other_than_names(part)
    return _swept(config, data.get("sweep"))


def _refuse_other_than_names(part: Mapping[Any, Any]) -> None:
    # YAML takes an unquoted 1 for a number, and `on` for True.
    for key in part:
        if not isinstance(key, str):
            raise ConfigTypeError(f"the name {key!r} must be a string: quote it")


# Python


def _load_python(path: str, worker_id: int | None) -> Config | ConfigGenerator:
    from kohakuengine.config.siblings import importable, registered

    with open(path, "rb") as file:
        # Compiled from its bytes, so that a BOM or a coding line counts, and never from a cache.
        code = compile(file.read(), path, "exec", dont_inherit=True)
    loading = Loading(path, worker_id)
    with importable(os.path.dirname(path)), registered(path) as module, loading:
        namespace = vars(module)
        namespace[PARENTS] = loading.parents
        exec(code, namespace)  # noqa: S102 - running the user's file is the purpose
        return _resolved(namespace, loading)


def _resolved(namespace: dict[str, Any], loading: Loading) -> Config | ConfigGenerator:
    """Take what a config file defines, over the parents that it names."""
    if "config_gen" in namespace:
        _warn_of_ignored_sweep(namespace, "config_gen", loading.path)
        return _from_config_gen(namespace["config_gen"], loading)
    if "CONFIG" in namespace:
        _warn_of_ignored_sweep(namespace, "CONFIG", loading.path)
        return _from_constant(namespace["CONFIG"], loading)
    with _naming(loading.path):
        own = {name: namespace.get(f"_{name}") for name in _PARTS}
        own["globals"] = capture(namespace, namespace["__name__"])
        config = _slotted(loading.under(_config(own, prefix="_")), loading)
        return _swept(config, namespace.get("_sweep"))


def _slotted(config: Config, loading: Loading) -> Config:
    """Note in a config that it depends on the worker slot, if it does and none was given."""
    if loading.takes_worker and loading.worker_id is None:
        from kohakuengine.config.slots import Origin, SlotFile

        config.origin = Origin(SlotFile(loading.path), config)
    return config


def _warn_of_ignored_sweep(namespace: dict[str, Any], decisive: str, path: str) -> None:
    if "_sweep" in namespace:
        message = f"_sweep is ignored, because the file also defines {decisive}"
        warnings.warn_explicit(message, UserWarning, filename=path, lineno=1)


def _from_constant(value: object, loading: Loading) -> Config:
    if not isinstance(value, Config):
        raise ConfigValueError(
            f"{loading.path}: CONFIG must be Config instance, got {type(value).__name__}"
        )
    return _slotted(loading.under(value), loading)


def _from_config_gen(config_gen: object, loading: Loading) -> Config | ConfigGenerator:
    if not callable(config_gen):
        raise ConfigValueError(
            f"{loading.path}: config_gen must be callable, got {type(config_gen).__name__}"
        )
    result = config_gen(**_worker_argument(config_gen, loading))
    if isinstance(result, Config):
        return _slotted(loading.under(result), loading)
    if hasattr(result, "__next__"):
        return _streamed(result, loading)
    if isinstance(result, CoroutineType):
        result.close()  # it would warn that nobody awaits it
    raise ConfigValueError(
        f"{loading.path}: config_gen() must return Config or generator, got {type(result).__name__}"
    )


def _worker_argument(config_gen: Callable[..., Any], loading: Loading) -> dict[str, int]:
    """What `config_gen` is called with: ``worker_id``, if it takes that and there is one.

    One that must be given is 0, the first slot's, where there is none yet.
    """
    from inspect import Parameter, signature

    try:
        parameters = signature(config_gen).parameters
    except ValueError:  # some callables that are not written in Python do not tell
        return {}
    worker = parameters.get("worker_id")
    if worker is None and not any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values()):
        return {}
    loading.note_worker()
    if loading.worker_id is not None:
        return {"worker_id": loading.worker_id}
    is_required = worker is not None and worker.default is Parameter.empty
    return {"worker_id": 0} if is_required else {}


def _streamed(result: Any, loading: Loading) -> ConfigGenerator:
    configs = result if isinstance(result, ConfigGenerator) else ConfigGenerator(result)
    if loading.takes_worker and loading.worker_id is None:
        from kohakuengine.config.slots import SlotFile

        unasked = ConfigGenerator(loading.stream(configs))
        return ConfigGenerator(SlotFile(loading.path).stream(unasked), configs.length)
    if configs.sweep is not None and not loading.parents:
        return configs  # complete as it is, and it can start afresh
    return ConfigGenerator(loading.stream(configs), configs.length)
