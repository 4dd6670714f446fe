"""Where a zygote has what it imports: in one piece of memory, and in large pages.

A fork takes the longer the more pages there are, and so does its end. Python's allocator has small
objects in arenas of 1 MiB, each of which the kernel puts where there is room, between libraries: a
large page (2 MiB, mostly) needs more in one piece.

One that is written to, by a fork or by the zygote while there are forks, is for that process so
many small pages from then on. So what the zygote itself goes on to use lies elsewhere: what it had
before its imports, and by the help of `gaps` what it makes after them.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

from kohakuengine_parallel.zygote.family import allocate, free, is_glibc

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["call_gathered", "enlarge_pages", "is_gathered"]

_ARENA_SIZE = 1 << 20  # of Python's since 3.10, in bytes
_ALIGNMENT = 1 << 14  # of the pools in an arena
_LARGE_PAGE = 1 << 21  # where pages are of 4 KiB; elsewhere it does no harm
_CHUNK_HEAD = 16  # of a piece of the C library's heap, in bytes
_STACK_SIZE = 1 << 18  # in words: 2 MiB, many times over what calls as deep as Python allows take

# <linux/mman.h>, since Linux 6.1. Others refuse it.
_MADV_COLLAPSE = 25

# https://docs.kernel.org/admin-guide/mm/transhuge.html
_POLICY = "/sys/kernel/mm/transparent_hugepage/enabled"

_libc = ctypes.PyDLL(None)
_libc.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
_libc.sbrk.argtypes, _libc.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_size_t

_begin, _end = 0, 0  # of what is gathered


class _ArenaAllocator(ctypes.Structure):
    # https://docs.python.org/3/c-api/memory.html#c.PyObjectArenaAllocator
    _fields_ = (
        ("ctx", ctypes.c_void_p),  # the first argument of the two
        ("alloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


def call_gathered(action: Callable[[], T]) -> T:
    """Call it, and have new arenas put into the C library's heap, which is one piece of memory."""
    global _begin, _end  # noqa: PLW0603 - of the one heap that there is
    if not is_glibc:  # others have no such heap
        return action()
    usual = _ArenaAllocator()
    ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(usual))
    # mallopt(3), M_MMAP_THRESHOLD: what is smaller than the largest piece that was freed so far is
    # taken from the heap.
    bytes(2 * _ARENA_SIZE)
    _begin = _next_large_page()
    # Arenas are freed in the usual way, which gives their pages back to the kernel. The library,
    # never told of it, goes on to see them as in use, and does not look into them.
    heap = _ArenaAllocator(
        _ALIGNMENT, ctypes.cast(_libc.aligned_alloc, ctypes.c_void_p), usual.free
    )
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(heap))
    try:
        return action()
    finally:
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(usual))
        _end = _libc.sbrk(0)


# Python asks the same allocator for room for the frames of calls, 16 KiB at a time, and frees that
# when the call that needed more is over: each time, that would be another hole in the heap. So this
# call's own frame is made to take so much that those of all others have room beside it.
call_gathered.__code__ = call_gathered.__code__.replace(co_stacksize=_STACK_SIZE)


def _next_large_page() -> int:
    """Have what is allocated from the heap from now on begin with a large page, and return where.

    What is passed over is never written to, and so takes no memory.
    """
    place: int = allocate(_LARGE_PAGE)  # by its size nowhere but at the end
    free(place)
    rest = -place % _LARGE_PAGE
    allocate(max(0, rest - _CHUNK_HEAD))
    return place + rest


def is_gathered(made: object) -> bool:
    """Whether an object lies where new arenas were put by `call_gathered`."""
    return _begin <= id(made) < _end


def enlarge_pages() -> None:
    """Have the heap in large pages, where the system has them and the kernel finds room.

    A fork that writes to one has 4 KiB of it copied, as ever.
    """
    with suppress(OSError):  # a kernel without large pages
        with open(_POLICY) as file:
            if "[never]" in file.read():  # which this way of asking would pass over
                return
        with open("/proc/self/maps") as file:
            heaps = [line.split()[0] for line in file if line.endswith("[heap]\n")]
        for heap in heaps:
            start, end = (int(address, 16) for address in heap.split("-"))
            _libc.madvise(start, end - start, _MADV_COLLAPSE)
