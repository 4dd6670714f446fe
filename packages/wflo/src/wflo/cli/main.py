"""``wflo``: finds the command and hands it the rest of the line."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from wflo.cli.ending import OK, Mode, guarded

# command -> (module, what `--help` says). A command's module has a `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Run a workflow here, and wait for its end."),
    "submit": ("submit", "Create a run, for a worker to do."),
    "worker": ("worker", "Run what was submitted, until it is told to stop."),
    "list": ("list", "List runs, the newest first."),
    "show": ("show", "Show a run and its steps."),
    "logs": ("logs", "Print what a run's steps said."),
    "history": ("history", "Print what happened to a run, in order."),
    "cancel": ("cancel", "End a run, and what runs of it."),
    "resume": ("resume", "Let a run that failed or was cancelled go on."),
    "db upgrade": ("db_upgrade", "Bring the database's tables up to date."),
    "db current": ("db_current", "Say which version the database's tables have."),
    "config show": ("config_show", "Print the settings, without secrets."),
    "doctor": ("doctor", "Versions, the database, and what is wrong with them."),
}
_GROUPS = {"db": "The database's tables.", "config": "Settings."}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed.

    Args:
        prefix: What the names of its commands begin with in `COMMANDS`.
        options: Those of `click.Group`.
    """

    def __init__(self, prefix: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 # click's signature
        own = [name.removeprefix(self._prefix) for name in COMMANDS if self._has(name)]
        return list(dict.fromkeys(name.split()[0] for name in own))

    def _has(self, name: str) -> bool:
        return name.startswith(self._prefix)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 # the same
        cmd_name: str,
    ) -> click.Command | None:
        if not self._prefix and cmd_name in _GROUPS:
            return LazyGroup(f"{cmd_name} ", name=cmd_name, help=_GROUPS[cmd_name])
        found = COMMANDS.get(self._prefix + cmd_name)
        if found is None:
            return None
        return _loaded(f"wflo.cli.commands.{found[0]}")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            near = get_close_matches(args[0], names, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"unknown command {self._prefix + args[0]!r}.{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        ctx.ensure_object(Mode).command = f"{ctx.command_path} {name}"
        return name, command, rest

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 # the same
        formatter: click.HelpFormatter,
    ) -> None:
        rows = [
            (name.removeprefix(self._prefix), text)
            for name, (_, text) in COMMANDS.items()
            if self._has(name)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _loaded(name: str) -> click.Command:
    """The command of a module.

    What is imported stays to the end: the garbage collector has nothing to find in it, and does not
    look, neither on the way nor at the end. Both take longer than a short command.
    """
    if name not in sys.modules and gc.isenabled():
        gc.disable()
        try:
            import_module(name)
        finally:
            gc.enable()
            gc.freeze()
    command: click.Command = import_module(name).command
    return command


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"wflo {version('wflo')}")
        ctx.exit()


_ROOT = LazyGroup(
    name="wflo",
    help="Durable workflows of plain Python steps, on a file or on PostgreSQL.",
    epilog="`wflo COMMAND --help` says what a command takes.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version.",
        )
    ],
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after ``wflo``; those of this process by default.

    Returns:
        The exit code; `wflo.cli.ending` lists them.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda mode: _run(words, mode))


def _run(words: list[str], mode: Mode) -> int:
    # By the words: errors are told as JSON also where the words make no sense.
    mode.json = any(word.partition("=")[0] == "--json" for word in words)
    code = _ROOT.main(args=words, prog_name="wflo", standalone_mode=False, obj=mode)
    return int(code or OK)
