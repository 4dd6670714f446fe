"""Build what would be published, compare it with the sources, install it by pip, and use it.

Leaves the files in ``dist/``. Run by ``hatch run wheels:check``.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from building import Environment, build
from members import ROOT, Member, members, version

DIST = ROOT / "dist"

LOAD_ENTRY_POINTS = """
import sys
from importlib.metadata import distribution
found = distribution(sys.argv[1])
assert found.version == sys.argv[2], found.version
for point in found.entry_points:
    point.load()
print(len(found.entry_points))
"""

SCRIPT = """
rate = 0.1
half = rate / 2

def main():
    print(f"{rate=} {half=}")

if __name__ == "__main__":
    main()
"""

FLOW = """
from wflo import Workflow

workflow = Workflow("halves")

@workflow.step()
def half(rate: float) -> float:
    return rate / 2
"""

# What alembic reads is no module that anything imports.
MIGRATE = """
import asyncio, sys
from wflo.db import schema
from wflo.db.engine import Database

async def migrate(url):
    async with await Database.open(url) as database:
        await schema.downgrade(database, "base")
        print(await schema.current(database))

asyncio.run(migrate(sys.argv[1]))
"""


def main() -> None:
    """Check every member's wheel and sdist, then all of them installed.

    Raises:
        SystemExit: Something is missing or does not work.
    """
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with tempfile.TemporaryDirectory(prefix="kogine-wheels-") as folder:
        place = Path(folder)
        for member in members():
            wheel = _check_files(member, place / member.path.name)
            print(f"{wheel.name}: complete, and the same when built from the sdist")
        _check_installed(place)


def _check_files(member: Member, place: Path) -> Path:
    place.mkdir()
    wheel, sdist = build(member.path, DIST, "wheel"), build(member.path, DIST, "sdist")
    files = _files_of(wheel)
    _expect(member.name, "wheel", _wheel_files(member), set(files))
    _expect(member.name, "sdist", _sdist_files(member), _names_of(sdist))
    again = _files_of(build(sdist, place, "wheel"))
    differing = {name for name, _ in files.items() ^ again.items()}
    if differing:
        raise SystemExit(f"{member.name}: the wheel built from the sdist differs in {differing}")
    return wheel


def _files_of(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _names_of(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def _wheel_files(member: Member) -> set[str]:
    info = f"{member.name.replace('-', '_')}-{version()}.dist-info"
    files = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    if member.programs or member.project.get("entry-points"):
        files.add(f"{info}/entry_points.txt")
    if member.module:
        files.add(f"{member.module}/py.typed")
    return files | member.sources


def _sdist_files(member: Member) -> set[str]:
    files = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    return files | {f"src/{name}" for name in member.sources}


def _expect(name: str, kind: str, expected: set[str], found: set[str]) -> None:
    for what, difference in (("lacks", expected - found), ("also holds", found - expected)):
        if difference:
            raise SystemExit(f"the {kind} of {name} {what} {sorted(difference)}")


def _check_installed(place: Path) -> None:
    environment = Environment.create(place / "all", "--seed")  # --seed: with pip, as a user has it
    everything = f"kohakuengine[all]=={version()}"
    environment.run("python", "-m", "pip", "install", "--quiet", "--find-links", DIST, everything)
    environment.run("python", "-m", "pip", "check")
    for member in members():
        points = environment.python(LOAD_ENTRY_POINTS, member.name, version()).strip()
        for program in member.programs:
            environment.run(program, "--help")
            environment.run(program, "--version")
        print(f"{member.name} installed: {points} entry points load, {member.programs} run")
    _check_run(environment)
    _check_flow(environment)


def _check_run(environment: Environment) -> None:
    script = environment.path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    printed = environment.run("kogine", "run", script, "--set", "rate=0.5").strip()
    if printed != "rate=0.5 half=0.25":
        raise SystemExit(f"`kogine run` of the installed wheels printed {printed!r}")
    print(f"kogine run script.py --set rate=0.5: {printed}")


def _check_flow(environment: Environment) -> None:
    flow = environment.path / "flow.py"
    flow.write_text(FLOW, encoding="utf-8")
    for command in (("wflo",), ("kogine", "wflo")):
        printed = environment.run(*command, "run", flow, "--input", "rate=0.5").strip()
        if printed != "0.25":
            raise SystemExit(f"`{' '.join(command)} run` of the wheels printed {printed!r}")
        print(f"{' '.join(command)} run flow.py --input rate=0.5: {printed}")
    revision = environment.python(MIGRATE, f"sqlite:///{environment.path}/migrated.db").strip()
    if revision != "None":
        raise SystemExit(f"after its downgrade the database has the revision {revision}")
    print("the database of wflo migrates")


if __name__ == "__main__":
    main()
