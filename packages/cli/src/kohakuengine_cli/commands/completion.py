"""``kogine completion``: the script that makes a shell complete ``kogine``."""

from __future__ import annotations

from collections.abc import Sequence

from kohakuengine_cli.ending import OK
from kohakuengine_cli.flags import Parser
from kohakuengine_cli.messages import show

__all__ = ["main", "make_parser"]

_SHELLS = ("bash", "zsh", "fish")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    shell = make_parser().parse(argv).shell
    from argcomplete.shell_integration import shellcode

    show(shellcode(["kogine"], shell=shell))
    return OK


def make_parser() -> Parser:
    """The command's parser."""
    parser = Parser(
        prog="kogine completion",
        usage=f"kogine completion {{{','.join(_SHELLS)}}}",
        description="Print the script that makes a shell complete commands, flags, files and the "
        "names that a script has.",
        examples=[
            'eval "$(kogine completion bash)"                                 # in ~/.bashrc',
            'eval "$(kogine completion zsh)"                                  # in ~/.zshrc',
            "kogine completion fish > ~/.config/fish/completions/kogine.fish",
        ],
    )
    parser.add_argument("shell", choices=_SHELLS, help="the shell")
    return parser
