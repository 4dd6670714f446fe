"""Log lines on a stream: for people, or one JSON object each. Nothing happens at import.

Code of wflo's logs as any library does, by ``logging.getLogger("wflo...")``, with fields in
``extra``; so it is quiet where nobody configures it. Lines of other libraries appear from WARNING
on. Whoever uses structlog gets the same lines.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from wflo.observability.correlation import correlation

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from wflo.config.sections import LoggingSettings

_MASK = "***"

# Whole words of a key: `input_tokens` is a number.
_SECRET_WORDS = {"authorization", "cookie", "credentials", "passwd", "password", "secret", "token"}
_SECRET_KEYS = re.compile(r"(api|access|private|secret)[_-]?key", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(://[^:@/\s]*):\S+@")


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, among those that others may have given to the root logger."""


def configure_logging(settings: LoggingSettings, stream: TextIO) -> None:
    """Say on a stream what is logged from now on. The last call holds.

    Args:
        settings: How much, and in which form. The level is that of wflo's own loggers.
        stream: Where to; ``sys.stderr`` of a program.
    """
    common = _common()
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _only_extra, *common],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_secrets,
                _renderer(settings.format, stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("wflo").setLevel(settings.level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_correlation,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and "NO_COLOR" not in os.environ,
        exception_formatter=structlog.dev.plain_traceback,  # the other one shows local variables
    )


def _only_extra(logger: Any, method: str, line: EventDict) -> EventDict:  # noqa: ARG001 # structlog's protocol
    """Drop what another handler's formatter left in the record; `extra` cannot have these names."""
    for name in ("asctime", "message"):
        line.pop(name, None)
    return line


def _add_correlation(logger: Any, method: str, line: EventDict) -> EventDict:  # noqa: ARG001 # structlog's protocol
    about = correlation()
    if about is not None:
        for name, value in about._asdict().items():
            if value is not None:
                line.setdefault(name, value)
    return line


def _without_secrets(logger: Any, method: str, line: EventDict) -> EventDict:  # noqa: ARG001 # structlog's protocol
    return {key: _masked(key, value) for key, value in line.items()}


def _masked(key: str, value: Any) -> Any:
    if hasattr(value, "get_secret_value") or _is_secret(key):
        return _MASK
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(rf"\1:{_MASK}@", value)
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), its) for inner, its in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", item) for item in value]
    return value


def _is_secret(key: str) -> bool:
    words = re.split(r"[^a-z]+", key.lower())
    return not _SECRET_WORDS.isdisjoint(words) or _SECRET_KEYS.search(key) is not None
