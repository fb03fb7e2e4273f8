"""Memory of large arrays: it grows where it lies, untouched rows take none, and rows that nobody uses are given back to the system."""

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 1 << 22  # bytes of an array that has memory of its own; numpy asks for large pages from there on, and so do we
_OWN = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def zeros(shape: tuple[int, ...], dtype: Any, *, large_pages: bool = True) -> NDArray[Any]:
    """As numpy's. What is to be given back in pieces has no `large_pages`."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LARGE or not _OWN:
        return np.zeros(shape, dtype)
    room = mmap.mmap(-1, size, **_OWN)
    if large_pages and hasattr(mmap, "MADV_HUGEPAGE"):
        room.madvise(mmap.MADV_HUGEPAGE)
    return _array(room, shape, dtype)


def lengthen(arrays: list[NDArray[Any]], index: int, more: int, *, large_pages: bool = True) -> None:
    """Put so many rows of zeros behind one of `arrays`. Where it has memory of its own, and nobody else holds it, nothing is copied."""
    array = arrays[index]
    kept, shape, dtype = array.shape, (len(array) + more, *array.shape[1:]), array.dtype
    room = _room(array)
    if room is not None:
        arrays[index] = array = np.zeros(0, dtype)  # a view would keep the room where it is
        try:
            room.resize(math.prod(shape) * dtype.itemsize)
        except (BufferError, SystemError, OSError):  # it is held, or the system cannot
            arrays[index] = array = _array(room, kept, dtype)
        else:
            arrays[index] = _array(room, shape, dtype)
            return
    arrays[index] = zeros(shape, dtype, large_pages=large_pages)
    arrays[index][: len(array)] = array


def give_back(array: NDArray[Any], first: int, last: int) -> None:
    """Let go the memory of rows of zeros from `first` to before `last`, as far as it is whole pages."""
    room, row = _room(array), array.strides[0]
    begin, end = -(-first * row // mmap.PAGESIZE) * mmap.PAGESIZE, last * row // mmap.PAGESIZE * mmap.PAGESIZE
    if room is not None and begin < end and hasattr(mmap, "MADV_DONTNEED"):
        room.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def _array(room: mmap.mmap, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.frombuffer(room, dtype).reshape(shape)  # which keeps the room from moving as long as a view of it is there


def _room(array: NDArray[Any]) -> mmap.mmap | None:
    """The memory that an array of `zeros` has to itself."""
    whole = array.base
    owner = whole.base if isinstance(whole, np.ndarray) else None
    return owner.obj if isinstance(owner, memoryview) and isinstance(owner.obj, mmap.mmap) else None
