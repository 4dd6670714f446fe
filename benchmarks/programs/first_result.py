"""``python first_result.py MODE SCRIPT CONFIG``: print the value of the run that ends first."""

from __future__ import annotations

import sys
from contextlib import closing

from kohakuengine import Config, Parallel, Script


def main(mode: str, script: str, config: str) -> None:
    flow = Parallel([Script(script, config=Config.from_file(config))], max_workers=2, executor=mode)
    with closing(flow.stream()) as results:
        print(next(results).value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
