"""Arguments instead of globals: argparse scripts read them from their command line."""

from pathlib import Path

_args = [Path(__file__).parents[2] / "LICENSE"]
_kwargs = {"top": 3, "lower": True}
