"""The flags that commands share, and the words after ``--``."""

from __future__ import annotations

import argparse
import os

from kohakuengine.errors import nearest
from kohakuengine_cli.ending import usage_error
from kohakuengine_cli.messages import flush, show

TYPE_CHECKING = False  # see `ending`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

__all__ = [
    "Parser",
    "add_failure_flags",
    "add_output_flags",
    "add_override_flags",
    "add_parallel_flags",
    "add_place_flags",
    "check_flags",
    "known_modes",
    "quantities",
    "split_argv",
]

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


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """What is printed where."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document on stdout; what the script prints goes to stderr, or to its "
        "log",
    )


def add_failure_flags(parser: argparse.ArgumentParser) -> None:
    """What a failed run does to it and to the others."""
    group = parser.add_argument_group("failures")
    group.add_argument(
        "--keep-going", action="store_true", help="after a failed run, go on with the others"
    )
    group.add_argument(
        "--max-failures",
        metavar="N",
        type=quantities("number"),
        help="go on after failed runs, but start nothing new after the Nth",
    )
    group.add_argument(
        "--max-identical-failures",
        metavar="N",
        type=quantities("number"),
        help="the same, after N that failed with the same exception in the same line",
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=quantities("count"),
        default=0,
        help="try a failed run again, up to N times",
    )
    group.add_argument(
        "--retry-delay",
        metavar="TIME",
        type=quantities("wait"),
        help="wait before the first retry (90, 90s, 5m, 1h), and twice as long before each "
        "further one",
    )
    group.add_argument(
        "--retry-on",
        metavar="KIND",
        action="extend",
        type=quantities("names"),
        help="retry these only: the name of an exception (or of a base of it), `lost` for a "
        "process that died, `timeout`. Repeatable",
    )


def add_place_flags(parser: argparse.ArgumentParser) -> None:
    """Whether runs happen in this process, one after the other."""
    group = parser.add_argument_group("running")
    group.add_argument("--subprocess", action="store_true", help="each run in a fresh interpreter")


def add_parallel_flags(
    parser: argparse.ArgumentParser, *names: str, default: str | None = None
) -> None:
    """How runs happen in parallel.

    Args:
        parser: Gets them.
        names: How the flag is called that says how many at once.
        default: Its value. While it is None, the others are refused: see `check_flags`.
    """
    needs = f"; these need {names[0]}" if default is None else ""
    group = parser.add_argument_group(f"in parallel{needs}")
    group.add_argument(
        *names,
        dest="workers",
        metavar="N",
        type=quantities("workers"),
        default=default,
        help="run N at once, each in a process of its own; `auto`: as many as there are CPUs"
        + (" (default)" if default else ""),
    )
    for name, options in _PARALLEL.items():
        group.add_argument(name, **options)


def check_flags(flags: argparse.Namespace) -> None:
    """Refuse flags that would do nothing without another, and a mode that there is not.

    Raises:
        SystemExit: There is one.
    """
    if flags.workers is None:
        for name in _PARALLEL:
            if _value(flags, name) is not None:
                usage_error(
                    f"{name} is for runs in processes of their own: add -j N (-j 1 runs one at a "
                    "time). `kogine run --help` shows what it takes."
                )
    for name, needed in _NEED.items():
        if _value(flags, name) is not None and not _value(flags, needed):
            usage_error(f"{name} does nothing without {needed}.")
    if flags.workers is not None and flags.mode is not None:
        _check_mode(flags.mode, subprocess=flags.subprocess)


def _value(flags: argparse.Namespace, name: str) -> Any:
    return getattr(flags, name[2:].replace("-", "_"), None)


def known_modes() -> list[str]:
    """What ``--mode`` takes: what is always there, and the executors that others registered."""
    from kohakuengine.flow.executors import executor_names

    return [*_MODES, *(name for name in executor_names() if name not in {*_MODES, "inline"})]


def _check_mode(mode: str, *, subprocess: bool) -> None:
    if subprocess and mode != "subprocess":
        usage_error(f"--subprocess is --mode subprocess, and there is --mode {mode} too.")
    modes = _MODES if mode in _MODES else known_modes()
    if mode not in modes:
        usage_error(f"unknown mode {mode!r}; there are {', '.join(modes)}.{nearest(mode, modes)}")


def quantities(name: str) -> Callable[[str], Any]:
    """The function of that name in `kohakuengine_cli.quantities`, loaded when a flag needs it."""

    def parsed(text: str) -> Any:
        from kohakuengine_cli import quantities

        return getattr(quantities, name)(text)

    return parsed


_MODES = ("auto", "fork", "subprocess", "pool")

# flag -> the one without which it means nothing
_NEED = {"--retry-delay": "--retries", "--retry-on": "--retries", "--gpus-per-run": "--gpus"}

_PARALLEL: dict[str, dict[str, Any]] = {
    "--mode": {
        "metavar": "MODE",
        "help": "how processes are made. fork: of one that has imported what the script imports, "
        "in about a millisecond; subprocess: a fresh interpreter for each run; pool: long-lived "
        "ones that do one run after the other; auto (default): fork where that is safe, else "
        "subprocess",
    },
    "--timeout": {
        "metavar": "TIME",
        "type": quantities("duration"),
        "help": "end a run that takes longer: 90 (seconds), 90s, 5m, 1h30m",
    },
    "--grace": {
        "metavar": "TIME",
        "type": quantities("wait"),
        "help": "how long a run that is told to end may take to do so; 5s by default",
    },
    "--memory-limit": {
        "metavar": "MB",
        "type": quantities("megabytes"),
        "help": "memory that a run may use: 512 (MB), 4G",
    },
    "--threads": {
        "metavar": "N",
        "type": quantities("number"),
        "help": "threads of each run's numerical libraries (OpenMP, MKL, OpenBLAS); by default the "
        "CPUs are divided among the workers",
    },
    "--gpus": {"metavar": "LIST", "help": "GPUs that runs get for themselves: 0,1,2,3 or auto"},
    "--gpus-per-run": {
        "metavar": "N",
        "type": quantities("fraction"),
        "help": "how many of them each run gets: 1 (default), 2, or a share such as 0.5",
    },
    "--logs": {
        "metavar": "DIR",
        "help": "where to make the folder with the output of the runs, a file for each; "
        ".kogine/logs by default",
    },
}
