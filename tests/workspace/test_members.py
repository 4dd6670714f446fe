"""What the members are, and what they may need."""

from importlib.metadata import distribution, entry_points

import pytest
from members import ROOT, members
from packaging.requirements import Requirement

MEMBERS = {member.name: member for member in members()}
EVERY_MEMBER = pytest.mark.parametrize("member", MEMBERS.values(), ids=lambda member: member.name)


def needed(lines: list[str]) -> set[str]:
    return {Requirement(line).name for line in lines}


def test_every_folder_of_packages_is_an_identifier_with_a_pyproject():
    folders = [path for path in (ROOT / "packages").iterdir() if path.is_dir()]
    assert [path.name for path in folders if not path.name.isidentifier()] == []
    assert [path.name for path in folders if not (path / "pyproject.toml").is_file()] == []


def test_each_distribution_has_one_import_package_of_its_own():
    assert {name: member.module for name, member in MEMBERS.items()} == {
        "kohakuengine": None,
        "kohakuengine-cli": "kohakuengine_cli",
        "kohakuengine-core": "kohakuengine",
        "kohakuengine-parallel": "kohakuengine_parallel",
        "wflo": "wflo",
    }


@EVERY_MEMBER
def test_a_member_has_the_licence_a_readme_and_the_oldest_python(member):
    assert (member.path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (member.path / member.project["readme"]).read_text().startswith(f"# {member.name}\n")
    assert member.project["requires-python"] == ">=3.11"


def test_core_needs_nothing():
    assert MEMBERS["kohakuengine-core"].project["dependencies"] == []


@pytest.mark.parametrize("name", ["kohakuengine-cli", "kohakuengine-parallel"])
def test_a_sibling_needs_core_and_no_other_sibling(name):
    dependencies = needed(MEMBERS[name].project["dependencies"])
    assert dependencies & MEMBERS.keys() == {"kohakuengine-core"}


def test_wflo_needs_no_member_but_core_for_its_extra_scripts():
    project = MEMBERS["wflo"].project
    extras = {name: needed(lines) for name, lines in project["optional-dependencies"].items()}
    assert needed(project["dependencies"]) & MEMBERS.keys() == set()
    assert {name for name, found in extras.items() if found & MEMBERS.keys()} == {"scripts", "all"}
    assert extras["scripts"] == {"kohakuengine-core"}


def test_one_extra_of_wflo_brings_all_the_others():
    extras = MEMBERS["wflo"].project["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert (everything.name, everything.extras) == ("wflo", extras.keys() - {"all"})


def test_the_bundle_is_core_and_an_extra_for_each_part_and_one_for_all():
    bundle = MEMBERS["kohakuengine"].project
    extras = bundle["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert needed(bundle["dependencies"]) == {"kohakuengine-core"}
    assert extras.keys() == {"cli", "parallel", "wflo", "yaml", "all"}
    assert (everything.name, everything.extras) == ("kohakuengine", extras.keys() - {"all"})


@EVERY_MEMBER
def test_the_entry_points_of_a_member_resolve(member):
    declared = {"console_scripts": member.project.get("scripts", {})}
    declared |= member.project.get("entry-points", {})
    wanted = {(group, name) for group, points in declared.items() for name in points}
    installed = distribution(member.name).entry_points
    assert {(point.group, point.name) for point in installed} == wanted
    assert all(callable(point.load()) for point in installed)


def test_executors_of_all_members_have_different_names():
    names = [point.name for point in entry_points(group="kohakuengine.executors")]
    assert sorted(names) == sorted(set(names))
