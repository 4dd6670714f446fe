"""Every error that wflo raises of its own.

    WfloError
    ├── SettingsError            (ValueError) a setting that cannot be used, by its variable
    ├── DefinitionError          (ValueError) a workflow that cannot be built, by its step
    │   └── WorkflowNotFound     (LookupError) a file or an app without the workflow
    ├── InputError               (ValueError) the input is not what the workflow takes
    ├── NotSupported             this engine does not do what the workflow asks for
    ├── CodeChanged              the code at hand is not that which was submitted
    ├── ExecutionNotFound        (LookupError) no execution of this id
    ├── ExecutionExists          (ValueError) the id belongs to another workflow or input
    ├── SnapshotNotFound         (LookupError) no snapshot of this id
    ├── DatabaseError            the database cannot be used
    │   ├── DatabaseUnavailable  it did not answer, or gave the transaction up: try again
    │   ├── SchemaTooNew         it was written by a newer wflo
    │   └── SchemaTooOld         it lacks migrations, and may not be upgraded on the way
    ├── StepError                (RuntimeError) one attempt at a step ended badly
    │   ├── StepInputError       (TypeError) an argument is not of the annotated type
    │   ├── StepResultError      (TypeError) the result is not JSON, or not of the annotated type
    │   ├── StepTimeout          (TimeoutError) it took longer than it was given
    │   ├── StepProcessDied      its child process died without an answer
    │   ├── LoopBoundReached     a loop was not done after its last iteration
    │   └── MapTooLarge          more items than the step may have
    ├── LeaseLost                another worker holds the step, or the run was cancelled
    └── ExecutionFailed          (RuntimeError) a run ended in a status other than completed
        └── ExecutionCancelled   it was cancelled
    MissingExtra                 (ImportError) an optional part is not installed

The built-in type in brackets is a second base. What the *user's* step raises is never wrapped in
one of these where it is raised: the journal keeps its type, message and traceback as text, and
`ExecutionFailed` carries them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class WfloError(Exception):
    """What the user can act on: the CLI prints its message and no traceback."""


class SettingsError(WfloError, ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class DefinitionError(WfloError, ValueError):
    """A workflow cannot be built as it is written; the message names the step."""


class WorkflowNotFound(DefinitionError, LookupError):
    """A file, a module or an app does not have the workflow that was asked for."""


class InputError(WfloError, ValueError):
    """What was given to a run is not what its workflow takes."""


class NotSupported(WfloError):
    """The workflow asks for something that this engine does not do; nothing was started."""


class CodeChanged(WfloError):
    """The code at hand differs from the code that the execution was submitted with."""


class ExecutionNotFound(WfloError, LookupError):
    """There is no execution of this id."""


class ExecutionExists(WfloError, ValueError):
    """An execution of this id exists, of another workflow or with other input."""


class SnapshotNotFound(WfloError, LookupError):
    """There is no snapshot of this id."""


class DatabaseError(WfloError):
    """The database cannot be reached, or cannot be used."""


class DatabaseUnavailable(DatabaseError):
    """The database did not answer, or gave the transaction up: the same one may be tried again.

    Where the answer to a COMMIT was lost the transaction may have been committed all the same. So
    what is tried again must find out, as every conditional update does.
    """


class SchemaTooNew(DatabaseError):
    """The database was written by a newer version, whose tables this one does not know."""


class SchemaTooOld(DatabaseError):
    """The database lacks migrations: ``wflo db upgrade`` brings them."""


class StepError(WfloError, RuntimeError):
    """One attempt at a step ended badly, for a reason other than what its code raised."""


class StepInputError(StepError, TypeError):
    """An argument of a step is not what its annotation says."""


class StepResultError(StepError, TypeError):
    """What a step returned is not JSON, or not what its annotation says."""


class StepTimeout(StepError, TimeoutError):
    """An attempt took longer than the step's ``timeout_s``."""


class StepProcessDied(StepError):
    """The child process of an isolated step died without an answer."""


class LoopBoundReached(StepError):
    """A loop was not done after as many iterations as it may have."""


class MapTooLarge(StepError):
    """There are more items than the step may have iterations."""


class LeaseLost(WfloError):
    """The write of a worker that no longer holds its step was refused."""


class ExecutionFailed(WfloError, RuntimeError):
    """A run ended in a status other than completed.

    Attributes:
        execution_id: Which one.
        failure: The first failed step as the journal has it (`wflo.models.StepFailure`), or None
            where no step failed, as after a timeout of the whole.
    """

    def __init__(self, message: str, *, execution_id: str, failure: Any = None) -> None:
        super().__init__(message)
        self.execution_id = execution_id
        self.failure = failure


class ExecutionCancelled(ExecutionFailed):
    """A run was cancelled before it could end."""


class MissingExtra(ImportError):
    """An optional part of wflo is not installed; the message has the pip line.

    Args:
        extra: The extra that brings it.
        wants: What asked for it, as the start of a sentence.
    """

    def __init__(self, extra: str, wants: str) -> None:
        super().__init__(f'{wants} needs the extra {extra!r}: pip install "wflo[{extra}]"')
        self.extra = extra


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message: ``; did you mean 'lr'?``, or nothing if no known name is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
