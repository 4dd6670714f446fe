"""How long the command line takes to start."""

from __future__ import annotations

from figures import Bound
from measuring import Benchmark, python, starts
from places import HELLO, KOGINE

RUN = Benchmark(
    name="kogine-run",
    ours="`kogine run hello.py`",
    base="`python hello.py`",
    unit="ms",
    bound=Bound(3.5),
    repeat=starts([KOGINE, "run", HELLO], python(HELLO)),
)

HELP = Benchmark(
    name="kogine-help",
    ours="`kogine --help`",
    base="`python -c pass`",
    unit="ms",
    bound=Bound(5),
    repeat=starts([KOGINE, "--help"], python("-c", "pass")),
)
