"""Where the records of a fetched batch lie: compiled arithmetic over its bytes, which may hold anything."""

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import inlined, outlined

COLUMNS = 6  # offset and time as differences to the batch's; where key and value begin and end, an end of -1 for none
_MOST_BITS = 63  # of a varint; what is longer is no record's


@inlined
def _varint(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """The zigzag number at `at`, and where it ends: -1 where it does not."""
    result, shift = 0, 0
    while at < len(data) and shift < _MOST_BITS:
        byte = int(data[at])
        result |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return (result >> 1) ^ -(result & 1), at
        shift += 7
    return 0, -1


@inlined
def _field(data: NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """Where the bytes after a length begin and end (-1 for none), and where the field ends: -1 where it does not."""
    length, start = _varint(data, at)
    if start < 0 or length > len(data) - start:
        return 0, 0, -1
    return (start, -1, start) if length < 0 else (start, start + length, start + length)


@outlined
def locate(data: NDArray[np.uint8], at: int, found: NDArray[np.int64]) -> bool:
    """Fill `found`, (COLUMNS, records), from the records that begin at `at`; False where they are malformed or have headers. O(records)."""
    for record in range(found.shape[1]):
        length, start = _varint(data, at)
        _, at = _varint(data, start) if start >= 0 else (0, -1)  # attributes, which mean nothing
        found[1, record], at = _varint(data, at) if at >= 0 else (0, -1)
        found[0, record], at = _varint(data, at) if at >= 0 else (0, -1)
        found[2, record], found[3, record], at = _field(data, at) if at >= 0 else (0, 0, -1)
        found[4, record], found[5, record], at = _field(data, at) if at >= 0 else (0, 0, -1)
        headers, at = _varint(data, at) if at >= 0 else (0, -1)
        if at < 0 or headers != 0 or at - start != length:
            return False
    return at == len(data)
