"""How values cross a process border: whole, or not at all.

They are pickled; with cloudpickle, where that is installed, also what pickle can only name: local
functions, lambdas, and what config files and the main script define. The bytes carry the search
path for modules, so that the other process finds what this one imported. Import this module where
a process is about to start, not before: it costs what pickle costs.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from types import FunctionType

from kohakuengine.config.siblings import search_path
from kohakuengine.errors import TransportError

try:
    # What `pickle` is made of: that itself imports `re`, and takes twice as long.
    import _pickle as pickle
except ImportError:  # not CPython
    import pickle  # type: ignore[no-redef]

TYPE_CHECKING = False  # as `typing`'s, whose import every run would pay for
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_SIZE = 4

_PROTOCOL = 5  # the first with out-of-band buffers; every Python we support reads it

# In another process these are other modules.
_MAIN = frozenset({"__main__", "__mp_main__"})


def dumps(obj: Any, *, what: str) -> bytes:
    """Turn a value into bytes for `loads` in another process on this machine.

    Args:
        obj: A `Config`, or anything.
        what: The value's name in the error message: ``"the config of train.py"``.

    Raises:
        TransportError: The value, or one that it holds, cannot be pickled; the message names it.
    """
    try:
        return _pickled(obj, _head(search_path()))
    except Exception as error:  # whatever the values' own __reduce__ raises
        raise TransportError(_explained(obj, what, error)) from error


def loads(data: bytes | bytearray) -> Any:
    """Turn the bytes of `dumps` into the value again.

    Only for bytes that come from one's own parent or child: unpickling runs what they say.

    Raises:
        TransportError: The value cannot be rebuilt in this process.
    """
    with memoryview(data) as view:
        start = _SIZE + int.from_bytes(view[:_SIZE])
        added = _missing(bytes(view[_SIZE:start]), tuple(sys.path))
        sys.path.extend(added)
        try:
            return pickle.loads(view[start:])  # noqa: S301 - our own bytes
        except Exception as error:  # whatever the values' own code raises
            reason = f"{type(error).__name__}: {error}"
            raise TransportError(f"a value cannot be rebuilt in this process: {reason}") from error
        finally:
            if added:
                sys.path[:] = [path for path in sys.path if path not in added]


# The search path leads, after its size. It is the same for all runs of a flow, and takes more time
# than most values.


@lru_cache(maxsize=8)
def _head(paths: tuple[str, ...]) -> bytes:
    packed = pickle.dumps(paths, _PROTOCOL)
    return len(packed).to_bytes(_SIZE) + packed


@lru_cache(maxsize=8)
def _missing(packed: bytes, known: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of the other process that this one does not have."""
    return tuple(path for path in pickle.loads(packed) if path not in known)  # noqa: S301 - our own


@contextmanager
def private_directory() -> Iterator[str]:
    """A directory that only this user can enter, removed with all it holds when the block ends.

    A forked child that leaves the block does not take the directory from its parent.
    """
    from tempfile import gettempdir

    # Named before it is made, which `mkdtemp` does not do: no interrupt in between loses it.
    path = os.path.join(gettempdir(), f"kogine-{os.urandom(12).hex()}")
    owner = os.getpid()
    try:
        os.mkdir(path, 0o700)
        yield path
    finally:
        if os.getpid() == owner:
            try:
                _remove(path)
            except KeyboardInterrupt:  # it is raised when all is gone
                _remove(path)
                raise


def _remove(path: str) -> None:
    """Remove a directory of ours, also where somebody else is about to do the same."""
    while os.path.isdir(path):
        try:
            # Not by `shutil.rmtree`, which closes a file twice where it is interrupted.
            for place, _, files in os.walk(path, topdown=False, onerror=_reraise):
                for file in files:
                    os.unlink(os.path.join(place, file))
                os.rmdir(place)
        except FileNotFoundError:
            continue


def _reraise(error: OSError) -> None:
    raise error


class _Pickler(pickle.Pickler):
    """Refuses what another process would look for in its own main module, and not find."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType) and obj.__module__ in _MAIN:
            raise pickle.PicklingError(f"{obj.__qualname__!r} is defined in the main script")
        return NotImplemented


def _pickled(obj: Any, head: bytes = b"") -> bytes:
    # Most configs hold plain values, for which cloudpickle need not be imported (43 ms).
    stream = io.BytesIO()
    stream.write(head)  # now, for to put it before a big value later is to copy that
    try:
        _Pickler(stream, _PROTOCOL).dump(obj)
    except Exception:  # cloudpickle may know how; if not, it says why
        cloudpickle = _cloudpickle()
        if cloudpickle is None:
            raise
        return head + bytes(cloudpickle.dumps(obj, _PROTOCOL))
    return stream.getvalue()


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:
        return None
    return cloudpickle


def _explained(obj: Any, what: str, error: Exception) -> str:
    place, culprit = _culprit(obj)
    named = f"{what}: {place}" if place else what
    hint = "" if _cloudpickle() else " (pip install cloudpickle lifts many such limits)"
    kind = type(culprit).__qualname__
    return f"{named} ({kind}) cannot cross a process border: {error}{hint}"


def _culprit(obj: Any) -> tuple[str, Any]:
    """The innermost value that cannot be pickled, and where it is."""
    place = ""
    seen: set[int] = set()
    while True:
        seen.add(id(obj))
        for label, child in _children(obj):
            if id(child) not in seen and not _crosses(child):
                place, obj = place + label, child
                break
        else:
            return place.lstrip("."), obj


def _children(obj: Any) -> Iterator[tuple[str, Any]]:
    from kohakuengine.config.base import Config  # needs dataclasses, which runs do without
    from kohakuengine.config.plain import PlainConfig

    if isinstance(obj, Config | PlainConfig):
        yield ".globals", obj.globals_dict
        yield ".args", obj.args
        yield ".kwargs", obj.kwargs
        yield ".metadata", getattr(obj, "metadata", None)
    elif isinstance(obj, dict):
        yield from ((f"[{key!r}]", value) for key, value in obj.items())
    elif isinstance(obj, list | tuple):
        yield from ((f"[{index}]", value) for index, value in enumerate(obj))


def _crosses(obj: Any) -> bool:
    try:
        _pickled(obj)
    except Exception:
        return False
    return True
