"""Install each member by itself and import all of it: what it uses, it declares.

Run by ``hatch run alone:check``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from building import Environment, build
from members import Member, members, version

IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""

INSTALLED = """
from importlib.metadata import distributions
print(*sorted(found.name for found in distributions()))
"""

# What may be there after installing a member, where that is a promise.
BRINGS = {
    "kohakuengine-core": ["kohakuengine-core"],
    "kohakuengine": ["kohakuengine", "kohakuengine-core"],
}


def main() -> None:
    """Check every member.

    Raises:
        SystemExit: A member lacks something.
    """
    with tempfile.TemporaryDirectory(prefix="kogine-alone-") as folder:
        place = Path(folder)
        overrides = place / "overrides.txt"
        overrides.write_text("\n".join(_build_all(place / "wheels")), encoding="utf-8")
        for member in members():
            environment = Environment.create(place / member.path.name)
            environment.install("--overrides", overrides, f"{member.name}=={version()}")
            print(f"{member.name}: {_check(member, environment)}")


def _build_all(target: Path) -> list[str]:
    """Wheels of all members, as requirements that no index can answer with another build."""
    target.mkdir()
    wheels = ((member.name, build(member.path, target, "wheel")) for member in members())
    return [f"{name} @ {wheel.as_uri()}" for name, wheel in wheels]


def _check(member: Member, environment: Environment) -> str:
    installed = environment.python(INSTALLED).split()
    if installed != BRINGS.get(member.name, installed):
        raise SystemExit(f"{member.name} brings {installed}, instead of {BRINGS[member.name]}")
    environment.python(IMPORT, *member.modules)
    for program in member.programs:
        environment.run(program, "--version")
    return f"brings {', '.join(installed)}; {len(member.modules)} modules import"


if __name__ == "__main__":
    main()
