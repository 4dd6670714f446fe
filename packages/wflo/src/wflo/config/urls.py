"""The URL of a database: which ones are taken, and how it is shown without what is secret in it.

It needs nothing but the standard library: settings are read in processes that open no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal
from urllib.parse import parse_qsl, unquote

from wflo.errors import SettingsError

ACCEPTED = (
    "sqlite:///PATH, postgresql://USER:PASSWORD@HOST:PORT/NAME, "
    "postgresql+psycopg://... or postgresql+asyncpg://..."
)

Driver = Literal["aiosqlite", "psycopg", "asyncpg"]

_DRIVERS: dict[str, Driver] = {
    "sqlite": "aiosqlite",
    "sqlite+aiosqlite": "aiosqlite",
    "postgresql": "psycopg",
    "postgresql+psycopg": "psycopg",
    "postgresql+asyncpg": "asyncpg",
}
_SERVER = re.compile(
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>.*?))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:/?#\[\]]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<name>[^@/?#]*))?(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)
# What is before the last @ may be a user and a password, but for the path of a file.
_ANY = re.compile(
    r"([A-Za-z0-9+.-]+://)(?:(?<!sqlite://)([^:]*):(.*)(?=@))?(.*)", re.DOTALL | re.IGNORECASE
)
_SECRET = re.compile(r"pass|pwd|secret|token|credential|key$", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z0-9+.-]{1,30}")
_MASK = "***"


@dataclass(frozen=True, kw_only=True)
class DatabaseUrl:
    """Where a database is.

    Attributes:
        shown: The URL, with stars for what is secret; also the object's text.
        driver: What talks to it; it also says which kind of database it is.
        name: The file's path as it was given, or the database's name on its server.
        user: Who connects, decoded.
        password: Decoded.
        host: The server.
        port: Its port.
        query: Options for the driver, decoded.
    """

    shown: str
    driver: Driver
    name: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    query: dict[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.shown


def parse_database_url(text: str) -> DatabaseUrl:
    """Read a URL. Whatever is wrong with it, the message holds nothing but its scheme.

    A user and a password may be percent-encoded, and need not be.

    Raises:
        SettingsError: It is none that is taken; the message says which are.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise SettingsError(f"a database URL is one of {ACCEPTED}; this one is none")
    driver = _DRIVERS.get(scheme.lower())
    if driver is None:
        near = get_close_matches(scheme, _DRIVERS, 1)
        hint = f"; did you mean {near[0]}://?" if near else ""
        raise SettingsError(f"a database URL is one of {ACCEPTED}, not {scheme}://...{hint}")
    if driver == "aiosqlite":
        return DatabaseUrl(shown=text.strip(), driver=driver, name=_path(rest))
    return _parse_server(masked_url(text.strip()), driver, rest)


def _path(rest: str) -> str:
    if not rest.startswith("/"):
        raise SettingsError(
            "a database URL of sqlite has three slashes before a relative path (sqlite:///PATH), "
            "four before an absolute one"
        )
    path = rest[1:]
    if path in {"", ":memory:"}:
        raise SettingsError(
            "a database URL of sqlite needs a file, sqlite:///PATH: "
            "one in memory is gone with the process, and no other could take part"
        )
    if "?" in path or path.startswith("file:"):
        raise SettingsError("a database URL of sqlite is a path, sqlite:///PATH, without options")
    return path


def _parse_server(shown: str, driver: Driver, rest: str) -> DatabaseUrl:
    found = _SERVER.fullmatch(rest)
    if found is None:
        raise SettingsError(
            "a database URL of postgresql is postgresql://USER:PASSWORD@HOST:PORT/NAME, where the "
            "port is a number; what is special in a name is percent-encoded, '@' as %40"
        )
    user, password, host, port, name, query = found.groups()
    return DatabaseUrl(
        shown=shown,
        driver=driver,
        name=unquote(name or ""),
        user=unquote(user) if user else None,
        password=unquote(password) if password is not None else None,
        host=host.strip("[]") or None,
        port=int(port) if port else None,
        query=dict(parse_qsl(query or "", keep_blank_values=True)),
    )


def masked_url(text: str) -> str:
    """A secret as it may be shown: of a URL all but passwords, of anything else nothing."""
    found = _ANY.fullmatch(text)
    if found is None:
        return _MASK
    scheme, user, password, rest = found.groups()
    login = f"{user}:{_MASK if password else ''}" if user is not None else ""
    address, separator, query = f"{login}{rest}".partition("?")
    pairs = (_masked_pair(*pair.partition("=")) for pair in query.split("&"))
    return f"{scheme}{address}{separator}{'&'.join(pairs)}"


def _masked_pair(key: str, separator: str, value: str) -> str:
    return f"{key}{separator}{_MASK if value and _SECRET.search(unquote(key)) else value}"
