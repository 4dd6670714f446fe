"""Where the output of runs is kept: one file for each, in a folder for each flow."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress

from kohakuengine.errors import WorkflowError

__all__ = ["RunLogs"]

_HOME = ".kogine"
_IGNORE = ".gitignore"
_PRIVATE = 0o700

# Not the user's mistake, and possibly over in a minute.
_FULL = (errno.ENOSPC, errno.EDQUOT)

# Another flow may remove an empty folder just before one is made in it. That is rare; so many times
# in a row it is something else (a dangling link, /proc).
_ATTEMPTS = 100


class RunLogs:
    """The log files of one flow.

    They are in a folder that is the flow's alone, ``<YYYYmmdd-HHMMSS>-<pid>`` (``-2`` and so on
    where one process makes several in a second), so nothing that was there before is ever written
    to. It is made when the first path is asked for. Folders made here are for the user only (0700).

    Paths are cheap: nothing is opened or looked at. Where opening one fails (a full disk, a folder
    that somebody removed), the run must not fail for it: its output goes to `os.devnull` and it has
    no log. Open with ``O_APPEND``, so that a process that replaces another one loses nothing.

    Args:
        directory: The folder in which the flow's folder is made, by default ``.kogine/logs``. A
            relative one is taken from what is now the current folder.

    Raises:
        WorkflowError: The current folder is gone.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        given = os.path.join(_HOME, "logs") if directory is None else os.fspath(directory)
        try:
            self._base = os.path.abspath(given)
        except OSError as error:
            raise _unusable(given, error) from error
        # The folder that needs a .gitignore if it is made here.
        self._home = os.path.dirname(self._base) if directory is None else None
        self._folder: str | None = None
        self._made: list[str] = []
        self._making = threading.Lock()

    def path(self, index: int, attempt: int = 1) -> str:
        """The log file of an attempt, counted from 1, at a run.

        It has the run's number as people count: that of index 0 is ``000001.log``.

        Raises:
            WorkflowError: The folder cannot be made, and will not be: the user has to name another.
            OSError: The disk is full. The run should go on without a log; the next call tries
                again.
        """
        number = f"{index + 1:06d}" if attempt == 1 else f"{index + 1:06d}-{attempt}"
        return f"{self._folder or self._made_folder()}{os.sep}{number}.log"

    def worker_path(self, slot: int) -> str:
        """The log file of the workers that have the slot, one after the other.

        Raises:
            WorkflowError: As with `path`.
            OSError: As with `path`.
        """
        return f"{self._folder or self._made_folder()}{os.sep}worker-{slot}.log"

    def settle(self, path: str) -> str | None:
        """The path, once nobody writes there any more; None if nothing is there.

        An empty file is removed.
        """
        try:
            if os.stat(path).st_size:
                return path
            os.unlink(path)
        except FileNotFoundError:
            return None
        except OSError:
            return path  # it cannot be removed, so it is there
        return None

    def has_content(self, path: str) -> bool:
        """Whether anything has been written to a log that is still in use."""
        try:
            return os.stat(path).st_size > 0
        except OSError:
            return False

    def close(self) -> None:
        """Remove those of the folders made here that are empty."""
        with self._making:
            self._folder = None
            with suppress(OSError):  # not empty, and so are those above it; or gone
                while self._made:
                    self._remove(self._made[-1])
                    self._made.pop()
            self._made.clear()

    def _made_folder(self) -> str:
        with self._making:
            if self._folder is None:
                try:
                    self._folder = self._new_folder()
                except OSError as error:
                    if error.errno in _FULL:
                        raise
                    raise _unusable(self._base, error) from error
            return self._folder

    def _new_folder(self) -> str:
        name = os.path.join(self._base, f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        folder, number = name, 1
        while True:
            try:
                self._make(folder)
            except FileExistsError:
                number += 1
                folder = f"{name}-{number}"
            else:
                return folder

    def _make(self, folder: str, attempts: int = _ATTEMPTS) -> None:
        """Make a folder, after those above it that are missing."""
        while True:
            try:
                os.mkdir(folder, _PRIVATE)
            except FileNotFoundError:
                if not attempts:
                    raise
                attempts -= 1
                with suppress(FileExistsError):
                    self._make(os.path.dirname(folder), attempts)
            else:
                break
        self._made.append(folder)
        if folder == self._home:
            _hide_from_git(folder)

    def _remove(self, folder: str) -> None:
        if folder == self._home and os.listdir(folder) == [_IGNORE]:
            os.unlink(os.path.join(folder, _IGNORE))
            try:
                os.rmdir(folder)
            except OSError:  # another flow has just moved in
                _hide_from_git(folder)
                raise
        else:
            os.rmdir(folder)


def _hide_from_git(folder: str) -> None:
    # A courtesy: that it fails is no reason to run nothing.
    with suppress(OSError), open(os.path.join(folder, _IGNORE), "w", encoding="utf-8") as file:
        file.write("*\n")


def _unusable(folder: str, error: OSError) -> WorkflowError:
    return WorkflowError(
        f"cannot make a folder for logs in {folder}: {error.strerror}; "
        "set log_dir to a folder that can be written to"
    )
