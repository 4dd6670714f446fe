"""A statement that is text, for what executes it without SQLAlchemy as for what has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Query(NamedTuple):
    """A SELECT.

    Attributes:
        sql: Its text, in what SQLite and PostgreSQL both take; parameters are ``:name`` in it.
        parameters: Their values, by name.
    """

    sql: str
    parameters: Mapping[str, str | int]
