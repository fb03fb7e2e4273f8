"""Points of a window in each bin, a byte a bin and what does not fit into it.

Of fewer than 512 points no two bins have 256: which one has is written down once a window. Longer windows have two more bytes a bin.
"""

import numpy as np

from streamkl.core.arena import Arena
from streamkl.core.compiled import inlined

MOST_CROWDED = 511  # points of which one bin alone can have more than a byte counts
_BYTE = 256


@inlined
def count_of(a: Arena, row: int, w: int, code: int) -> int:
    """Points of the window in this bin."""
    low = int(a.counts[row, w, code])
    if a.counts_high.shape[1] > 0:
        return low + _BYTE * int(a.counts_high[row, w, code])
    return low + _BYTE if a.crowded[row, w] == np.int64(code) + 1 else low


@inlined
def put_count(a: Arena, row: int, w: int, code: int, count: int, before: int) -> None:
    """Set it, to one more or one fewer than it was `before`."""
    a.counts[row, w, code] = count & (_BYTE - 1)
    if (count ^ before) >= _BYTE:
        _carry(a, row, w, code, count)


@inlined
def _carry(a: Arena, row: int, w: int, code: int, count: int) -> None:
    if a.counts_high.shape[1] > 0:
        a.counts_high[row, w, code] = count >> 8
    else:
        a.crowded[row, w] = np.int64(code) + 1 if count >= _BYTE else 0
