"""The online tail guard: what a statistic did in its own past decides how much higher its threshold must be.

A table threshold holds for independent points; real metrics are not. So the statistic is taken as a multiple of its table threshold, its
largest value in each block of two windows goes into a histogram of logarithms, and a generalised Pareto tail fitted to the upper part of
those maxima (probability-weighted moments, Hosking & Wallis 1987, with the shape shrunk to zero and widened by its own uncertainty) gives
the factor at which the promised run length is kept. Where no smooth tail fits (a short window can only take few values), counting corrects
it: what was reached more often than promised is below the factor. It is never below one: unknown dependence makes a series quieter, never
noisier.

A histogram of one byte a bin holds 255 maxima in one of them, which takes some thousand blocks. When one is full all are halved, and so are
the counts of maxima and points that they stand for: a long past fades, shares stay what they are, and the largest of all is not forgotten.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import TAIL_BINS, Arena
from streamkl.core.compiled import aside, inlined, outlined

BINS_PER_E = 20
LOWEST = -2.0  # ln of the smallest maximum told apart; the largest is e^4 = 55 times the table threshold
FIRST_BLOCKS = 8  # maxima before the first fit
REFIT_GROWTH = 1.3  # then whenever the number of judged points has grown by this
STRETCH = 1.5  # a maximum counts for at most so many times the factor: one incident must not blind the series
UPPER_SHARE = 0.3  # of the maxima, the part that the tail is fitted to
MANY_BLOCKS = 400  # from so many on that part falls as 1 / sqrt(maxima): the more there are, the further out a tail can be seen
EXTRA = 0.5  # alarms beyond those promised that the past may hold
SHAPE_LOW, SHAPE_HIGH = -0.5, 0.4
SHAPE_PRIOR = 20.0  # exceedances that the shape zero weighs
FULL = np.iinfo(np.uint8).max  # of one bin
MOST_JUDGED = 2**31  # points that a test can have been judged on while it only repeats an alarm: blocks that count are halved long before


@inlined
def tail_bin(ratio: float) -> int:
    """Bin of a maximum, given as a multiple of the table threshold."""
    if ratio <= np.exp(LOWEST):
        return 0
    return min(int((np.log(ratio) - LOWEST) * BINS_PER_E), TAIL_BINS - 1)


@inlined
def bin_edge(index: int) -> float:
    """Lower edge of a bin of maxima."""
    return float(np.exp(LOWEST + index / BINS_PER_E))


@outlined
def fit(histogram: NDArray[np.uint8], blocks: int, block: float, log_run: float) -> float:
    """The factor that keeps a run length of exp(log_run) points, from maxima of blocks of `block` points.

    Exceedances are read at the middle of their bins (5 % wide). O(tail bins).
    """
    wanted = max(3, int(UPPER_SHARE * blocks * min(1.0, np.sqrt(MANY_BLOCKS / blocks))))
    upper = TAIL_BINS
    k = 0
    while upper > 0 and k < wanted:
        upper -= 1
        k += int(histogram[upper])
    threshold = bin_edge(upper)
    for index in range(upper - 1, -1, -1):  # the largest maximum below the exceedances, where it is expected within its bin
        if histogram[index] > 0:
            part = histogram[index] / (histogram[index] + 1.0)
            threshold = bin_edge(index) + part * (bin_edge(index + 1) - bin_edge(index))
            break
    m0 = 0.0
    m1 = 0.0
    seen = 0
    for index in range(upper, TAIL_BINS):
        count = int(histogram[index])
        if count > 0:
            excess = 0.5 * (bin_edge(index) + bin_edge(index + 1)) - threshold
            m0 += count * excess
            ranks = count * seen + 0.5 * count * (count + 1) - 0.35 * count  # sum of (i - 0.35) over the bin's ranks
            m1 += excess * (count - ranks / k)
            seen += count
    m0 /= k
    m1 /= k
    shape = 2.0 - m0 / (m0 - 2.0 * m1) if m0 > 2.0 * m1 else SHAPE_HIGH
    shape = min(max(shape, SHAPE_LOW), SHAPE_HIGH) * k / (k + SHAPE_PRIOR)
    if shape < 0.0:
        shape *= 0.5
    scale = m0 * (1.0 - shape)
    shape += 1.0 / k  # a predictive tail: the parameters are estimates
    expected = max(np.exp(log_run) * k / (blocks * block), 1.0)  # exceedances per promised alarm
    spread = (expected**shape - 1.0) / shape if abs(shape) > 1e-9 else np.log(expected)
    promised = blocks * block / np.exp(log_run)
    return float(max(threshold + scale * spread, counted(histogram, promised + EXTRA), 1.0))


@inlined
def counted(histogram: NDArray[np.uint8], allowed: float) -> float:
    """The lowest edge of a bin above which no more than `allowed` maxima lie."""
    seen = 0.0
    for index in range(TAIL_BINS - 1, -1, -1):
        seen += histogram[index]
        if seen > allowed:
            return bin_edge(index + 1)
    return 0.0


@inlined
def observe(a: Arena, row: int, w: int, ratio: float, block: int) -> None:
    """Take in one judged statistic of test `w`, as a multiple of its table threshold, in blocks of so many points; O(1) amortised."""
    a.judged[row, w] += 1
    if a.block_left[row, w] == 0:
        a.block_left[row, w] = block
        a.block_max[row, w] = 0.0
    a.block_max[row, w] = max(float(a.block_max[row, w]), ratio)
    a.block_left[row, w] -= 1
    if a.block_left[row, w] > 0:
        return
    record(a, row, w)
    # An open episode is judged to its end by the threshold it was opened with; else it would end by raising it.
    if a.blocks[row, w] >= FIRST_BLOCKS and a.judged[row, w] >= a.next_fit[row, w] and not a.open[row]:
        refit(a, row, w)


@inlined
def record(a: Arena, row: int, w: int) -> None:
    """Close a block. The guard must not learn an incident: of maxima in a row at or above the factor only the first counts, and for no more
    than a multiple of the factor. What does count moves the factor at once."""
    maximum = float(a.block_max[row, w])
    factor = a.factor[row, w]
    if factor > 0.0 and maximum >= factor:
        if a.flagged[row, w]:
            a.judged[row, w] = min(a.judged[row, w], MOST_JUDGED)
            return
        a.flagged[row, w] = True
        maximum = min(maximum, STRETCH * factor)
        a.next_fit[row, w] = 0
    else:
        a.flagged[row, w] = False
    if a.tail[row, w, tail_bin(maximum)] == FULL:
        _fade(a, row, w)
    a.tail[row, w, tail_bin(maximum)] += 1
    a.blocks[row, w] += 1


@aside
def _fade(a: Arena, row: int, w: int) -> None:
    before = a.blocks[row, w]
    a.blocks[row, w] = halve(a.tail[row, w])
    a.judged[row, w] = np.int64(a.judged[row, w]) * a.blocks[row, w] // before
    a.next_fit[row, w] = 0


@inlined
def halve(histogram: NDArray[np.uint8]) -> Any:
    """Halve a histogram: of the n largest in it the (n + 1) // 2 largest stay, whatever n. Returns how many stay of all. O(bins)."""
    seen: Any = 0
    left: Any = 0
    for k in range(len(histogram) - 1, -1, -1):
        seen += np.int64(histogram[k])
        before = left
        left = (seen + 1) >> 1
        histogram[k] = left - before
    return left


@aside
def refit(a: Arena, row: int, w: int) -> None:
    """Fit the tail again; O(tail bins), at geometrically growing intervals and after each alarm."""
    block = a.judged[row, w] / a.blocks[row, w]
    a.factor[row, w] = fit(a.tail[row, w], a.blocks[row, w], block, a.log_run[row])
    a.next_fit[row, w] = int(a.judged[row, w] * REFIT_GROWTH)
