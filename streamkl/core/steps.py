"""Steps from point to point around a ring: whole numbers of a byte or two each, or quarters of a byte, which tell -1, 0, 1 and 2."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import inlined

QUARTERS, WHOLE = True, False  # how steps lie
LEAST_QUARTER, MOST_QUARTER = -1, 2


def bytes_of_quarters(steps: int) -> int:
    """Bytes that so many quarters take."""
    return -(-steps // 4)


@inlined
def step_at(steps: NDArray[Any], quarters: bool, row: int, at: int) -> Any:
    """The step at this place of a row's ring. O(1)."""
    if quarters:
        return ((((np.int64(steps[row, at >> 2]) >> ((at & 3) << 1)) & 3) + 1) & 3) - 1
    return np.int64(steps[row, at])


@inlined
def put_step(steps: NDArray[Any], quarters: bool, row: int, at: int, step: int) -> None:
    """Write a step that fits. O(1)."""
    if quarters:
        shift = (at & 3) << 1
        steps[row, at >> 2] = (np.int64(steps[row, at >> 2]) & (255 - (3 << shift))) | ((step & 3) << shift)
    else:
        steps[row, at] = step


def unpacked(quarters: NDArray[np.uint8], steps: int) -> NDArray[np.int8]:
    """So many steps of each row (rows, bytes), as whole numbers (rows, steps).

    >>> unpacked(packed(np.array([[-1, 0, 1, 2, 2]], np.int8)), 5).tolist()
    [[-1, 0, 1, 2, 2]]
    """
    each = (quarters[:, :, None] >> np.arange(0, 8, 2, dtype=np.uint8)) & 3
    plain: NDArray[np.int8] = each.reshape(len(quarters), -1)[:, :steps].astype(np.int8)
    plain[plain == 3] = LEAST_QUARTER
    return plain


def packed(steps: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The inverse of `unpacked`."""
    padded = np.zeros((len(steps), bytes_of_quarters(steps.shape[1]) * 4), np.uint8)
    padded[:, : steps.shape[1]] = steps & 3
    quarters: NDArray[np.uint8] = (padded.reshape(len(steps), -1, 4) << np.arange(0, 8, 2, dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
    return quarters
