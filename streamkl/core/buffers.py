"""Buffers of points, for rows that learn: given out and taken back, and their memory with them."""

from heapq import heapify, heappop, heappush
from typing import Any

from streamkl.core import layout, room
from streamkl.core.arena import Pool

GROUP = 64  # buffers whose memory goes back together, when none of them is in use


class Buffers:
    """`pool` holds buffers of `size` points. Those that are free hold zeros, so that equal states are equal bytes.

    The lowest free one is given first: those in use lie together, and what is behind them is given back.
    """

    def __init__(self, pool: Pool, used: set[int]) -> None:
        self.pool = pool
        self._free = [slot for slot in range(len(pool.value)) if slot not in used]
        self._used = [0] * (len(pool.value) // GROUP + 1)  # of each group
        for slot in used:
            self._used[slot // GROUP] += 1
        heapify(self._free)

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
                room.give_back(array, group * GROUP, min((group + 1) * GROUP, len(array)))

    def _grow(self) -> None:
        old, arrays = len(self.pool.value), list[Any](self.pool)
        self.pool = layout.empty_pool(0)  # so that `arrays` alone holds them
        layout.grow(arrays, max(4, old), large_pages=False)
        self.pool = Pool(*arrays)
        self._free = list(range(old, len(self.pool.value)))
        self._used += [0] * (len(self.pool.value) // GROUP + 1 - len(self._used))
