"""Where the command line has always been: `main`, and ``python -m kohakuengine.cli``.

It lives in ``kohakuengine-cli``; this is the door to it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kohakuengine.errors import MissingDistribution

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``kogine`` with the arguments `argv` (those of this process by default).

    Returns:
        The exit code.

    Raises:
        MissingDistribution: ``kohakuengine-cli`` is not installed.
    """
    try:
        from kohakuengine_cli.main import main as cli_main
    except ModuleNotFoundError as error:
        if error.name not in {"kohakuengine_cli", "kohakuengine_cli.main"}:
            raise
        line = 'pip install "kohakuengine[cli]"'
        raise MissingDistribution(
            f"The command line is not installed. Install it: {line}"
        ) from None
    return cli_main(argv)


def launch() -> int:
    """`main` for ``python -m``: the missing distribution is one line on stderr."""
    try:
        return main()
    except MissingDistribution as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - this is a program here
        return 1


if __name__ == "__main__":
    raise SystemExit(launch())
