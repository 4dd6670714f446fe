"""Config files that are data: JSON, TOML and YAML, as plain values."""

from __future__ import annotations

import os
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from kohakuengine.errors import ConfigValueError, MissingDistribution

if TYPE_CHECKING:
    from collections.abc import Callable


def read(path: str) -> Any:
    """Read a data file, which is UTF-8.

    Raises:
        ConfigValueError: The suffix is none of `SUFFIXES`, or the content cannot be parsed; the
            message names the line.
        MissingDistribution: It is a YAML file, and PyYAML is not installed.
    """
    parse = _PARSERS.get(os.path.splitext(path)[1].lower())
    if parse is None:
        accepted = ", ".join([".py", *SUFFIXES])
        raise ConfigValueError(f"{path}: the suffix of a config file is one of {accepted}")
    with open(path, "rb") as file:
        content = file.read()
    return parse(path, _decoded(path, content))


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")  # some editors begin every file with a BOM
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, line, "this is not UTF-8") from None


def _unreadable(path: str, line: int, reason: object) -> ConfigValueError:
    return ConfigValueError(f"{path}, line {line}: {reason}")


def _parse_json(path: str, text: str) -> Any:
    import json

    try:
        return json.loads(text, object_pairs_hook=partial(_unique, path))
    except json.JSONDecodeError as error:
        raise _unreadable(path, error.lineno, error.msg) from None


def _unique(path: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what JSON lets pass: two values for one key, of which the last would win silently."""
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ConfigValueError(f"{path}: the key {key!r} is given twice")
        mapping[key] = value
    return mapping


def _parse_toml(path: str, text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Only from Python 3.14 on does the error have the line as a number too.
        reason, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        last = text.count("\n") + 1
        raise _unreadable(path, int(line[1]) if line else last, reason) from None


def _parse_yaml(path: str, text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        if error.name != "yaml":
            raise
        cure = 'pip install "kohakuengine-core[yaml]"'
        raise MissingDistribution(f"{path} needs PyYAML: {cure}", name="yaml") from None
    try:
        return yaml.load(text, _yaml_loader())  # noqa: S506 - it derives from SafeLoader
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _unreadable(path, line, error.reason) from None
    except yaml.MarkedYAMLError as error:
        line = getattr(error.problem_mark, "line", 0) + 1
        raise _unreadable(path, line, error.problem) from None


@cache
def _yaml_loader() -> Any:
    """PyYAML's safe loader without two of its traps."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Of two values for one key, the last would win silently."""

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _ in node.value:
                if (key.tag, str(key.value)) in seen:
                    problem = f"the key {key.value!r} is given twice"
                    raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
                seen.add((key.tag, str(key.value)))
            return node

    # YAML 1.1, which PyYAML implements, takes 1e-3 for a string; YAML 1.2 for the number it is.
    number = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, [*"-+.0123456789"])
    return Loader


_PARSERS: dict[str, Callable[[str, str], Any]] = {
    ".json": _parse_json,
    ".toml": _parse_toml,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
}

SUFFIXES = tuple(_PARSERS)
