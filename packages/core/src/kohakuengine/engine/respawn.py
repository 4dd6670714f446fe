"""How processes that a script starts by ``multiprocessing`` see the overridden values too.

A spawned (or forkserver) child imports its parent's ``__main__`` again, to have the functions and
classes that arrive pickled. By itself it would read the file as it stands and get the defaults.
What it imports is named by ``__main__.__spec__``; so a run with overrides has a `RespawningMain`,
which shows those who start processes a name that leads to `kohakuengine.engine.spawned`, and that
executes the same rewritten source with the same overrides. To all others it is a ``__main__`` like
any.

The overrides are written to a private file when that name is first asked for, so a run whose script
starts no processes pays nothing. The file's path is part of the name: nothing depends on the
environment, which a forkserver keeps from the first run that it served.
"""

from __future__ import annotations

import os
import sys
from _weakref import ref  # `weakref` has more than every run should pay for
from contextlib import ExitStack
from importlib.machinery import ModuleSpec
from types import ModuleType

from kohakuengine.engine.reimport import Reimport
from kohakuengine.engine.script import Script

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Payload", "RespawningMain", "payload_of", "replay"]

PACKAGE = "kohakuengine.engine.spawned"

# Who starts processes: `multiprocessing.spawn`, and the modules of that name in what was made after
# it (loky, billiard, multiprocess). All others who ask, tracebacks and debuggers and coverage among
# them, only want to know what the module is called.
_STARTER = "spawn"


class Payload:
    """What a child needs to execute the script as this process does; a file, once it is wanted.

    Args:
        script: The script.
        overrides: What is overridden in it.
        last: Whether this process ends with the script. Then the file is removed at its exit: a
            thread that outlives the script may start processes yet.

    Attributes:
        owner: The process that runs the script. Others are workers that it forked.
    """

    def __init__(self, script: Script, overrides: dict[str, Any], *, last: bool = False) -> None:
        self._script = script
        self._overrides = overrides
        self._last = last
        self.owner = os.getpid()
        self._files = ExitStack()
        self._name = ""

    def name(self) -> str:
        """The module's name that leads a child to the payload, which is written now at the latest.

        Raises:
            TransportError: An override cannot cross a process border.
        """
        if not self._name:
            self._name = f"{PACKAGE}.at_{self._write().encode().hex()}"
        return self._name

    def close(self) -> None:
        """Remove the file, if there ever was one."""
        self._files.close()

    def _write(self) -> str:
        from kohakuengine.config.transport import dumps, private_directory

        spec = self._script.spec
        package = "" if spec is None else spec.parent
        # By itself, so that an error names the value in it.
        overrides = dumps(self._overrides, what=f"the config of {self._script.name}")
        data = dumps((self._script.filename, package, overrides), what="a payload")
        # What children unpickle, only this user can write.
        path = os.path.join(self._files.enter_context(private_directory()), "main")
        with open(path, "wb") as file:
            file.write(data)
        if os.getpid() != self.owner:
            # A worker that was forked from the run starts processes of its own; when it ends,
            # multiprocessing calls this, after it has waited for them.
            from multiprocessing.util import Finalize

            Finalize(None, self._files.close, exitpriority=-1)
        elif self._last:
            import atexit

            atexit.register(self.close)
        return path


class RespawningMain(ModuleType):
    """The ``__main__`` of a run with overrides.

    Args:
        payload: What children of the script are led to.
    """

    def __init__(self, payload: Payload) -> None:
        super().__init__("__main__")
        # No entry of the namespace, which is the script's alone; and no slot, with which the script
        # could not give its module another class.
        _payloads[ref(self, _payloads.pop)] = payload

    def _shown_spec(self) -> ModuleSpec | None:
        asking = str(sys._getframe(1).f_globals.get("__name__"))  # noqa: SLF001
        if asking.rpartition(".")[2] == _STARTER:
            return ModuleSpec(payload_of(self).name(), None)
        return vars(self).get("__spec__")

    def _set_spec(self, spec: ModuleSpec | None) -> None:
        vars(self)["__spec__"] = spec

    __spec__ = property(_shown_spec, _set_spec)


_payloads: dict[ref[ModuleType], Payload] = {}  # each goes when its module does


def payload_of(module: ModuleType) -> Payload:
    """The payload of a run's ``__main__``."""
    return _payloads[ref(module)]


def replay(namespace: dict[str, Any], path: str) -> None:
    """Execute the script of the payload at `path`, with its overrides, in `namespace`."""
    from kohakuengine.config.transport import loads
    from kohakuengine.engine.hook import RunHook
    from kohakuengine.engine.rewrite import rewrite
    from kohakuengine.engine.source import read_source

    with open(path, "rb") as file:
        filename, package, packed = loads(file.read())
    overrides = loads(packed)
    namespace["__file__"] = filename
    namespace["__package__"] = package
    if package:
        __import__(package)
    sys.meta_path.insert(0, Reimport(filename, overrides))
    hook = RunHook(namespace, overrides)
    code = rewrite(read_source(filename), overrides, with_arguments=False).bind(hook)
    exec(code, namespace)  # noqa: S102 - the script
    hook.settle(patient=True)  # the parent's main guard may make more
