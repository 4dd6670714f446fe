"""Where the measured scripts and programs are."""

from __future__ import annotations

import sysconfig
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
HELLO = str(SCRIPTS / "hello.py")
TRIVIAL = str(SCRIPTS / "trivial.py")
KOGINE = str(Path(sysconfig.get_path("scripts")) / "kogine")
USES_NUMPY = str(SCRIPTS / "uses_numpy.py")
MILLION = str(SCRIPTS / "million.py")
PROGRAMS = Path(__file__).parent / "programs"
SUPPORT = str(Path(__file__).parents[1] / "tests" / "support")
WFLO = str(Path(sysconfig.get_path("scripts")) / "wflo")
