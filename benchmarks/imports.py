"""What importing the package costs, and the first use of what it loads lazily."""

from __future__ import annotations

from figures import Bound
from measuring import Benchmark, python, starts
from places import HELLO

IMPORT = Benchmark(
    name="import",
    ours="`import kohakuengine`",
    base="`python -c pass`",
    unit="ms",
    bound=Bound(15, "ms"),
    repeat=starts(python("-c", "import kohakuengine"), python("-c", "pass")),
)

FIRST_CONFIG = Benchmark(
    name="first-config",
    ours="`import kohakuengine`, a first `Config`",
    base="`python -c pass`",
    unit="ms",
    bound=Bound(None, "ms"),
    repeat=starts(
        python("-c", "import kohakuengine; kohakuengine.Config({'lr': 0.1})"), python("-c", "pass")
    ),
)

FIRST_RUN = Benchmark(
    name="first-run",
    ours="`import kohakuengine`, a first `run`",
    base="`python hello.py`",
    unit="ms",
    bound=Bound(None, "ms"),
    repeat=starts(python("-c", f"import kohakuengine; kohakuengine.run({HELLO!r})"), python(HELLO)),
)

WFLO = Benchmark(
    name="wflo-import",
    ours="`from wflo import Workflow`",
    base="`python -c pass`",
    unit="ms",
    bound=Bound(150, "ms"),
    repeat=starts(python("-c", "from wflo import Workflow"), python("-c", "pass")),
)
