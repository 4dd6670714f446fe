"""How a program of ours shows the warnings that this package gives: in one line, for its user.

Python's own way names a line of the code that warns. That is of use to those who call a library,
and of none to those who run a script by a command.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` for this would take longer than all of this module
if TYPE_CHECKING:
    from typing import Any

__all__ = ["show_our_warnings"]

_OURS = frozenset({"kohakuengine", "kohakuengine_cli", "kohakuengine_parallel"})


def show_our_warnings() -> None:
    """Show warnings that point at code of ours as one line on stderr, all others as Python does."""
    import warnings

    # Not the public `showwarning`: a script can see that it is not Python's, and Python tells it
    # less than this one, namely not which object a warning is about.
    python: Any = warnings
    show = python._showwarnmsg_impl  # noqa: SLF001
    if show.__module__ == __name__:  # done already
        return

    def show_message(warning: Any) -> None:
        ours = warning.file is None and warning.filename in _files_of_ours()
        if ours and sys.stderr is not None:
            print(f"Warning: {warning.message}", file=sys.stderr, flush=True)  # noqa: T201 - of a program
        else:
            show(warning)

    python._showwarnmsg_impl = show_message  # noqa: SLF001


def _files_of_ours() -> set[str | None]:
    modules = list(sys.modules.items())
    return {getattr(m, "__file__", None) for name, m in modules if name.partition(".")[0] in _OURS}
