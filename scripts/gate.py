"""Everything that must pass: the program behind ``scripts/test``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pythons
import tools

DESCRIPTION = """\
Run every check and every test, in environments that this makes inside the repository.
It needs Python and the network, nothing else.

  scripts/test                      everything; the tests with this Python
  scripts/test --all                everything; the tests with each Python of the matrix found here
  scripts/test --step types         one step of it (repeatable)
  scripts/test tests/core -k sweep  these tests only: what is not an option below goes to pytest
"""

# Step -> commands of hatch. The tests come after all of these: they take longest, and what they
# print shall be near the end.
CHECKS = {
    "checks": (("check", "code"), ("check", "fmt")),
    "types": (("check", "types"),),
    "layers": (("run", "layers:check"),),
    "alone": (("run", "alone:check"),),
    "wheels": (("run", "wheels:check"),),
}
TESTS = "tests"

PASSED, FAILED = "passed", "FAILED"


@dataclass(frozen=True)
class Step:
    """One line of the summary.

    Attributes:
        title: What it checks.
        commands: Arguments of hatch; all are run, whatever the others do.
        python: The interpreter that they need, where it is not the one that runs hatch.
    """

    title: str
    commands: Sequence[Sequence[str]]
    python: Path | None = None

    def run(self) -> bool:
        """Run it; true if all of it passed."""
        interpreters = [self.python] if self.python else []
        codes = [tools.hatch(*command, pythons=interpreters) for command in self.commands]
        return not any(codes)


def main(argv: Sequence[str]) -> int:
    """Run what `argv` asks for, then say how each step ended.

    Returns:
        The exit code: 0 if every step passed, 130 if the user interrupted them.
    """
    options, pytest_args = _parsed(argv)
    found = _interpreters(every=options.all)
    steps = _some_tests(found, pytest_args) if pytest_args else _steps(options.step, found)
    absent = [version for version in pythons.matrix() if options.all and version not in found]
    try:
        tools.prepare()
        endings = [_run(step) for step in steps]
    except KeyboardInterrupt:
        return 130
    lines = [f"{ending:9} {duration_s:6.1f} s  {title}" for title, ending, duration_s in endings]
    lines += [f"{'not found':18}  Python {version}" for version in absent]
    _heading("summary", *lines)
    return int(any(ending == FAILED for _, ending, _ in endings))


def _run(step: Step) -> tuple[str, str, float]:
    _heading(step.title)
    started = time.monotonic()
    ending = PASSED if step.run() else FAILED
    return step.title, ending, time.monotonic() - started


def _heading(title: str, *lines: str) -> None:
    print(f"\n{f'=== {title} ':=<100}", *lines, sep="\n", flush=True)


def _parsed(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # `--al` may be an option of pytest
    )
    parser.add_argument("--all", action="store_true", help="every Python of the matrix found here")
    parser.add_argument("--step", action="append", choices=[*CHECKS, TESTS], help="only this step")
    end = argv.index("--") if "--" in argv else len(argv)
    options, unknown = parser.parse_known_args(argv[:end])
    return options, [*unknown, *argv[end + 1 :]]


def _interpreters(*, every: bool) -> dict[str, Path]:
    """The Pythons to test with, by version."""
    wanted = pythons.matrix() if every else [pythons.preferred()]
    found = {version: path for version in wanted if version and (path := pythons.find(version))}
    if not found:
        raise SystemExit(f"no Python for the tests is here; one of {pythons.matrix()} is needed")
    return found


def _steps(asked: Sequence[str] | None, found: dict[str, Path]) -> list[Step]:
    names = asked or [*CHECKS, TESTS]
    checks = [Step(name, commands) for name, commands in CHECKS.items() if name in names]
    return checks + (_all_tests(found) if TESTS in names else [])


def _some_tests(found: dict[str, Path], pytest_args: Sequence[str]) -> list[Step]:
    return [_test_step(version, path, ["run", *pytest_args]) for version, path in found.items()]


def _all_tests(found: dict[str, Path]) -> list[Step]:
    """All tests with each Python, and the gate on what they covered together."""
    first, *others = found
    run = ["run-cov", "tests"]
    return [
        _test_step(first, found[first], ["cov-erase"], run),
        *(_test_step(version, found[version], run) for version in others),
        Step("coverage", [_in_tests(first, ["cov-gate"])], found[first]),
    ]


def _test_step(version: str, path: Path, *scripts: Sequence[str]) -> Step:
    commands = [_in_tests(version, script) for script in scripts]
    return Step(f"tests on Python {version}", commands, path)


def _in_tests(version: str, script: Sequence[str]) -> list[str]:
    name, *args = script
    return ["run", f"hatch-test.py{version}:{name}", *args]
