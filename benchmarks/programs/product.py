"""``python product.py MODE SCRIPT RUNS``: a flow of that many runs, two at a time."""

from __future__ import annotations

import sys

from kohakuengine import Config, ConfigGenerator, Parallel, Script


def main(mode: str, script: str, runs: int) -> None:
    configs = ConfigGenerator((Config({"step": step}) for step in range(runs)), runs)
    values = Parallel([Script(script, config=configs)], max_workers=2, executor=mode).run()
    if values != list(range(runs)):
        raise RuntimeError("the values of the runs are not those of their configs")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
