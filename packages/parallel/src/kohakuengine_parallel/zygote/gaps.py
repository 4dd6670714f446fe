"""Where memory that a fork allocates comes from: few pages, not many.

An allocator hands out what was freed before, wherever that lies, and each page that a fork writes
to is copied. So the gaps are filled before anything is forked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

__all__ = ["fill_gaps"]

# Python's allocator: blocks up to so many bytes come from pools of one size each, which begin with
# a head. Where these are not so, gaps are filled all the same, up to so many.
_LARGEST = 512
_STEP = 16
_POOL = 1 << 14
_HEAD = 48
_MOST = 2000

_BYTES_HEAD = 33  # what a `bytes` takes besides its content
_fillings: list[object] = []


def fill_gaps() -> None:
    """Have what is allocated from now on lie together, each size on pages of its own."""
    _fill_heap()
    _fillings.clear()
    _fill(object)
    _fill(partial(complex, 1, 1))
    for size in range(3 * _STEP, _LARGEST + 1, _STEP):
        _fill(partial(bytes, size - _BYTES_HEAD))


def _fill(make: Callable[[], object]) -> None:
    last = make()
    for _ in range(_MOST):
        made = make()
        if id(last) % _POOL == _HEAD and 0 < id(made) - id(last) <= _LARGEST:
            return  # the first two of a pool, which is empty again after this
        _fillings.append(last)
        last = made


# The C library keeps what was freed by size, up to 1 KiB, and larger pieces, which it divides.
_HEAP_SIZES = (
    *([1 << 16] * 4),
    *(1 << power for power in range(15, 10, -1)),
    *range(1032, 8, -16),
)


def _fill_heap() -> None:
    """Have what the C library allocates from now on come from the end of its heap."""
    if sys.platform != "linux":
        return  # nothing is forked there
    from kohakuengine_parallel.zygote.family import allocate, free, is_glibc

    if not is_glibc:
        return  # other allocators have no such end
    end = 0
    for size in _HEAP_SIZES:
        for _ in range(_MOST):
            made = allocate(size)
            if made >= end:
                end = made
                free(made)
                break
