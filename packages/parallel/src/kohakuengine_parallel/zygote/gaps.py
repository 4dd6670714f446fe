"""Where memory that a fork allocates comes from: few pages, not many.

An allocator hands out what was freed before, wherever that lies, and each page that a fork writes
to is copied. So the gaps are filled before anything is forked.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial

from kohakuengine_parallel.zygote.family import allocate, free, is_glibc
from kohakuengine_parallel.zygote.heap import is_gathered

__all__ = ["fill_gaps"]

# Python's allocator: blocks up to so many bytes come from pools of one size each, which begin with
# a head. Where these are not so, gaps are filled all the same, up to so many of each size at a
# time, and so many in all.
_LARGEST = 512
_STEP = 16
_POOL = 1 << 14
_HEAD = 48
_ROW = 8  # so many next to each other, from the first on, are in a pool that was empty
_MOST = 2000
_MOST_OF_ALL = 50_000

_BYTES_HEAD = 33  # what a `bytes` takes besides its content
_fillings: list[object] = []

# By which each size is filled, the largest first: that takes whatever pools are free. They are made
# before anything is imported, for what is freed after its size was filled leaves a gap again.
_MAKERS: tuple[Callable[[], object], ...] = (
    *(partial(bytes, size - _BYTES_HEAD) for size in range(_LARGEST, 2 * _STEP, -_STEP)),
    partial(complex, 1, 1),
    object,
)


def fill_gaps() -> None:
    """Have what is allocated from now on lie together, each size on pages of its own.

    These are not among those that `heap` has gathered, as far as that can be done.
    """
    gc.collect()  # Python keeps some of the lists, tuples and dicts that were freed, for the next
    _fill_heap()
    number = 0  # not `for`, whose iterator would leave its place as a gap
    while number < len(_MAKERS) and len(_fillings) < _MOST_OF_ALL:
        _fill(_MAKERS[number])
        number += 1


def _fill(make: Callable[[], object]) -> None:
    last = make()
    number = row = 0
    while number < _MOST:
        _fillings.append(last)
        made = make()
        if not 0 < id(made) - id(last) <= _LARGEST:
            row = 0
        elif row or id(last) % _POOL == _HEAD:
            row += 1
        last = made
        number += 1
        if row == _ROW and not is_gathered(made):
            del _fillings[-_ROW:]
            return  # it was an empty pool, and is again


# The C library keeps what was freed by size, up to 1 KiB, and larger pieces, which it divides.
_HEAP_SIZES = (
    *([1 << 16] * 4),
    *(1 << power for power in range(15, 10, -1)),
    *range(1032, 8, -16),
)


def _fill_heap() -> None:
    """Have what the C library allocates from now on come from the end of its heap."""
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
