"""The distributions of the workspace, as their own files describe them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# The ends of the names of modules that Python runs, and that alembic runs.
_PROGRAMS = (".__main__", ".migrations.env")


@dataclass(frozen=True)
class Member:
    """One folder of ``packages/``.

    Attributes:
        path: The folder.
    """

    path: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The table ``[project]`` of its pyproject.toml."""
        with (self.path / "pyproject.toml").open("rb") as file:
            table: dict[str, Any] = tomllib.load(file)["project"]
        return table

    @property
    def name(self) -> str:
        """The distribution."""
        return str(self.project["name"])

    @property
    def programs(self) -> list[str]:
        """The console scripts that it installs."""
        return list(self.project.get("scripts", {}))

    @property
    def module(self) -> str | None:
        """The import package, or None where it holds no code."""
        found = [entry.parent.name for entry in self.path.glob("src/*/__init__.py")]
        return found[0] if found else None

    @property
    def modules(self) -> list[str]:
        """Every module that can be imported; those in `_PROGRAMS` would run instead."""
        paths = sorted(name.removesuffix(".py") for name in self.sources if name.endswith(".py"))
        names = (path.removesuffix("/__init__").replace("/", ".") for path in paths)
        return [name for name in names if not name.endswith(_PROGRAMS)]

    @property
    def sources(self) -> set[str]:
        """The files of the import package, as a wheel names them."""
        source = self.path / "src"
        files = (file for file in source.rglob("*") if file.is_file())
        return {
            file.relative_to(source).as_posix()
            for file in files
            if file.parent.name != "__pycache__"
        }


def members() -> list[Member]:
    """Every member, those with the fewest dependencies first."""
    found = [Member(file.parent) for file in sorted(ROOT.glob("packages/*/pyproject.toml"))]
    return sorted(found, key=lambda member: len(member.project.get("dependencies", ())))


def version() -> str:
    """The one version of them all."""
    return (ROOT / "VERSION").read_text(encoding="utf-8").strip()
