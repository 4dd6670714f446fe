"""Settings: read from the environment, from ``.env``, and from files with secrets.

The environment wins over ``.env`` in the current folder, that over the files in the folder that
``WFLO_SECRETS_DIR`` names, or ``/run/secrets`` where there is one. Names are the same everywhere:
``WFLO_``, the section, two underscores, the setting, as in ``WFLO_LOGGING__LEVEL``. The database's
URL is also ``WFLO_DATABASE_URL``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from wflo.config.sections import (
    BudgetSettings,
    DatabaseSettings,
    EngineSettings,
    EventSettings,
    KafkaSettings,
    LoggingSettings,
    RedisSettings,
    SandboxSettings,
    TemporalSettings,
)
from wflo.config.urls import masked_url
from wflo.errors import SettingsError

PREFIX = "WFLO_"
SECRETS_DIR = "WFLO_SECRETS_DIR"

_DEFAULT_SECRETS_DIR = "/run/secrets"  # where containers get theirs
_NESTED = "__"

# What is written in another way than its section says.
_SHORT = {"WFLO_DATABASE_URL": "WFLO_DATABASE__URL"}
_LONG = {long: short for short, long in _SHORT.items()}


class Settings(BaseSettings):
    """All settings. To make one is to read them, and may raise `SettingsError`.

    A name that begins with ``WFLO_`` and is none of a section gives a warning with the nearest one;
    systems that start containers give them variables of their own. In a section it is an error.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_NESTED,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    events: EventSettings = EventSettings()
    kafka: KafkaSettings = KafkaSettings()
    temporal: TemporalSettings = TemporalSettings()
    logging: LoggingSettings = LoggingSettings()
    sandbox: SandboxSettings = SandboxSettings()
    budgets: BudgetSettings = BudgetSettings()
    engine: EngineSettings = EngineSettings()

    def __init__(self, **sections: Any) -> None:
        try:
            super().__init__(**sections)
        except ValidationError as error:
            raise SettingsError("; ".join(map(_explained, error.errors()))) from None
        except (UnicodeDecodeError, OSError) as error:  # those of other files are SettingsErrors
            raise SettingsError(f".env cannot be read: {_reason(error)}") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give all sources the same names, and look at each name."""
        files = EnvSettingsSource(settings_cls)
        assert isinstance(file_secret_settings, SecretsSettingsSource)
        files.env_vars = _secret_files(_secrets_dir(file_secret_settings.secrets_dir))
        for source in (env_settings, dotenv_settings, files):
            assert isinstance(source, EnvSettingsSource)
            source.env_vars = _checked(source.env_vars)
        return init_settings, env_settings, dotenv_settings, files


def variables() -> dict[str, FieldInfo]:
    """Every setting, by the name of its variable."""
    return {
        variable(section, name): field
        for section, of in Settings.model_fields.items()
        for name, field in _fields(of).items()
    }


def variable(section: str, name: str) -> str:
    """The variable that sets a setting."""
    long = f"{PREFIX}{section}{_NESTED}{name}".upper()
    return _LONG.get(long, long)


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """All settings as JSON: of secrets only that they are there, of URLs all but the passwords."""
    return {
        section: {name: _shown(getattr(values, name)) for name in type(values).model_fields}
        for section in Settings.model_fields
        for values in (getattr(settings, section),)
    }


def _shown(value: Any) -> Any:
    return masked_url(value.get_secret_value()) if isinstance(value, SecretStr) else value


def _fields(section: FieldInfo) -> dict[str, FieldInfo]:
    model = section.annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model.model_fields


def _secrets_dir(given: Any) -> str | None:
    """The folder with secrets: that of ``Settings(_secrets_dir=...)`` before all others."""
    if chosen := given or os.environ.get(SECRETS_DIR):
        if not _is_readable(chosen):
            raise SettingsError(f"{SECRETS_DIR}: there is no folder {chosen} that can be read")
        return os.fspath(chosen)
    return _DEFAULT_SECRETS_DIR if _is_readable(_DEFAULT_SECRETS_DIR) else None


def _is_readable(folder: str) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)


def _secret_files(folder: str | None) -> dict[str, str | None]:
    """What the files say that have names of ours; others have theirs in such a folder, too."""
    found: dict[str, str | None] = {}
    for name in sorted(os.listdir(folder)) if folder else []:
        path = os.path.join(folder or "", name)
        if name.upper().startswith(PREFIX) and os.path.isfile(path):
            try:
                with open(path, encoding="utf-8") as file:
                    found[name.lower()] = file.read().strip()
            except (UnicodeDecodeError, OSError) as error:
                text = f"{name.upper()}: the file {path} cannot be read: {_reason(error)}"
                raise SettingsError(text) from None
    return found


def _reason(error: UnicodeDecodeError | OSError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def _checked(found: Mapping[str, str | None]) -> dict[str, str | None]:
    """Names of one source (in lower case), the short ones made long."""
    checked = dict(found)
    for short, long in _SHORT.items():
        if short.lower() in found:
            if long.lower() in found:
                raise SettingsError(f"{short} and {long} are one setting: give one of them")
            checked[long.lower()] = checked.pop(short.lower())
    sections = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in filter(_is_ours, map(str.upper, checked)):
        _check_name(name, sections)
    return checked


def _is_ours(name: str) -> bool:
    ignored = name == SECRETS_DIR or name.startswith(f"{PREFIX}TEST_")
    return name.startswith(PREFIX) and not ignored


def _check_name(name: str, sections: set[str]) -> None:
    if name in sections:
        raise SettingsError(f"{name} is a section: set {name}__..., one variable for each setting")
    if name.partition(_NESTED)[0] not in sections:
        near = get_close_matches(name, variables(), 1, cutoff=0.8)
        text = f"{name} is no setting{_did_you_mean(near)}"
        warnings.warn(
            text, UserWarning, stacklevel=2
        )  # the environment is to blame, no line of code


def _explained(error: Any) -> str:
    """One error of pydantic's, with the variable; never with the value, which may be a secret."""
    section, *path = map(str, error["loc"])
    name = variable(section, path[0]) if path else f"{PREFIX}{section}".upper()
    if error["type"] == "extra_forbidden":
        near = get_close_matches(path[0], _fields(Settings.model_fields[section]), 1)
        hint = _did_you_mean([variable(section, other) for other in near])
        return f"{name}: there is no such setting{hint}"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"


def _did_you_mean(near: list[str]) -> str:
    return f"; did you mean {near[0]}?" if near else ""
