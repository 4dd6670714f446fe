"""The flags that commands share, and the words after ``--``."""

from __future__ import annotations

import argparse
import os

from kohakuengine.errors import nearest
from kohakuengine_cli.ending import usage_error
from kohakuengine_cli.messages import flush, show

TYPE_CHECKING = False  # see `ending`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["Parser", "add_override_flags", "add_run_flags", "split_argv"]

_EXAMPLES = "examples:"


class Parser(argparse.ArgumentParser):
    """`argparse` with errors in our form, and without guessing at shortened options.

    Args:
        examples: Lines that end the help.
        options: As in `argparse.ArgumentParser`.
    """

    def __init__(self, *, examples: Sequence[str], **options: Any) -> None:
        epilog = "\n  ".join([_EXAMPLES, *examples])
        super().__init__(allow_abbrev=False, epilog=epilog, formatter_class=_Help, **options)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The flags of a command line."""
        # Intermixed: `workflow sequential a.py -c conf.py b.py`.
        flags, unknown = self.parse_known_intermixed_args(list(words))
        if unknown:
            self.error(self._unknown(unknown[0]))
        return flags

    def print_help(self, file: Any = None) -> None:  # noqa: ARG002 - the signature of argparse
        """Print the help; where that fails, unlike in `argparse`, it is noticed."""
        show(self.format_help().rstrip())
        flush()

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith((".", "?")) else "."
        usage_error(f"{message}{end} `{self.prog} --help` shows what it takes.")

    def _unknown(self, word: str) -> str:
        if word.startswith("-"):
            known = list(self._option_string_actions)
            message = f"unknown option {word!r}.{nearest(word.partition('=')[0], known)}"
        else:
            message = f"one argument too many: {word!r}."
        script = " The script's own arguments go after `--`." if "--" in (self.usage or "") else ""
        return message + script


class _Help(argparse.HelpFormatter):
    """Keeps the lines of the examples, and asks the terminal for its width itself.

    `argparse` loads ``shutil`` for the latter, for each command that is run, and that is slow.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(_columns() - 2, 100))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLES):
            return text
        return super()._fill_text(text, width, indent)


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns
    except (ValueError, OSError):
        return 100


def split_argv(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Our words, and the script's: those after the first ``--``."""
    words = list(argv)
    if "--" not in words:
        return words, ()
    place = words.index("--")
    return words[:place], tuple(words[place + 1 :])


def add_override_flags(parser: argparse.ArgumentParser) -> None:
    """What decides with which values a script runs."""
    group = parser.add_argument_group("values")
    group.add_argument(
        "-c", "--config", metavar="FILE", help="a config or a sweep: .py, .json, .toml or .yaml"
    )
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one value; KEY may be dotted (cfg.lr). Repeatable; beats the config",
    )
    group.add_argument(
        "--sweep",
        metavar="KEY=V1,V2",
        action="append",
        default=[],
        help="a run for each value; repeated: for each combination",
    )
    group.add_argument(
        "--zip",
        metavar="KEY=V1,V2",
        action="append",
        default=[],
        help="like --sweep, but all --zip axes advance together",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="errors, not warnings, for unknown names, values of the wrong type, and arguments "
        "that the entrypoint does not take",
    )


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """What decides how runs happen, and what is said of them."""
    group = parser.add_argument_group("running")
    group.add_argument("--subprocess", action="store_true", help="each run in a fresh interpreter")
    group.add_argument(
        "--keep-going", action="store_true", help="after a failed run, go on with the others"
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=_count,
        default=0,
        help="try a failed run again, up to N times",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document on stdout; what the script prints goes to stderr",
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of times, such as 0 or 3")
    return int(text)
