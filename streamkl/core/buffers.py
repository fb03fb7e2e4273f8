"""Buffers of points, for rows that learn: given out and taken back, and their memory with them."""

import math
import mmap
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core import layout
from streamkl.core.arena import Pool

GROUP = 128  # buffers whose memory goes back together, when none of them is in use; of 500 points so many fill whole pages
LARGE = 1 << 22  # bytes of an array that has pages of its own; smaller ones are not worth giving back
_OWN = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class Buffers:
    """`pool` holds buffers of `size` points. Those that are free hold zeros, so that equal states are equal bytes.

    The lowest free one is given first: those in use lie together, and what is behind them is given back. Nothing is moved by that; only
    where there are none left `pool` is another one, twice as long.
    """

    def __init__(self, pool: Pool, used: set[int]) -> None:
        self.pool = pool
        self._free = [slot for slot in range(len(pool.value)) if slot not in used]  # ascending: a heap
        self._used = [0] * (len(pool.value) // GROUP + 1)  # of each group
        for slot in used:
            self._used[slot // GROUP] += 1

    @property
    def is_full(self) -> bool:
        """Whether the next one given makes others of all."""
        return not self._free

    def give(self) -> int:
        """The number of a free buffer; amortised O(log buffers)."""
        if not self._free:
            self._grow()
        slot = heappop(self._free)
        self._used[slot // GROUP] += 1
        return slot

    def take(self, slot: int, points: int) -> None:
        """The same back, of which the first `points` have been written to."""
        for array in self.pool:
            array[slot, :points] = 0
        heappush(self._free, slot)
        group = slot // GROUP
        self._used[group] -= 1
        if not self._used[group]:
            for array in self.pool:
                _give_back(array, group * GROUP, min((group + 1) * GROUP, len(array)))

    def _grow(self) -> None:
        old, arrays = len(self.pool.value), list[Any](self.pool)
        self.pool = layout.empty_pool(0)  # so that `arrays` alone holds them
        layout.grow(arrays, max(4, old), _zeros)
        self.pool = Pool(*arrays)
        self._free = list(range(old, len(self.pool.value)))
        self._used += [0] * (len(self.pool.value) // GROUP + 1 - len(self._used))


def _zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """As numpy's. A large one has pages of its own, of which some may be given back while its address stays."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LARGE or not _OWN:
        return np.zeros(shape, dtype)
    return np.frombuffer(mmap.mmap(-1, size, **_OWN), dtype).reshape(shape)


def _give_back(array: NDArray[Any], first: int, last: int) -> None:
    """Let go the memory of rows of zeros from `first` to before `last`, as far as it is whole pages: they read as zeros again."""
    pages, row = _pages(array), array.strides[0]
    begin, end = -(-first * row // mmap.PAGESIZE) * mmap.PAGESIZE, last * row // mmap.PAGESIZE * mmap.PAGESIZE
    if pages is not None and begin < end and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def _pages(array: NDArray[Any]) -> mmap.mmap | None:
    """The pages that an array of `_zeros` has to itself."""
    whole = array.base
    owner = whole.base if isinstance(whole, np.ndarray) else None
    return owner.obj if isinstance(owner, memoryview) and isinstance(owner.obj, mmap.mmap) else None
