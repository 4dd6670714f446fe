"""One version for all members, in one place."""

import re
import tomllib
from importlib.metadata import version as installed_version

import pytest
from members import ROOT, Member, members, version
from packaging.requirements import Requirement

import kohakuengine

EVERY_MEMBER = pytest.mark.parametrize("member", members(), ids=lambda member: member.name)


def requirements(member: Member) -> list[Requirement]:
    extras = member.project.get("optional-dependencies", {}).values()
    lines = [*member.project.get("dependencies", []), *(line for extra in extras for line in extra)]
    return [Requirement(line) for line in lines]


def test_the_version_file_holds_one_version_and_nothing_else():
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?\n", (ROOT / "VERSION").read_text())


@EVERY_MEMBER
def test_a_member_takes_its_version_from_the_version_file(member):
    with (member.path / "pyproject.toml").open("rb") as file:
        source = tomllib.load(file)["tool"]["hatch"]["version"]["path"]
    assert (member.path / source).resolve() == ROOT / "VERSION"


@EVERY_MEMBER
def test_the_installed_member_has_the_version(member):
    assert installed_version(member.name) == version()


@EVERY_MEMBER
def test_siblings_are_pinned_to_the_version(member):
    siblings = {sibling.name for sibling in members()} - {member.name}
    pins = {str(found.specifier) for found in requirements(member) if found.name in siblings}
    assert pins <= {f"=={version()}"}


def test_dunder_version_is_the_version():
    assert kohakuengine.__version__ == version()


def test_the_changelog_has_a_section_for_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(version())}\b", changelog, flags=re.MULTILINE)
